package tf

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/dtype"
)

// Optimizer adds the nodes that train variables: GradientDescent, Momentum,
// Adagrad, RMSProp and Adam are optimizers.
//
// They are plain values without state of their own. A field that is zero has
// the default of Python's tf.compat.v1.train; to ask for a zero where zero
// means a default, set the field to [Zero].
//
// The nodes, their names and their colocation are those that Python's optimizer
// of the same name adds, the slot variables included ("hidden/w/Adam",
// "hidden/w/Adam_1", "beta1_power"), so a checkpoint of the one restores into
// the other, and Python trains an imported graph on. Each call makes slots of
// its own, as each optimizer object does in Python; a second one with the same
// variables numbers its slots on ("hidden/w/Adam_2").
type Optimizer interface {
	// Minimize adds one training step: the gradients of loss with respect to the
	// trainable variables, the updates, and step's increment after them. The
	// step may be nil. The operation returned runs it all, and is put in the
	// collection train_op.
	//
	// A loss that is not a scalar is summed up. Variables on which the loss does
	// not depend are left alone; if it depends on none, that is an error.
	Minimize(g *Graph, loss Output, step *Variable) (*Operation, error)
	// ComputeGradients is the first half of Minimize, of vars or, without any,
	// of the graph's trainable variables. The gradients come in their order;
	// those without influence on loss have an empty Gradient.
	ComputeGradients(g *Graph, loss Output, vars ...*Variable) ([]GradientVariable, error)
	// ApplyGradients is the second half, for gradients that were changed in
	// between: clipped, say. Pairs with an empty Gradient are skipped. The
	// operation and the scope of its nodes are called name, or, if that is
	// empty, as the optimizer is.
	ApplyGradients(g *Graph, grads []GradientVariable, step *Variable, name string) (*Operation, error)
}

// GradientVariable is a variable, and the gradient that is to be applied to it.
type GradientVariable struct {
	Gradient Gradient
	Variable *Variable
}

// Zero is a number so small that TensorFlow takes it as 0 (as a float32 it is).
// It says 0 in a field of an optimizer whose zero value means a default:
//
//	tf.Adam{LearningRate: 1e-3, Beta1: tf.Zero}
const Zero = math.SmallestNonzeroFloat64

// method is what tells one optimizer from another.
type method interface {
	// defaults is the method with its zero fields filled in, checked.
	defaults() (method, error)
	// scope is the name of the optimizer, and of its slots.
	scope() string
	// state makes the slots of all variables and gives the nodes of one step.
	state(g *Graph, vars []*Variable) (updater, error)
}

// updater adds the nodes of one training step.
type updater interface {
	// prepare adds the hyperparameters.
	prepare(n *nodes)
	// dense and sparse update a variable. The rows of s are unique unless
	// the updater adds them up itself.
	dense(n *nodes, v *Variable, grad Output) *Operation
	sparse(n *nodes, v *Variable, s *IndexedSlices) *Operation
	// finish adds what comes after all updates, and is part of the step.
	finish(n *nodes, updates []*Operation) []*Operation
}

// noFinish is for updaters whose step is complete with the updates.
type noFinish struct{}

func (noFinish) finish(*nodes, []*Operation) []*Operation { return nil }

func minimize(m method, g *Graph, loss Output, step *Variable) (*Operation, error) {
	grads, err := computeGradients(m, g, loss, nil)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(grads, func(gv GradientVariable) bool { return !gv.Gradient.IsNone() }) {
		var names []string
		for _, gv := range grads {
			names = append(names, gv.Variable.TensorName())
		}
		return nil, optimizerError(m, "No gradients provided for any variable, check your graph for ops that do not support gradients, between variables [%s] and loss %s", strings.Join(names, ", "), tensorName(loss))
	}
	return applyGradients(m, g, grads, step, "")
}

func computeGradients(m method, g *Graph, loss Output, vars []*Variable) ([]GradientVariable, error) {
	if loss.Op == nil {
		return nil, optimizerError(m, "the loss has no operation: look at the error of the call, or of the Scope, that should have made it")
	}
	if dt := dtype.Base(loss.DataType()); !isFloat(dt) {
		return nil, optimizerError(m, "Invalid type %s for %s, expected a floating point type", dtype.Name(dt), tensorName(loss))
	}
	if len(vars) == 0 {
		vars = g.TrainableVariables()
	}
	if len(vars) == 0 {
		return nil, optimizerError(m, "No variables to optimize: the graph has no trainable variables")
	}
	xs := make([]Output, len(vars))
	for i, v := range vars {
		if err := checkTrained(m, g, v); err != nil {
			return nil, err
		}
		xs[i] = v.handle
	}
	grads, err := Gradients(g, []Output{loss}, xs, nil)
	if err != nil {
		return nil, err
	}
	pairs := make([]GradientVariable, len(vars))
	for i, v := range vars {
		pairs[i] = GradientVariable{grads[i], v}
	}
	if slices.ContainsFunc(vars, func(v *Variable) bool { return !v.resource }) {
		return gate(g, pairs)
	}
	return pairs, nil
}

// gate lets no gradient out before all are computed. A reference variable is
// read where it lies: were it updated as soon as its own gradient is there, the
// gradients of the layers below might see the new value.
func gate(g *Graph, pairs []GradientVariable) ([]GradientVariable, error) {
	n := newNodes(g, "gradients/tuple")
	var all []*Operation
	n.each(pairs, func(x Output) Output {
		all = append(all, x.Op)
		return x
	})
	if len(all) == 0 {
		return pairs, nil
	}
	done := n.group(n.unique("group_deps"), all...)
	if *n.err != nil {
		return nil, *n.err
	}
	gated := n.each(pairs, func(x Output) Output {
		return n.after(done).value("Identity", "control_dependency", x)
	})
	return gated, *n.err
}

