package train

import (
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// newSlot makes a variable that an optimizer keeps beside v. It has the shape and the
// device of v, and is saved but not trained. All its elements start as number; if the
// shape is known, fill makes the initializer.
func newSlot(v *tf.Variable, name string, fill func(dims ...int64) tf.Initializer, number float64) (*tf.Variable, error) {
	g := v.Graph()
	o := &tf.VariableOptions{NotTrainable: true, Ref: !v.IsResource(), ColocateWith: v}
	name = g.UniqueName(v.Name() + "/" + name)
	if s := v.SaveSliceInfo(); s != nil {
		// A slot of a part of a variable is a part of the slot of the whole.
		slot := *s
		slot.FullName += "/" + strings.TrimPrefix(name, v.Name()+"/")
		o.SliceInfo = &slot
	}
	dims, err := v.Shape().ToSlice()
	if err == nil && !slices.ContainsFunc(dims, func(d int64) bool { return d < 0 }) {
		return tf.NewVariable(g, name, fill(dims...).WithDType(v.DType()), o)
	}
	o.AnyShape = true
	init, err := likeInitialValue(v, name, number)
	if err != nil {
		return nil, err
	}
	return tf.NewVariable(g, name, tf.FromOutput(init), o)
}

// likeInitialValue fills the shape of v's initial value, known or not.
func likeInitialValue(v *tf.Variable, name string, number float64) (tf.Output, error) {
	if v.InitialValue().Op == nil {
		return tf.Output{}, &tfkeep.Error{Op: "make slot", Item: "variable", Name: name, Err: tfkeep.ErrArgument, Detail: "neither the shape nor the initial value of the trained variable is known"}
	}
	b := graphbuild.Open(v.Graph(), name+"/Initializer").Beside(v.Handle().Op)
	shape := b.Value("Shape", "Shape", v.InitialValue())
	filled := b.Value("Fill", "fill", shape, b.Const(b.Unique("value"), v.DType(), number))
	return filled, b.Err()
}

// slots holds slots of one kind, by variable.
type slots map[*tf.Variable]*tf.Variable

// add makes the slot of one variable.
func (s slots) add(v *tf.Variable, name string, fill func(dims ...int64) tf.Initializer, number float64) (err error) {
	s[v], err = newSlot(v, name, fill, number)
	return err
}

// addZeros makes the slot of one variable, filled with zeros.
func (s slots) addZeros(v *tf.Variable, name string) error { return s.add(v, name, tf.Zeros, 0) }

// addRate adds the learning rate, unless it is a tensor of the graph already.
func addRate(b *graphbuild.Builder, rate float64, tensor tf.Output) tf.Output {
	if tensor.Op != nil {
		return tensor
	}
	return number(b, "learning_rate", rate)
}

// nameOr returns name, or the usual name if it is empty.
func nameOr(name, usual string) string {
	if name == "" {
		return usual
	}
	return name
}
