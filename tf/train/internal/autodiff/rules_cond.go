package autodiff

import (
	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// switchGradient merges the gradients of the two branches into which a conditional of TensorFlow
// 1 sends a value. In a branch that does not use the value, the gradient is zero.
func switchGradient(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	data, pred := n.in[0].output(), n.in[1].output()
	sparse := dy[0].Slices != nil || dy[1].Slices != nil
	sides := make([]Gradient, 2)
	for side := range sides {
		g, other := dy[side], dy[1-side]
		if g.IsNone() {
			zeros := b.zerosLike(data, b.typeOf(other))
			if graphbuild.TypeOf(data) == dtype.Resource {
				zeros = b.variableZeros(data, b.typeOf(other))
			}
			g = Gradient{Dense: zeros}
		}
		if sparse && g.Slices == nil {
			g = b.allRows(g.Dense)
		}
		// What does not depend on the branch has to be dead when the branch is.
		sides[side] = b.eachPart(func(parts ...output) output { return b.branch(parts[0], pred, side) }, g)
	}
	merge := func(parts ...output) output { return b.one("Merge", nil, tensorflow.OutputList(parts)) }
	return []Gradient{b.eachPart(merge, sides...)}, b.Err()
}

// mergeGradient sends the gradient into the branch that was taken.
func mergeGradient(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	dx := make([]Gradient, len(n.in))
	pred, first, ok, err := b.branches().decidingPredicate(n.op)
	if err != nil {
		return nil, err
	}
	for i := range dx {
		side := 1
		if ok && (i == 0) == (first == 0) {
			side = 0
		}
		if !ok {
			// The second output says which input was alive.
			pred = b.one("Equal", nil, n.op.Output(1), b.int32(int32(i)))
		}
		dx[i] = b.eachPart(func(parts ...output) output { return b.branch(parts[0], pred, side) }, dy[0])
	}
	return dx, b.Err()
}

// branch returns x as the branch of a predicate's value sees it: dead if the predicate has the
// other value.
func (b *builder) branch(x, pred output, side int) output {
	op := b.Op("Switch", nil, x, pred)
	if op == nil {
		return output{}
	}
	return op.Output(side)
}

// eachPart applies f to the dense gradients, or to each part of the slices.
func (b *builder) eachPart(f func(...output) output, gs ...Gradient) Gradient {
	if b.Err() != nil {
		return Gradient{}
	}
	part := func(of func(Gradient) output) output {
		var parts []output
		for _, g := range gs {
			parts = append(parts, of(g))
		}
		return f(parts...)
	}
	if gs[0].Slices == nil {
		return Gradient{Dense: part(func(g Gradient) output { return g.Dense })}
	}
	return Gradient{Slices: &Slices{
		Values:     part(func(g Gradient) output { return g.Slices.Values }),
		Indices:    part(func(g Gradient) output { return b.Cast(g.Slices.Indices, dtype.Int64) }),
		DenseShape: part(func(g Gradient) output { return g.Slices.DenseShape }),
	}}
}

// typeOf returns the element type of a gradient.
func (b *builder) typeOf(g Gradient) dtype.DataType {
	switch {
	case b.Err() != nil:
		return dtype.Float32
	case g.Slices != nil:
		return graphbuild.TypeOf(g.Slices.Values)
	}
	return graphbuild.TypeOf(g.Dense)
}

// zerosLike returns zeros in the shape of x.
func (b *builder) zerosLike(x output, dt dtype.DataType) output {
	if b.Err() != nil {
		return output{}
	}
	if dt == dtype.Variant {
		return b.one("ZerosLike", nil, x)
	}
	if dims, ok := fullShape(x.Shape()); ok {
		return b.constZeros(dt, dims)
	}
	return b.one("Fill", nil, b.shape(x), b.Const(b.Unique("Const"), dt, 0))
}

// constZeros returns a constant of zeros.
func (b *builder) constZeros(dt dtype.DataType, dims []int32) output {
	wide := make([]int64, len(dims))
	for i, d := range dims {
		wide[i] = int64(d)
	}
	return b.Const(b.Unique("zeros"), dt, 0, wide...)
}

// variableZeros returns zeros in the shape of the variable with a handle.
func (b *builder) variableZeros(handle output, dt dtype.DataType) output {
	return b.one("Fill", nil, b.one("VariableShape", nil, handle), b.Const(b.Unique("Const"), dt, 0))
}

// allRows returns a dense gradient as slices that name every row.
func (b *builder) allRows(dense output) Gradient {
	if b.Err() != nil {
		return Gradient{}
	}
	shape := b.shape(dense)
	indices := b.one("Range", nil, b.int32(0), b.first(shape), b.int32(1))
	return Gradient{Slices: &Slices{Values: dense, Indices: indices, DenseShape: shape}}
}
