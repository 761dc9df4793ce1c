package tf

import "strings"

// newSlot makes a variable that an optimizer keeps beside v: of its shape, in
// its place, not trained but saved. It starts filled with number, as fill does.
func newSlot(v *Variable, name string, fill func(dims ...int64) Initializer, number float64) (*Variable, error) {
	g := v.g
	o := &VariableOptions{NotTrainable: true, Ref: !v.resource, ColocateWith: v}
	name = g.UniqueName(v.name + "/" + name)
	if s := v.SaveSliceInfo(); s != nil {
		// A slot of a part of a variable is a part of the slot of the whole.
		slot := *s
		slot.FullName += "/" + strings.TrimPrefix(name, v.name+"/")
		o.SliceInfo = &slot
	}
	dims, err := v.shape.ToSlice()
	for _, d := range dims {
		if d < 0 {
			err = errUnknownShape
		}
	}
	if err == nil {
		return NewVariableWith(g, name, fill(dims...).WithDType(v.dtype), o)
	}
	o.AnyShape = true
	init, err := likeInitialValue(v, name, number)
	if err != nil {
		return nil, err
	}
	return NewVariableWith(g, name, FromOutput(init), o)
}

var errUnknownShape = invalidf("the shape is not known")

// likeInitialValue fills the shape that v starts with, known or not.
func likeInitialValue(v *Variable, name string, number float64) (Output, error) {
	if v.initial.Op == nil {
		return Output{}, invalidf("the slot %q: neither the shape nor the initial value of %q is known", name, v.name)
	}
	n := newNodes(v.g, name+"/Initializer").with(v)
	shape := n.value("Shape", "Shape", v.initial)
	filled := n.value("Fill", "fill", shape, n.constant(n.unique("value"), v.dtype, number))
	return filled, *n.err
}

// slots of one kind, by variable.
type slots map[*Variable]*Variable

// add makes the slot of one variable, filled with a number.
func (s slots) add(v *Variable, name string, fill func(dims ...int64) Initializer, number float64) (err error) {
	s[v], err = newSlot(v, name, fill, number)
	return err
}

// learningRate is the rate that all optimizers have: a number, or a tensor.
type learningRate struct {
	number float64
	tensor Output
}

func (l learningRate) check(m method) error {
	if l.tensor.Op == nil && l.number == 0 {
		return optimizerError(m, "no learning rate: set LearningRate, or LearningRateTensor (for a rate of zero set tf.Zero)")
	}
	return nil
}

func (l learningRate) output(n *nodes) Output {
	if l.tensor.Op != nil {
		return l.tensor
	}
	return n.number("learning_rate", l.number)
}
