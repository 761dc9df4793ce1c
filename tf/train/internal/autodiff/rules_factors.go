package autodiff

import (
	"github.com/tfkeep/tfkeep/dtype"
)

// The rules of matrix factors and of bands, as in tensorflow/python/ops/linalg_grad.py.

func init() {
	addRules(map[string]rule{
		"Qr":  qr,
		"Svd": svd,
	})
}

func realTypeOf(dt dtype.DataType) dtype.DataType {
	if dt == dtype.Complex128 {
		return dtype.Float64
	}
	return dtype.Float32
}

// part returns the elements from begin to end of a dimension, which is counted from the end:
// 1 is the last one. An end of 0 means all that follow.
func (b *builder) part(x output, dimension int, begin, end int32) output {
	first, last, strides := []int32{0, begin}, []int32{0, end}, []int32{1, 1}
	open := int64(0)
	if end == 0 {
		open = 2
	}
	for range dimension - 1 {
		first, last, strides = append(first, 0), append(last, 0), append(strides, 1)
	}
	whole := int64(1)<<len(first) - 4 // the dimensions behind it
	return b.one("StridedSlice", attrs{"ellipsis_mask": int64(1), "begin_mask": whole, "end_mask": whole | open},
		x, b.int32s(first...), b.int32s(last...), b.int32s(strides...))
}

// joinAlong concatenates along a dimension that is counted from the end.
func (b *builder) joinAlong(dimension int32, xs ...output) output {
	return b.one("ConcatV2", nil, list(xs...), b.int32(-dimension))
}

// fromNext returns x with each row in the place of the one before, and zeros at the end.
func (b *builder) fromNext(x output) output {
	return b.joinAlong(2, b.part(x, 2, 1, 0), b.zeros(b.part(x, 2, 0, 1)))
}

// fromPrevious returns x with each row in the place of the next, and zeros at the start.
func (b *builder) fromPrevious(x output) output {
	return b.joinAlong(2, b.zeros(b.part(x, 2, 0, 1)), b.part(x, 2, 0, -1))
}

func (b *builder) sumLast(x output) output { return b.sumOver(x, b.int32(-1), false) }

func tridiagonalMatMul(b *builder, n *node, grad output) []Gradient {
	above, main, below := b.adjoint(n.x(0)), b.adjoint(n.x(1)), b.adjoint(n.x(2))
	right := b.conj(n.x(3))
	row := func(x output) output { return b.expand(b.sumLast(b.mul(x, grad)), -2) }
	dRight := b.plus(b.plus(b.fromPrevious(b.mul(above, grad)), b.mul(main, grad)), b.fromNext(b.mul(below, grad)))
	return grads(row(b.fromNext(right)), row(right), row(b.fromPrevious(right)), dRight)
}

// tridiagonalSolve solves the transposed system. Its diagonals are the rows of input 0.
func tridiagonalSolve(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, err := copyAttrs(n, "partial_pivoting", "perturb_singular")
	if err != nil {
		return nil, err
	}
	diags, x := n.x(0), n.y(0)
	row := func(i, end int32) output { return b.part(diags, 2, i, end) } // keeps the dimension
	above, main, below := row(0, 1), row(1, 2), row(2, 3)
	zero := b.zeros(b.part(above, 1, 0, 1))
	transposed := b.joinAlong(2, b.joinAlong(1, b.part(below, 1, 1, 0), zero), main, b.joinAlong(1, zero, b.part(above, 1, 0, -1)))
	right := b.one("TridiagonalSolve", a, transposed, b.dense(dy[0]))
	products := func(y output) output { return b.sumLast(b.mul(right, y)) }
	bands := list(products(b.fromNext(x)), products(x), products(b.fromPrevious(x)))
	return grads(b.neg(b.one("Pack", attrs{"axis": int64(-2)}, bands)), right), b.Err()
}

// sparseMatMul uses MatMul: a hint about zeros does not change numbers.
func sparseMatMul(b *builder, n *node, grad output) []Gradient {
	x, y := b.castLike(n.x(0), grad), b.castLike(n.x(1), grad)
	product := func(p, q output, transposeP, transposeQ bool) output {
		return b.one("MatMul", attrs{"transpose_a": transposeP, "transpose_b": transposeQ}, p, q)
	}
	var dx, dy output
	switch transposeX, transposeY := n.flag("transpose_a"), n.flag("transpose_b"); {
	case transposeX:
		dx, dy = product(y, grad, transposeY, true), product(x, grad, false, false)
		if transposeY {
			dy = product(grad, x, true, true)
		}
	default:
		dx, dy = product(grad, y, false, !transposeY), product(x, grad, true, false)
		if transposeY {
			dy = product(grad, x, true, false)
		}
	}
	return grads(b.castLike(dx, n.x(0)), b.castLike(dy, n.x(1)))
}

