package autodiff

import (
	"errors"
	"fmt"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// Gradient is the gradient with respect to one tensor: Dense or Slices. It is empty if
// the tensor has no influence.
type Gradient struct {
	Dense  tensorflow.Output
	Slices *Slices
}

// IsNone reports whether there is no gradient.
func (g Gradient) IsNone() bool { return g.Dense.Op == nil && g.Slices == nil }

// Slices is a gradient that is zero except for some rows of the first dimension: row
// Indices[i] is Values[i], and rows that are named twice add up.
type Slices struct {
	Values     tensorflow.Output // shape [n, …], with the last dimensions of the tensor
	Indices    tensorflow.Output // shape [n], int32 or int64
	DenseShape tensorflow.Output // the shape of the whole tensor, int32
}

// Options are the options of Build. Nil and the zero value are the defaults of
// tf.gradients.
type Options struct {
	// GradYs are the gradients with respect to the ys. An output without an operation,
	// and an output that a shorter list lacks, means ones.
	GradYs []tensorflow.Output
	// StopGradients name operations, by one of their outputs, that are not differentiated. An
	// x that is one of them has a gradient nevertheless.
	StopGradients []tensorflow.Output
	// Name is the scope of the new nodes, "gradients" by default. It is made unique.
	Name string
	// UniqueName makes a name unique in the graph and marks it as used. By default,
	// numbers are appended as TensorFlow does.
	UniqueName func(string) string
	// Recompute are scopes whose operations are computed again for the gradient, so that their
	// results need not be kept until then.
	Recompute []string
	// Custom returns the gradient that the caller defines under a name, or nil: a type of
	// operation, or what the attribute _gradient_op_type of a node says.
	Custom func(name string) Custom
	// Loops say about while loops of TensorFlow 1, by their frames, what the graph does not.
	Loops map[string]Loop

	// functions has the names of the functions that this call of Build makes, in all graphs.
	functions map[string]bool
	// fixed reports whether an operation must not change any more, because a session has it.
	fixed func(n *node) bool
}

// Loop has the arguments of Python's while_loop that are not in the graph.
type Loop struct {
	// NoGradient is set for a loop with back_prop=False: no gradient passes through it.
	NoGradient bool
	// SwapMemory moves the values that the gradient needs from the memory of a GPU to the host's.
	SwapMemory bool
}

// Build adds nodes that compute, for each x, the derivative of the sum of all ys with
// respect to it. The shapes of the gradients are those of the xs. The gradient of a
// resource handle is that of the variable's value.
//
// An x on which no y depends, or only through values that do not change continuously, has
// no gradient; that is not an error. Errors are *tfkeep.Error values of
// the kinds ErrNoGradient, ErrControlFlow and tfkeep.ErrArgument. They leave the graph as
// it was.
func Build(g *tensorflow.Graph, ys, xs []tensorflow.Output, o *Options) ([]Gradient, error) {
	if o == nil {
		o = new(Options)
	}
	if err := check(g, ys, xs, o); err != nil {
		return nil, err
	}
	own := *o
	own.functions = make(map[string]bool)
	own.fixed = func(n *node) bool {
		op := g.Operation(n.name)
		return op != nil && capi.InSession(op)
	}
	grads, err := build(g, ys, xs, &own)
	var e *tfkeep.Error
	if err != nil && !errors.As(err, &e) {
		err = &tfkeep.Error{Op: "differentiate", Cause: err}
	}
	return grads, err
}

func build(g *tensorflow.Graph, ys, xs []tensorflow.Output, o *Options) ([]Gradient, error) {
	sub, err := newSubgraph(g, ys, xs, o)
	if err != nil {
		return nil, err
	}
	if err := sub.checkScopes(); err != nil {
		return nil, err
	}
	if err := sub.findRules(); err != nil {
		return nil, err
	}
	return backprop(newBuilder(g, o), sub, o.GradYs)
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
		if dt := graphbuild.TypeOf(y); !differentiable(dt) || dt == dtype.Resource || dt == dtype.Variant {
			return invalid("y %d, %s, has the type %s, which has no derivative; only floating point types have one", i, graphbuild.TensorName(y), dtype.Name(dt))
		}
		if i >= len(o.GradYs) || o.GradYs[i].Op == nil {
			if isComplex(y) {
				return invalid("y %d, %s, is complex, and what ones mean for it is not defined: give its gradient in GradYs, or differentiate its real part", i, graphbuild.TensorName(y))
			}
			continue
		}
		if err := inGraph(g, o.GradYs[i]); err != nil {
			return invalid("gradient of y %d: %v", i, err)
		}
		if got, want := graphbuild.TypeOf(o.GradYs[i]), graphbuild.TypeOf(y); got != want {
			return invalid("the gradient of y %d, %s, has the type %s, not %s", i, graphbuild.TensorName(y), dtype.Name(got), dtype.Name(want))
		}
	}
	return nil
}

// inGraph returns why o is not an output of g, or nil.
func inGraph(g *tensorflow.Graph, o tensorflow.Output) error {
	// Inputs refuses operations that are nil, in Go or in C.
	if _, err := capi.Inputs(o.Op); err != nil {
		return err
	}
	if op := g.Operation(o.Op.Name()); op == nil || *op != *o.Op {
		return fmt.Errorf("%q belongs to another graph", o.Op.Name())
	}
	if o.Index < 0 || o.Index >= o.Op.NumOutputs() {
		return fmt.Errorf("%q has %d outputs and no output %d", o.Op.Name(), o.Op.NumOutputs(), o.Index)
	}
	return nil
}
