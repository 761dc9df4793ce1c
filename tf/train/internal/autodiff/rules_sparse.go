package autodiff

import "github.com/tfkeep/tfkeep/dtype"

// The rules of sparse tensors, whose indices have no gradient, as in
// tensorflow/python/ops/sparse_grad.py.

func init() {
	addRules(map[string]rule{
		"SparseReorder":           sparseReorder,
		"SparseAdd":               sparseAdd,
		"SparseTensorDenseAdd":    keepingSlices(3, formula(sparseTensorDenseAdd)),
		"SparseReduceSum":         formula(sparseReduceSum),
		"SparseSlice":             sparseSlice,
		"SparseTensorDenseMatMul": formula(sparseTensorDenseMatMul),
		"SparseDenseCwiseMul":     formula(sparseDenseCwise(false)),
		"SparseDenseCwiseDiv":     formula(sparseDenseCwise(true)),
		"SparseSoftmax":           formula(sparseSoftmax),
		"SparseFillEmptyRows":     fillEmptyRows("SparseFillEmptyRowsGrad"),
		"RaggedFillEmptyRows":     fillEmptyRows("RaggedFillEmptyRowsGrad"),
		"SparseToDense":           formula(sparseToDense),
	})
}

// none stands for the gradient of an input that has none.
var none output

// sparseReorder undoes the order of the values.
func sparseReorder(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	indices := n.x(0)
	numbers := b.count(b.first(b.one("Shape", nil, indices)))
	ordered := b.several("SparseReorder", nil, 2, indices, numbers, n.x(2))[1]
	return grads(none, b.rows(b.orZeros(n, dy, 1), b.one("InvertPermutation", nil, ordered))), b.Err()
}

func sparseAdd(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	d := b.several("SparseAddGrad", nil, 2, b.orZeros(n, dy, 1), n.x(0), n.x(3), n.y(0))
	return grads(none, d[0], none, none, d[1]), b.Err()
}

func sparseTensorDenseAdd(b *builder, n *node, grad output) []Gradient {
	return grads(none, b.one("GatherNd", nil, grad, n.x(0)), none, grad)
}

func sparseReduceSum(b *builder, n *node, grad output) []Gradient {
	indices, shape := n.x(0), n.x(2)
	rank := b.one("Size", nil, shape)
	axes := b.one("FloorMod", nil, b.plus(b.vector(n.x(3)), rank), rank)
	ones := b.one("Fill", nil, b.one("Shape", nil, axes), b.Cast(b.int32(1), dtype.Int64))
	kept := b.one("DynamicStitch", nil, list(b.count(rank), axes), list(shape, ones))
	scale := b.one("FloorDiv", nil, shape, kept)
	return grads(none, b.one("GatherNd", nil, b.reshape(grad, kept), b.one("FloorDiv", nil, indices, scale)))
}

func sparseSlice(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	return grads(none, b.one("SparseSliceGrad", nil, b.orZeros(n, dy, 1), n.x(0), n.x(3), n.y(0))), b.Err()
}

func sparseTensorDenseMatMul(b *builder, n *node, grad output) []Gradient {
	indices, values, shape, dense := n.x(0), n.x(1), n.x(2), n.x(3)
	adjointA, adjointB := n.flag("adjoint_a"), n.flag("adjoint_b")
	dDense := b.one("SparseTensorDenseMatMul", attrs{"adjoint_a": !adjointA}, indices, values, shape, grad)
	if adjointB {
		dDense = b.adjoint(dDense)
		dense = b.adjoint(dense)
	}
	column := func(i int32) output {
		return b.one("StridedSlice", attrs{"begin_mask": int64(1), "end_mask": int64(1), "shrink_axis_mask": int64(2)},
			indices, b.int32s(0, i), b.int32s(0, i+1), b.int32s(1, 1))
	}
	row, inner := column(0), column(1)
	if adjointA {
		row, inner = inner, row
	}
	left, right := b.rows(grad, row), b.rows(dense, inner)
	if adjointA { // the value enters as its conjugate
		left, right = right, left
	}
	return grads(none, b.sumLast(b.mul(left, b.conj(right))), none, dDense)
}

// sparseDenseCwise is the gradient of a product or a quotient with a dense tensor, which is
// broadcast.
func sparseDenseCwise(divide bool) func(b *builder, n *node, grad output) []Gradient {
	return func(b *builder, n *node, grad output) []Gradient {
		indices, values, shape, y := n.x(0), n.x(1), n.x(2), n.x(3)
		yShape := b.Cast(b.one("Shape", nil, y), dtype.Int64)
		added := b.expand(b.one("Sub", nil, b.one("Size", nil, shape), b.one("Size", nil, yShape)), 0)
		ones := b.one("Fill", nil, added, b.Cast(b.int32(1), dtype.Int64))
		scaled := b.one("FloorDiv", nil, indices, b.one("FloorDiv", nil, shape, b.concat(ones, yShape)))
		scaled = b.one("Slice", nil, scaled, b.concat(b.int32s(0), added), b.int32s(-1, -1))
		dense := b.one("GatherNd", nil, y, scaled)
		dx, dyValues := b.mul(grad, dense), b.mul(grad, values)
		if divide {
			dx, dyValues = b.over(grad, dense), b.mul(grad, b.over(b.neg(values), b.square(dense)))
		}
		return grads(none, dx, none, b.one("ScatterNd", nil, scaled, dyValues, yShape))
	}
}

func sparseSoftmax(b *builder, n *node, grad output) []Gradient {
	indices, shape, y := n.x(0), n.x(2), n.y(0)
	sum := b.one("SparseReduceSum", attrs{"keep_dims": true}, indices, b.mul(y, grad), shape, b.int32s(-1))
	return grads(none, b.mul(b.one("SparseDenseCwiseAdd", nil, indices, grad, shape, b.neg(sum)), y))
}

// fillEmptyRows makes the rule of an operation with the values at input and output 1, the
// default at input 3 and the map of the rows at output 3.
func fillEmptyRows(op string) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		d := b.several(op, nil, 2, n.y(3), b.orZeros(n, dy, 1))
		return grads(none, d[0], none, d[1]), b.Err()
	}
}

func sparseToDense(b *builder, n *node, grad output) []Gradient {
	values := b.one("GatherNd", nil, grad, n.x(0))
	sum := func(x output) output { return b.sumOver(x, b.count(b.rank(x)), false) }
	return grads(none, none, values, b.minus(sum(grad), sum(values)))
}