func checkTrained(m method, g *Graph, v *Variable) error {
	switch {
	case v == nil:
		return optimizerError(m, "a variable is nil")
	case v.g != g:
		return optimizerError(m, "variable %q belongs to another graph", v.name)
	case !isFloat(v.dtype):
		return optimizerError(m, "Invalid type %s for variable %q, expected a floating point type", dtype.Name(v.dtype), v.name)
	}
	return nil
}

func applyGradients(m method, g *Graph, grads []GradientVariable, step *Variable, name string) (*Operation, error) {
	pairs, vars, err := withGradient(m, g, grads)
	if err != nil {
		return nil, err
	}
	if step != nil && (step.g != g || !isInteger(step.dtype)) {
		return nil, optimizerError(m, "the step %q must be an integer variable of the same graph", step.name)
	}
	if m, err = m.defaults(); err != nil {
		return nil, err
	}
	u, err := m.state(g, vars)
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = m.scope()
	}
	n := newNodes(g, name)
	u.prepare(n)
	var updates []*Operation
	for _, p := range pairs {
		updates = append(updates, update(u, n, p))
		if *n.err != nil {
			return nil, fmt.Errorf("tf: %s: the update of %q: %w", m.scope(), p.Variable.name, *n.err)
		}
	}
	train := finishStep(u, n, updates, step)
	if *n.err != nil {
		return nil, fmt.Errorf("tf: %s: %w", m.scope(), *n.err)
	}
	g.AddToCollection(TrainOp, train)
	return train, nil
}

// withGradient keeps the pairs that have a gradient, checked.
func withGradient(m method, g *Graph, grads []GradientVariable) (pairs []GradientVariable, vars []*Variable, err error) {
	if len(grads) == 0 {
		return nil, nil, optimizerError(m, "No variables provided")
	}
	seen := make(map[*Variable]bool)
	var names []string
	for _, gv := range grads {
		if err := checkTrained(m, g, gv.Variable); err != nil {
			return nil, nil, err
		}
		if seen[gv.Variable] {
			return nil, nil, optimizerError(m, "variable %q is there twice; add its gradients up", gv.Variable.name)
		}
		seen[gv.Variable] = true
		names = append(names, gv.Variable.TensorName())
		if s := gv.Gradient.Slices; s != nil && (s.Values.Op == nil || s.Indices.Op == nil) {
			return nil, nil, optimizerError(m, "the slices for %q have no Values or no Indices", gv.Variable.name)
		}
		if !gv.Gradient.IsNone() {
			pairs = append(pairs, gv)
			vars = append(vars, gv.Variable)
		}
	}
	if len(pairs) == 0 {
		return nil, nil, optimizerError(m, "No gradients provided for any variable: [%s]", strings.Join(names, ", "))
	}
	return pairs, vars, nil
}

func update(u updater, n *nodes, p GradientVariable) *Operation {
	n = n.at("update_"+p.Variable.name, p.Variable)
	s := p.Gradient.Slices
	if s == nil {
		return u.dense(n, p.Variable, p.Gradient.Dense)
	}
	if _, ok := u.(addsRows); !ok {
		s = n.uniqueRows(s)
	}
	return u.sparse(n, p.Variable, s)
}

// addsRows is an updater to which rows may come more than once.
type addsRows interface{ addsRows() }

// uniqueRows adds up the rows with the same index, which most updates would
// otherwise apply one after the other, with another result.
func (n *nodes) uniqueRows(s *IndexedSlices) *IndexedSlices {
	unique := n.op("Unique", nil, s.Indices)
	if unique == nil {
		return s
	}
	shape := n.value("Shape", "Shape", unique.Output(0))
	scope := n.unique("strided_slice")
	one := func(name string, v int) Output { return n.constant(scope+"/"+name, Int32, v, 1) }
	count := first(n.add("StridedSlice", scope, map[string]any{"shrink_axis_mask": 1}, shape, one("stack", 0), one("stack_1", 1), one("stack_2", 1)))
	sums := n.value("UnsortedSegmentSum", "UnsortedSegmentSum", s.Values, unique.Output(1), count)
	return &IndexedSlices{Values: sums, Indices: unique.Output(0), DenseShape: s.DenseShape}
}

// finishStep adds the operation that runs the whole step, under the scope's
// name, as Python's callers expect.
func finishStep(u updater, n *nodes, updates []*Operation, step *Variable) *Operation {
	if step == nil {
		return n.group(n.scope, append(updates, u.finish(n, updates)...)...)
	}
	done := n.group(n.unique("update"), append(updates, u.finish(n, updates)...)...)
	at := n.with(step)
	if step.resource {
		one := at.after(done).constant(n.unique("Const"), step.dtype, 1)
		return at.add("AssignAddVariableOp", n.scope, nil, step.handle, one)
	}
	one := at.after(done).constant(n.unique("value"), step.dtype, 1)
	return at.add("AssignAdd", n.scope, nil, step.handle, one)
}

func optimizerError(m method, format string, args ...any) error {
	return invalidf("%s: %s", m.scope(), fmt.Sprintf(format, args...))
}

// orDefault is v, or the default for the zero value.
func orDefault[T comparable](v, or T) T {
	var zero T
	if v == zero {
		return or
	}
	return v
}
