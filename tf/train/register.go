package train

import (
	"sync"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train/internal/autodiff"
)

// GradientNode is the operation that a [GradientFunc] differentiates.
type GradientNode struct {
	Op     *tf.Operation // its outputs are Op.Output(i)
	Inputs []tf.Output
}

// GradientFunc adds the operations of a gradient to a scope. grads has the gradient with respect
// to each output of the node: zeros for one that does not influence the loss, and an Output
// without an Op for one that has no derivative, such as an integer. Slices are given as dense
// tensors.
//
// The result is the gradient with respect to each input, in the input's type and shape. It may be
// shorter than the inputs; an input without a gradient has the zero Gradient.
//
// The graph of the scope may be a copy of the body of a loop, in which the node has the same name.
// A GradientFunc must use no tensors but those that it gets and those it makes.
type GradientFunc func(s *tf.Scope, n GradientNode, grads []tf.Output) ([]Gradient, error)

var registered = struct {
	sync.RWMutex
	gradients map[string]GradientFunc
}{gradients: make(map[string]GradientFunc)}

// RegisterGradient defines a gradient for the whole process, as Python's tf.RegisterGradient does.
// The name is one of two things:
//
//   - a type of operation that has no gradient otherwise, such as one of a library that
//     tf.LoadLibrary loads;
//   - what the attribute _gradient_op_type of operations says: they have this gradient instead of
//     that of their type. Python writes it in Graph.gradient_override_map and for
//     tf.custom_gradient. In Go, set it in OpSpec.Attrs.
//
// A name that has a gradient already, and a type of operation that TensorFlow differentiates or
// that has no gradient on purpose, is an error of the kind tfkeep.ErrExists.
func RegisterGradient(name string, f GradientFunc) error {
	if name == "" || f == nil {
		return invalid("register gradient", "it needs a name and a function")
	}
	registered.Lock()
	defer registered.Unlock()
	if registered.gradients[name] != nil || autodiff.Known(name) {
		return &tfkeep.Error{Op: "register gradient", Item: "gradient", Name: name, Err: tfkeep.ErrExists, Detail: "to replace the gradient of some operations, register another name and set their attribute _gradient_op_type to it"}
	}
	registered.gradients[name] = f
	return nil
}

// customGradients returns the lookup of registered gradients for a graph.
func customGradients(g *tf.Graph) func(name string) autodiff.Custom {
	return func(name string) autodiff.Custom {
		registered.RLock()
		f := registered.gradients[name]
		registered.RUnlock()
		if f == nil {
			return nil
		}
		return func(binding *tensorflow.Graph, scope string, op *tensorflow.Operation, inputs, grads []tensorflow.Output) ([]autodiff.Gradient, error) {
			at := g
			if binding != g.Binding() {
				at = tf.WrapGraph(binding)
			}
			dx, err := f(at.Scope().Sub(scope), GradientNode{Op: op, Inputs: inputs}, grads)
			if err == nil {
				err = at.Err()
			}
			if err != nil {
				return nil, err
			}
			result := make([]autodiff.Gradient, len(dx))
			for i, d := range dx {
				result[i].Dense = d.Dense
				if s := d.Slices; s != nil {
					result[i] = autodiff.Gradient{Slices: &autodiff.Slices{Values: s.Values, Indices: s.Indices, DenseShape: s.DenseShape}}
				}
			}
			return result, nil
		}
	}
}
