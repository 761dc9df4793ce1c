package tf

import (
	"github.com/tfkeep/tfkeep/capi"

	"github.com/tfkeep/tfkeep/dtype"
)

// globalStepName is the name of the step's variable, in TensorFlow and here.
const globalStepName = "global_step"

// GetOrCreateGlobalStep gives the graph's global step, the count of training
// steps done: an int64 scalar called global_step, in the collections
// global_step and variables, not trained. If there is none it is made, resource
// and all, as Python's tf.compat.v1.train.get_or_create_global_step makes it.
func GetOrCreateGlobalStep(g *Graph) (*Variable, error) {
	v, err := FindGlobalStep(g)
	if err != nil || v != nil {
		return v, err
	}
	return NewVariableWith(g, globalStepName, Zeros().WithDType(Int64), &VariableOptions{
		NotTrainable: true, Collections: []string{GlobalVariables, GlobalStep},
	})
}

// FindGlobalStep gives the graph's global step, or nil if there is none: what
// is in the collection global_step, or else a variable of that name. More than
// one, and one that is not an integer scalar, are errors.
func FindGlobalStep(g *Graph) (*Variable, error) {
	items := g.Collection(GlobalStep)
	var step *Variable
	switch {
	case len(items) > 1:
		return nil, &Error{Code: capi.FailedPrecondition, Message: "the graph has more than one global step in the collection global_step"}
	case len(items) == 1:
		if step = items[0].Variable(); step == nil {
			return nil, invalidf("the collection global_step holds something that is not a variable")
		}
	default:
		for _, v := range g.GlobalVariables() {
			if v.name == globalStepName {
				step = v
			}
		}
	}
	if step == nil {
		return nil, nil
	}
	if !isInteger(step.dtype) {
		return nil, invalidf("the existing global step %q does not have an integer type: %s", step.name, dtype.Name(step.dtype))
	}
	if n := step.shape.NumDimensions(); n > 0 {
		return nil, invalidf("the existing global step %q is not a scalar: it has %d dimensions", step.name, n)
	}
	return step, nil
}
