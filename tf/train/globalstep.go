package train

import (
	"errors"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// globalStepName is the name of the global step's variable, in TensorFlow and here.
const globalStepName = "global_step"

// GetOrCreateGlobalStep returns the graph's global step, the number of training steps
// done, as [FindGlobalStep] finds it. If there is none, it makes one as Python's
// tf.compat.v1.train.get_or_create_global_step does: an int64 scalar resource variable
// called global_step, in the collections global_step and variables, not trained.
func GetOrCreateGlobalStep(g *tf.Graph) (*tf.Variable, error) {
	v, err := FindGlobalStep(g)
	if !errors.Is(err, tfkeep.ErrNotFound) {
		return v, err
	}
	return tf.NewVariable(g, globalStepName, tf.Zeros().WithDType(dtype.Int64), &tf.VariableOptions{
		NotTrainable: true, Collections: []string{tf.GlobalVariables, tf.GlobalStep},
	})
}

// FindGlobalStep returns the graph's global step: the variable in the collection
// global_step, or else the variable of that name. If there is none, the error is of the
// kind tfkeep.ErrNotFound. More than one, and one that is not an integer scalar, are
// errors of the kind tfkeep.ErrArgument.
func FindGlobalStep(g *tf.Graph) (*tf.Variable, error) {
	const op = "find the global step"
	if err := g.Err(); err != nil {
		return nil, err
	}
	items := g.Collection(tf.GlobalStep)
	var step *tf.Variable
	switch {
	case len(items) > 1:
		return nil, invalid(op, "the graph has more than one in the collection global_step")
	case len(items) == 1:
		if step = items[0].Variable(); step == nil {
			return nil, invalid(op, "the item of the collection global_step is not a variable")
		}
	default:
		for _, v := range g.GlobalVariables() {
			if v.Name() == globalStepName {
				step = v
			}
		}
	}
	if step == nil {
		return nil, &tfkeep.Error{Op: op, Err: tfkeep.ErrNotFound, Detail: "the graph has none; GetOrCreateGlobalStep adds one"}
	}
	if !graphbuild.IsInteger(step.DType()) {
		return nil, invalid(op, "%q does not have an integer type: %s", step.Name(), dtype.Name(step.DType()))
	}
	if n := step.Shape().NumDimensions(); n > 0 {
		return nil, invalid(op, "%q is not a scalar: it has %d dimensions", step.Name(), n)
	}
	return step, nil
}