func qr(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	q, r := n.y(0), n.y(1)
	rows, columns, known := matrixSize(r)
	qRows, qColumns, qKnown := matrixSize(q)
	if !known || !qKnown || rows > columns && qRows == qColumns {
		return nil, refuse(n, ErrNoGradient, "the gradient exists only for matrices of a known size, and with full_matrices only if there are no more rows than columns")
	}
	dq, dr := b.orZeros(n, dy, 0), b.orZeros(n, dy, 1)
	if qRows >= columns {
		return one(b.qrDeep(q, r, dq, dr)), nil
	}
	wide := int32(qRows)
	u, du, dv := b.part(r, 1, 0, wide), b.part(dr, 1, 0, wide), b.part(dr, 1, wide, 0)
	rest := b.part(n.x(0), 1, wide, 0)
	dx := b.qrDeep(q, u, b.plus(dq, b.matmul(rest, dv, false, true)), du)
	return one(b.joinAlong(1, dx, b.matmul(q, dv, false, false))), nil
}

// qrDeep is the gradient for matrices with at least as many rows as columns.
func (b *builder) qrDeep(q, r, dq, dr output) output {
	solve := func(x output) output { // x·r⁻ᴴ
		return b.adjoint(b.one("MatrixTriangularSolve", attrs{"lower": false, "adjoint": false}, r, b.adjoint(x)))
	}
	qdq, rdr := b.matmul(q, dq, true, false), b.matmul(r, dr, false, true)
	odd := b.plus(b.minus(qdq, b.adjoint(qdq)), b.minus(rdr, b.adjoint(rdr)))
	da := b.matmul(q, b.plus(dr, solve(b.band(odd, -1, 0))), false, false)
	da = b.plus(da, solve(b.minus(dq, b.matmul(q, qdq, false, false))))
	if b.Err() != nil || !isComplex(q) {
		return da
	}
	diag := b.diag(b.diagPart(b.minus(rdr, b.adjoint(qdq))))
	correction := b.minus(diag, b.castLike(b.realPart(diag), q))
	return b.plus(da, solve(b.matmul(q, b.adjoint(correction), false, false)))
}

func svd(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a := n.x(0)
	ds := b.diag(b.castLike(b.orZeros(n, dy, 0), a))
	if !n.flag("compute_uv") {
		all := b.several("Svd", attrs{"compute_uv": true, "full_matrices": false}, 3, a)
		return one(b.matmul(all[1], b.matmul(ds, all[2], false, true), false, false)), b.Err()
	}
	rows, columns, known := matrixSize(a)
	full := n.flag("full_matrices")
	if !known || full && max(rows-columns, columns-rows) > 1 {
		return nil, refuse(n, ErrNoGradient, "the gradient exists only for matrices of a known size, and with full_matrices only if they are nearly square")
	}
	f := &svdFactors{builder: b, ds: ds, s: b.castLike(n.y(0), a), u: n.y(1), v: n.y(2), du: b.orZeros(n, dy, 1), dv: b.orZeros(n, dy, 2), rows: int32(rows), columns: int32(columns), full: full}
	if rows > columns {
		f.rows, f.columns = f.columns, f.rows
		f.u, f.v, f.du, f.dv = f.v, f.u, f.dv, f.du
		return one(b.adjoint(f.gradient())), nil
	}
	return one(f.gradient()), nil
}

// svdFactors are the factors of a matrix that has no more rows than columns, and their
// gradients.
type svdFactors struct {
	*builder
	s, u, v       output
	ds, du, dv    output // ds is a diagonal matrix
	rows, columns int32
	full          bool
}

func (f *svdFactors) gradient() output {
	gaps := f.gaps(f.square(f.s))
	values, inverse := f.diag(f.s), f.diag(f.safeReciprocal(f.s))
	v1, dv1 := f.part(f.v, 1, 0, f.rows), f.part(f.dv, 1, 0, f.rows)
	vdv := f.matmul(v1, dv1, true, false)
	fu, fv := f.mul(gaps, f.matmul(f.u, f.du, true, false)), f.mul(gaps, vdv)
	inner := f.plus(f.ds, f.matmul(f.plus(fu, f.adjoint(fu)), values, false, false))
	inner = f.plus(inner, f.matmul(values, f.plus(fv, f.adjoint(fv)), false, false))
	da := f.matmul(f.u, f.matmul(inner, v1, false, true), false, false)
	if f.rows != f.columns {
		adjoint := f.adjoint(dv1)
		rest := f.minus(adjoint, f.matmul(f.matmul(adjoint, v1, false, false), v1, false, true))
		if f.full {
			v2, dv2 := f.part(f.v, 1, f.rows, f.columns), f.part(f.dv, 1, f.rows, f.columns)
			rest = f.minus(rest, f.matmul(f.matmul(v1, dv2, true, false), v2, false, true))
		}
		da = f.plus(da, f.matmul(f.matmul(f.u, inverse, false, false), rest, false, false))
	}
	if f.Err() != nil || !isComplex(f.u) {
		return da
	}
	l := f.diag(f.diagPart(vdv))
	turned := f.matmul(inverse, f.minus(f.adjoint(l), l), false, false)
	return f.plus(da, f.times(f.matmul(f.u, f.matmul(turned, v1, false, true), false, false), 0.5))
}
