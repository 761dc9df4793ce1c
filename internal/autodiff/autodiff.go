package autodiff

import (
	"strconv"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
)

// Gradient is the gradient with respect to one tensor: Dense, or Slices, or
// neither, where the tensor has no influence.
type Gradient struct {
	Dense  tensorflow.Output
	Slices *Slices
}

// IsNone says that there is no gradient.
func (g Gradient) IsNone() bool { return g.Dense.Op == nil && g.Slices == nil }

// Slices is a gradient that is zero but for some rows of the first dimension:
// row Indices[i] has Values[i], and rows that are named twice add up.
type Slices struct {
	Values     tensorflow.Output // shape [n, …], the last dimensions as of the tensor
	Indices    tensorflow.Output // shape [n], int32 or int64
	DenseShape tensorflow.Output // the shape of the whole tensor, int32
}

// Options of Build. The zero value is tf.gradients with its defaults.
type Options struct {
	// GradYs are the gradients that come in at the ys. An output without an
	// operation, and a slice that is too short, stand for ones.
	GradYs []tensorflow.Output
	// StopGradients are treated as constants.
	StopGradients []tensorflow.Output
	// Name is the scope of the new nodes, "gradients" by default. It is made
	// unique.
	Name string
	// UniqueName makes a name unique in the graph and takes it. By default
	// numbers are tried in TensorFlow's manner.
	UniqueName func(string) string
}

// Build adds nodes that compute, for each x, the derivative of the sum of all
// ys with respect to it. The shapes of the gradients are those of the xs; the
// gradient of a resource handle is that of the variable's value.
//
// An x on which no y depends, or only through values that don't change
// continuously, has no gradient; that is not an error. Errors are *tfkeep.Error values of
// the kinds ErrNoGradient, ErrControlFlow and tfkeep.ErrArgument. They leave the graph as
// it was, except for an operation that an older library cannot differentiate, which is
// found only on the way.
func Build(g *tensorflow.Graph, ys, xs []tensorflow.Output, o *Options) ([]Gradient, error) {
	if o == nil {
		o = new(Options)
	}
	if err := check(g, ys, xs, o); err != nil {
		return nil, err
	}
	w, err := newWalk(ys, xs, o.StopGradients)
	if err != nil {
		return nil, err
	}
	p, err := newPlan(w)
	if err != nil {
		return nil, err
	}
	b := &builder{graph: g, unique: o.UniqueName}
	if b.unique == nil {
		b.unique = b.numbered
	}
	name := o.Name
	if name == "" {
		name = "gradients"
	}
	b.base = b.unique(name)
	b.scope = b.base
	return backprop(b, p, o.GradYs)
}

func check(g *tensorflow.Graph, ys, xs []tensorflow.Output, o *Options) error {
	if len(ys) == 0 {
		return invalid("nothing to differentiate: no ys")
	}
	if len(o.GradYs) > len(ys) {
		return invalid("%d gradients for %d ys", len(o.GradYs), len(ys))
	}
	for _, list := range []struct {
		what    string
		outputs []tensorflow.Output
	}{{"y", ys}, {"x", xs}, {"stop gradient", o.StopGradients}} {
		for i, out := range list.outputs {
			if err := inGraph(g, out); err != nil {
				return invalid("%s %d: %v", list.what, i, err)
			}
		}
	}
	for i, y := range ys {
		if dt := dtype.Base(y.DataType()); !trainable(dt) || dt == dtResource || dt == dtVariant {
			return invalid("y %d, %s, has a type (%d) that has no derivative; only floating point values do", i, portName(y), dt)
		}
		if i >= len(o.GradYs) || o.GradYs[i].Op == nil {
			continue
		}
		if err := inGraph(g, o.GradYs[i]); err != nil {
			return invalid("gradient of y %d: %v", i, err)
		}
		if got, want := dtype.Base(o.GradYs[i].DataType()), dtype.Base(y.DataType()); got != want {
			return invalid("the gradient of y %d, %s, has type %d, not %d", i, portName(y), got, want)
		}
	}
	return nil
}

func inGraph(g *tensorflow.Graph, o tensorflow.Output) error {
	// Inputs refuses operations that are nil, in Go or in C.
	if _, err := capi.Inputs(o.Op); err != nil {
		return err
	}
	if capi.GraphOf(o.Op) != g {
		return invalid("%q belongs to another graph", o.Op.Name())
	}
	if o.Index < 0 || o.Index >= o.Op.NumOutputs() {
		return invalid("%q has %d outputs, there is no output %d", o.Op.Name(), o.Op.NumOutputs(), o.Index)
	}
	return nil
}

func portName(o tensorflow.Output) string { return o.Op.Name() + ":" + strconv.Itoa(o.Index) }
