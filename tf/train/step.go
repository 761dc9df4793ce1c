package train

import (
	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/tf"
)

// gate holds every gradient back until all are computed. A reference variable is read in
// place: if it were updated as soon as its own gradient is computed, the gradients of the
// layers below might read the new value.
func gate(g *tf.Graph, pairs []GradientVariable) ([]GradientVariable, error) {
	b := graphbuild.Open(g, "gradients/tuple")
	var all []*tf.Operation
	mapGradients(pairs, func(x tf.Output) tf.Output {
		all = append(all, x.Op)
		return x
	})
	if len(all) == 0 {
		return pairs, nil
	}
	done := b.Group(b.Unique("group_deps"), all...)
	if err := b.Err(); err != nil {
		return nil, err
	}
	gated := mapGradients(pairs, func(x tf.Output) tf.Output {
		return b.After(done).Value("Identity", "control_dependency", x)
	})
	return gated, b.Err()
}

// addStep adds the nodes of one training step under a scope.
func addStep(g *tf.Graph, u updater, name string, pairs []GradientVariable, opts *ApplyOptions) (*tf.Operation, error) {
	b := graphbuild.Open(g, name).After(opts.ControlDependencies...)
	u.addHyperparameters(b)
	var updates []*tf.Operation
	for _, p := range pairs {
		updates = append(updates, addUpdate(u, b, p))
		if err := b.Err(); err != nil {
			return nil, &tfkeep.Error{Op: applyOp, Item: "variable", Name: p.Variable.Name(), Cause: err}
		}
	}
	if f, ok := u.(finisher); ok {
		updates = append(updates, f.finish(b, updates)...)
	}
	train := finishStep(b, updates, opts.GlobalStep)
	if err := b.Err(); err != nil {
		return nil, &tfkeep.Error{Op: applyOp, Cause: err}
	}
	g.AddToCollection(tf.TrainOp, train)
	return train, nil
}

// addUpdate adds the update of one variable.
func addUpdate(u updater, b *graphbuild.Builder, p GradientVariable) *tf.Operation {
	b = b.Open("update_" + p.Variable.Name()).Beside(p.Variable.Handle().Op)
	s := p.Gradient.Slices
	if s == nil {
		return u.updateDense(b, p.Variable, p.Gradient.Dense)
	}
	if _, ok := u.(rowAdder); !ok {
		s = uniqueRows(b, s)
	}
	return u.updateSparse(b, p.Variable, s)
}

// uniqueRows adds up the rows with the same index. Most updates would otherwise apply
// them one after the other, with another result.
func uniqueRows(b *graphbuild.Builder, s *IndexedSlices) *IndexedSlices {
	unique := b.Op("Unique", nil, s.Indices)
	if unique == nil {
		return s
	}
	shape := b.Value("Shape", "Shape", unique.Output(0))
	scope := b.Unique("strided_slice")
	one := func(name string, v int) tf.Output { return b.Const(scope+"/"+name, dtype.Int32, v, 1) }
	count := graphbuild.First(b.Add("StridedSlice", scope, map[string]any{"shrink_axis_mask": 1}, shape, one("stack", 0), one("stack_1", 1), one("stack_2", 1)))
	sums := b.Value("UnsortedSegmentSum", "UnsortedSegmentSum", s.Values, unique.Output(1), count)
	return &IndexedSlices{Values: sums, Indices: unique.Output(0), DenseShape: s.DenseShape}
}

// finishStep adds the operation that runs the whole step. It has the name of the scope,
// as Python's callers expect.
func finishStep(b *graphbuild.Builder, updates []*tf.Operation, globalStep *tf.Variable) *tf.Operation {
	if globalStep == nil {
		return b.Group(b.Scope(), updates...)
	}
	done := b.Group(b.Unique("update"), updates...)
	if b.Err() != nil {
		return nil
	}
	typ, constant := "AssignAdd", "value"
	if globalStep.IsResource() {
		typ, constant = "AssignAddVariableOp", "Const"
	}
	beside := b.Beside(globalStep.Handle().Op)
	one := beside.After(done).Const(b.Unique(constant), globalStep.DType(), 1)
	return beside.Add(typ, b.Scope(), nil, globalStep.Handle(), one)
}

// number adds a hyperparameter, which Python keeps as float32.
func number(b *graphbuild.Builder, name string, v float64) tf.Output {
	return b.Const(b.Unique(name), dtype.Float32, v)
}

// read returns the current value of v. For a resource it adds a read.
func read(b *graphbuild.Builder, v *tf.Variable) tf.Output { return readUnder(b, v, b.Scope()) }

// readUnder is read with the scope of the read.
func readUnder(b *graphbuild.Builder, v *tf.Variable, scope string) tf.Output {
	if !v.IsResource() {
		return v.Value()
	}
	// Python reads a variable that is used as a value without device or colocation.
	name := b.Within(scope).Unique("ReadVariableOp")
	return graphbuild.First(b.Unplaced().Add("ReadVariableOp", name, map[string]any{"dtype": v.DType()}, v.Handle()))
}

// apply adds Apply… for a reference variable, or ResourceApply… for a resource.
func apply(b *graphbuild.Builder, kind string, v *tf.Variable, attrs map[string]any, inputs ...tf.Input) *tf.Operation {
	if v.IsResource() {
		kind = "Resource" + kind
	}
	return b.Op(kind, attrs, inputs...)
}

// locking is the attribute of updates that may wait for one another.
func locking(use bool) map[string]any { return map[string]any{"use_locking": use} }
