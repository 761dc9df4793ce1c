package train

import (
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// Optimizer is a rule that updates variables by their gradients: [Adagrad], [Adam],
// [GradientDescent], [Momentum] or [RMSProp]. An optimizer has no state of its own; its
// state is in the graph, in variables called slots.
type Optimizer interface {
	// scope returns the name of the optimizer, its nodes and its slots.
	scope() string
	// check returns an error if a field has a value that cannot work.
	check() error
	// rateTensor returns LearningRateTensor, which may be empty.
	rateTensor() tf.Output
	// newUpdater makes the slots of vars.
	newUpdater(g *tf.Graph, vars []*tf.Variable) (updater, error)
}

// updater adds the nodes of one training step.
type updater interface {
	// addHyperparameters adds the constants that all updates use.
	addHyperparameters(b *graphbuild.Builder)
	// updateDense and updateSparse update a variable. The rows of s are unique unless
	// the updater is a rowAdder.
	updateDense(b *graphbuild.Builder, v *tf.Variable, grad tf.Output) *tf.Operation
	updateSparse(b *graphbuild.Builder, v *tf.Variable, s *IndexedSlices) *tf.Operation
}

// finisher is an updater with operations that come after all updates and are part of
// the step.
type finisher interface {
	finish(b *graphbuild.Builder, updates []*tf.Operation) []*tf.Operation
}

// rowAdder is an updater that takes the same row more than once.
type rowAdder interface{ addsRows() }

// GradientVariable is a variable with the gradient to apply to it.
type GradientVariable struct {
	Gradient Gradient
	Variable *tf.Variable
}

// MinimizeOptions are the options of [Minimize]. Nil and the zero value are the defaults.
type MinimizeOptions struct {
	// GlobalStep is an integer scalar that is incremented after the updates.
	GlobalStep *tf.Variable
	// Variables are the variables to train; nil means the trainable variables of the
	// graph.
	Variables []*tf.Variable
	// Name is the name of the operation and the scope of its nodes; empty means the
	// optimizer's name.
	Name string
	// ControlDependencies run before the updates, as those of Python's
	// tf.control_dependencies around minimize do: the updates of a batch normalization's moving
	// averages, for example. A nil one is an error.
	ControlDependencies []*tf.Operation
	// Recompute are scopes whose operations run again for the gradients; see
	// [GradientsOptions].
	Recompute []string
}

// ApplyOptions are the options of [ApplyGradients]. Nil and the zero value are the
// defaults.
type ApplyOptions struct {
	// GlobalStep is an integer scalar that is incremented after the updates.
	GlobalStep *tf.Variable
	// Name is the name of the operation and the scope of its nodes; empty means the
	// optimizer's name.
	Name string
	// ControlDependencies run before the updates. A nil one is an error.
	ControlDependencies []*tf.Operation
}

// Minimize adds one training step: the gradients of loss, the updates, and the
// increment of the global step. It returns the operation that runs all of them, and adds
// it to the collection train_op.
//
// A loss that is not a scalar is summed up. Variables that do not influence the loss
// stay as they are; if no variable does, that is an error.
func Minimize(g *tf.Graph, o Optimizer, loss tf.Output, opts *MinimizeOptions) (*tf.Operation, error) {
	if opts == nil {
		opts = new(MinimizeOptions)
	}
	if err := g.Err(); err != nil {
		return nil, err
	}
	apply := &ApplyOptions{GlobalStep: opts.GlobalStep, Name: opts.Name, ControlDependencies: opts.ControlDependencies}
	if err := checkStep(g, o, apply); err != nil {
		return nil, err
	}
	grads, err := computeGradients(g, loss, opts.Variables, &GradientsOptions{Recompute: opts.Recompute})
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(grads, func(gv GradientVariable) bool { return !gv.Gradient.IsNone() }) {
		return nil, invalid("minimize", "no variable has a gradient: the loss %[2]s does not depend on [%[1]s], or only through operations that have no gradient", tensorNames(grads), graphbuild.TensorName(loss))
	}
	return ApplyGradients(g, o, grads, apply)
}

// ComputeGradients is the first half of [Minimize]. It adds the gradients of loss with
// respect to vars, or to the trainable variables of the graph if vars is empty, and
// returns them in the order of the variables. The Gradient of a variable without
// influence on loss is empty.
func ComputeGradients(g *tf.Graph, loss tf.Output, vars []*tf.Variable) ([]GradientVariable, error) {
	return computeGradients(g, loss, vars, nil)
}

func computeGradients(g *tf.Graph, loss tf.Output, vars []*tf.Variable, opts *GradientsOptions) ([]GradientVariable, error) {
	const op = "compute gradients"
	if err := g.Err(); err != nil {
		return nil, err
	}
	if capi.CheckOutput(loss) != nil {
		return nil, invalid(op, "the loss has no operation; look at the error of the call, or of the Scope, that should have made it")
	}
	if dt := graphbuild.TypeOf(loss); !graphbuild.IsFloat(dt) {
		return nil, invalid(op, "%[2]s has type %[1]s; a loss must have a floating point type", dtype.Name(dt), graphbuild.TensorName(loss))
	}
	if len(vars) == 0 {
		vars = g.TrainableVariables()
	}
	if len(vars) == 0 {
		return nil, invalid(op, "the graph has no trainable variables")
	}
	xs := make([]tf.Output, len(vars))
	for i, v := range vars {
		if err := checkVariable(op, g, v); err != nil {
			return nil, err
		}
		xs[i] = v.Handle()
	}
	grads, err := Gradients(g, []tf.Output{loss}, xs, opts)
	if err != nil {
		return nil, err
	}
	pairs := make([]GradientVariable, len(vars))
	for i, v := range vars {
		pairs[i] = GradientVariable{grads[i], v}
	}
	if slices.ContainsFunc(vars, func(v *tf.Variable) bool { return !v.IsResource() }) {
		return gate(g, pairs)
	}
	return pairs, nil
}

// ApplyGradients is the second half of [Minimize], for gradients that were changed in
// between, for example clipped. Pairs with an empty Gradient are skipped.
func ApplyGradients(g *tf.Graph, o Optimizer, grads []GradientVariable, opts *ApplyOptions) (*tf.Operation, error) {
	if opts == nil {
		opts = new(ApplyOptions)
	}
	if err := g.Err(); err != nil {
		return nil, err
	}
	pairs, err := withGradient(g, grads)
	if err != nil {
		return nil, err
	}
	if err := checkStep(g, o, opts); err != nil {
		return nil, err
	}
	vars := make([]*tf.Variable, len(pairs))
	for i, p := range pairs {
		vars[i] = p.Variable
	}
	u, err := o.newUpdater(g, vars)
	if err != nil {
		return nil, &tfkeep.Error{Op: applyOp, Cause: err}
	}
	name := opts.Name
	if name == "" {
		name = o.scope()
	}
	return addStep(g, u, name, pairs, opts)
}

const applyOp = "apply gradients"

func checkVariable(op string, g *tf.Graph, v *tf.Variable) error {
	switch {
	case v == nil:
		return invalid(op, "a variable is nil")
	case v.Graph() != g:
		return invalid(op, "variable %q belongs to another graph", v.Name())
	case !graphbuild.IsFloat(v.DType()):
		return invalid(op, "variable %[2]q has type %[1]s; it must have a floating point type", dtype.Name(v.DType()), v.Name())
	}
	return nil
}

// withGradient checks the pairs and returns those that have a gradient.
func withGradient(g *tf.Graph, grads []GradientVariable) ([]GradientVariable, error) {
	if len(grads) == 0 {
		return nil, invalid(applyOp, "there are no variables")
	}
	seen := make(map[*tf.Variable]bool)
	var pairs []GradientVariable
	for _, gv := range grads {
		if err := checkVariable(applyOp, g, gv.Variable); err != nil {
			return nil, err
		}
		if seen[gv.Variable] {
			return nil, invalid(applyOp, "variable %q is listed twice; add its gradients up", gv.Variable.Name())
		}
		seen[gv.Variable] = true
		if err := checkGradient(g, gv); err != nil {
			return nil, err
		}
		if !gv.Gradient.IsNone() {
			pairs = append(pairs, gv)
		}
	}
	if len(pairs) == 0 {
		return nil, invalid(applyOp, "none of the variables has a gradient: [%s]", tensorNames(grads))
	}
	return pairs, nil
}

// tensorNames lists the variables' names for an error.
func tensorNames(grads []GradientVariable) string {
	var names []string
	for _, gv := range grads {
		names = append(names, gv.Variable.TensorName())
	}
	return strings.Join(names, ", ")
}
