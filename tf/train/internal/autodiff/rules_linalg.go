package autodiff

import (
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// The rules of linear algebra, as in tensorflow/python/ops/linalg_grad.py.

func init() {
	addRules(map[string]rule{
		"MatrixInverse": formula(func(b *builder, n *node, grad output) []Gradient {
			inverse, adjoint := n.y(0), n.flag("adjoint")
			return grads(b.neg(b.matmul(inverse, b.matmul(grad, inverse, adjoint, !adjoint), !adjoint, false)))
		}),
		"MatrixDeterminant": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.mul(b.scalars(b.mul(grad, n.y(0))), b.adjointInverse(n.x(0))))
		}),
		"LogMatrixDeterminant": logDeterminant,
		"MatrixSolve": formula(func(b *builder, n *node, grad output) []Gradient {
			adjoint := n.flag("adjoint")
			db := b.one("MatrixSolve", attrs{"adjoint": !adjoint}, n.x(0), grad)
			return grads(b.solved(n, db, adjoint), db)
		}),
		"MatrixTriangularSolve": matrixTriangularSolve,
		"BandedTriangularSolve": bandedTriangularSolve,
		"MatrixSolveLs":         matrixSolveLs,
		"MatrixSquareRoot":      formula(matrixSquareRoot),
		"Cholesky":              formula(cholesky),
		"SelfAdjointEigV2":      selfAdjointEig,
		"Eig":                   eig,
		"TridiagonalMatMul":     formula(tridiagonalMatMul),
		"TridiagonalSolve":      tridiagonalSolve,
		"SparseMatMul":          formula(sparseMatMul),
	})
}

// matmul multiplies matrices, which may be batches, either as its adjoint.
func (b *builder) matmul(x, y output, adjointX, adjointY bool) output {
	return b.one("BatchMatMulV2", attrs{"adj_x": adjointX, "adj_y": adjointY}, x, y)
}

// transpose swaps the last two dimensions.
func (b *builder) transpose(x output) output { return b.swapped("Transpose", x) }

// adjoint swaps the last two dimensions and conjugates.
func (b *builder) adjoint(x output) output { return b.swapped("ConjugateTranspose", x) }

func (b *builder) swapped(op string, x output) output {
	if b.Err() != nil {
		return output{}
	}
	if rank := x.Shape().NumDimensions(); rank >= 2 {
		perm := make([]int32, rank)
		for i := range perm {
			perm[i] = int32(i)
		}
		perm[rank-2], perm[rank-1] = perm[rank-1], perm[rank-2]
		return b.one(op, nil, x, b.int32s(perm...))
	}
	rank := b.rank(x)
	batch := b.one("Range", nil, b.int32(0), b.one("Sub", nil, rank, b.int32(2)), b.int32(1))
	last := b.one("Sub", nil, b.expand(rank, 0), b.int32s(1, 2))
	return b.one(op, nil, x, b.concat(batch, last))
}

func (b *builder) diag(x output) output        { return b.one("MatrixDiag", nil, x) }
func (b *builder) diagPart(x output) output    { return b.one("MatrixDiagPart", nil, x) }
func (b *builder) withDiag(x, d output) output { return b.one("MatrixSetDiag", nil, x, d) }
func (b *builder) adjointInverse(x output) output {
	return b.one("MatrixInverse", attrs{"adjoint": true}, x)
}
func (b *builder) int64(v int64) output { return b.Const(b.Unique("Const"), dtype.Int64, v) }
func (b *builder) band(x output, l, u int64) output {
	return b.one("MatrixBandPart", nil, x, b.int64(l), b.int64(u))
}

// scalars adds two dimensions of 1, so that each number multiplies a matrix.
func (b *builder) scalars(x output) output { return b.expand(b.expand(x, -1), -1) }

// eyeLike returns identity matrices in the shape of square ones.
func (b *builder) eyeLike(x output) output { return b.diag(b.onesLike(b.diagPart(x))) }

// orZeros returns the gradient of an output, zeros if it has none.
func (b *builder) orZeros(n *node, dy []Gradient, i int) output {
	if dy[i].IsNone() {
		return b.zeros(n.y(i))
	}
	return b.dense(dy[i])
}

func logDeterminant(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	return one(b.mul(b.scalars(b.orZeros(n, dy, 1)), b.adjointInverse(n.x(0)))), nil
}

// solved returns the gradient of the matrix of a linear system from that of the right side.
func (b *builder) solved(n *node, db output, adjoint bool) output {
	if adjoint {
		return b.neg(b.matmul(n.y(0), db, false, true))
	}
	return b.neg(b.matmul(db, n.y(0), false, true))
}

func matrixTriangularSolve(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	adjoint, lower := n.flag("adjoint"), n.flag("lower")
	db := b.one("MatrixTriangularSolve", attrs{"adjoint": !adjoint, "lower": lower}, n.x(0), b.dense(dy[0]))
	da := b.solved(n, db, adjoint)
	if lower {
		da = b.band(da, -1, 0)
	} else {
		da = b.band(da, 0, -1)
	}
	return b.unbatch(n, da, db)
}

func bandedTriangularSolve(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	adjoint, lower := n.flag("adjoint"), n.flag("lower")
	db := b.one("BandedTriangularSolve", attrs{"adjoint": !adjoint, "lower": lower}, n.x(0), b.dense(dy[0]))
	bands := b.element(b.one("Shape", nil, n.x(0)), -2)
	above := b.one("Sub", nil, bands, b.int32(1))
	k := b.pack(b.int32(0), above)
	if lower {
		k = b.pack(b.one("Neg", nil, above), b.int32(0))
	}
	da := b.solved(n, db, adjoint)
	da = b.one("MatrixDiagPartV3", attrs{"align": "LEFT_RIGHT"}, da, k, b.scalar(0, da))
	return b.unbatch(n, da, db)
}

// element returns an element of a vector, counted from the end if it is negative.
func (b *builder) element(x output, i int32) output {
	return b.one("StridedSlice", attrs{"shrink_axis_mask": int64(1)}, x, b.int32s(i), b.int32s(i+1), b.int32s(1))
}

// batchOf returns the dimensions of a shape before the last two.
func (b *builder) batchOf(shape output) output {
	return b.one("StridedSlice", attrs{"begin_mask": int64(1)}, shape, b.int32s(0), b.int32s(-2), b.int32s(1))
}

// unbatch sums the gradients of two matrices over the batch dimensions that were broadcast.
func (b *builder) unbatch(n *node, dx, dy output) ([]Gradient, error) {
	x, y := b.one("Shape", nil, n.x(0)), b.one("Shape", nil, n.x(1))
	along := b.several("BroadcastGradientArgs", nil, 2, b.batchOf(x), b.batchOf(y))
	return grads(b.reshape(b.sumOver(dx, along[0], false), x), b.reshape(b.sumOver(dy, along[1], false), y)), b.Err()
}

// gramianCholesky returns the Cholesky factor of AᴴA + λI, or of AAᴴ + λI.
func (b *builder) gramianCholesky(a, lambda output, first bool) output {
	gramian := b.matmul(a, a, first, !first)
	diag := b.diagPart(gramian)
	return b.one("Cholesky", nil, b.withDiag(gramian, b.plus(diag, lambda)))
}

func (b *builder) choleskySolve(l, x output) output {
	half := b.one("MatrixTriangularSolve", attrs{"lower": true, "adjoint": false}, l, x)
	return b.one("MatrixTriangularSolve", attrs{"lower": true, "adjoint": true}, l, half)
}

func matrixSolveLs(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, right, x, grad := n.x(0), n.x(1), n.y(0), b.dense(dy[0])
	rows, columns, ok := matrixSize(a)
	if !n.flag("fast") || !ok {
		return nil, refuse(n, ErrNoGradient, "the gradient exists only for fast=True and matrices of a known size")
	}
	l := b.gramianCholesky(a, b.castLike(n.x(2), a), rows >= columns)
	if rows >= columns {
		z := b.choleskySolve(l, grad)
		xz := b.matmul(x, z, false, true)
		symmetric := b.plus(xz, b.transpose(xz))
		da := b.plus(b.neg(b.matmul(a, symmetric, false, false)), b.matmul(right, z, false, true))
		return grads(da, b.matmul(a, z, false, false)), nil
	}
	db := b.choleskySolve(l, b.matmul(a, grad, false, false))
	part := b.choleskySolve(l, right)
	a1 := b.neg(b.matmul(db, b.matmul(part, a, true, false), false, false))
	a2 := b.matmul(part, b.minus(grad, b.matmul(a, db, true, false)), false, true)
	return grads(b.plus(a1, a2), db), nil
}

// matrixSize returns the last two dimensions, if they are known.
func matrixSize(x output) (rows, columns int64, ok bool) {
	s := x.Shape()
	if s.NumDimensions() < 2 {
		return 0, 0, false
	}
	rows, columns = s.Size(s.NumDimensions()-2), s.Size(s.NumDimensions()-1)
	return rows, columns, rows >= 0 && columns >= 0
}

// matrixSquareRoot solves the Sylvester equation of the differentials by Kronecker products.
func matrixSquareRoot(b *builder, n *node, grad output) []Gradient {
	root := n.y(0)
	shape := b.one("Shape", nil, root)
	batch, order := b.batchOf(shape), b.element(shape, -1)
	one := b.int32s(1)
	size := b.expand(order, 0)
	square := b.one("Mul", nil, size, size)
	kronecker := func(x, y output) output {
		x = b.reshape(x, b.concat(batch, size, one, size, one))
		y = b.reshape(y, b.concat(batch, one, size, one, size))
		return b.reshape(b.mul(x, y), b.concat(batch, square, square))
	}
	eye := b.eyeLike(root)
	sum := b.plus(kronecker(eye, b.transpose(root)), kronecker(root, eye))
	column := b.reshape(b.transpose(grad), b.concat(batch, square, one))
	return grads(b.transpose(b.reshape(b.one("MatrixSolve", nil, sum, column), shape)))
}

func cholesky(b *builder, n *node, grad output) []Gradient {
	l := n.y(0)
	inverse := b.one("MatrixTriangularSolve", attrs{"lower": true, "adjoint": false}, l, b.eyeLike(l))
	middle := b.matmul(l, grad, true, false)
	middle = b.band(b.withDiag(middle, b.times(b.diagPart(middle), 0.5)), -1, 0)
	da := b.matmul(b.matmul(inverse, middle, true, false), inverse, false, false)
	return grads(b.times(b.plus(da, b.adjoint(da)), 0.5))
}

// gaps returns 1/(eⱼ-eᵢ) off the diagonal, and 0 where two values are equal.
func (b *builder) gaps(e output) output {
	d := b.minus(b.expand(e, -2), b.expand(e, -1))
	return b.withDiag(b.safeReciprocal(d), b.zeros(e))
}

func (b *builder) safeReciprocal(x output) output {
	return b.mul(x, b.one("Reciprocal", nil, b.offset(b.mul(x, x), 1e-20)))
}

func selfAdjointEig(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	diag := b.diag(b.castLike(b.orZeros(n, dy, 0), n.x(0)))
	var v output
	if n.flag("compute_v") {
		v = n.y(1)
		inner := b.mul(b.gaps(n.y(0)), b.matmul(v, b.orZeros(n, dy, 1), true, false))
		diag = b.plus(diag, inner)
	} else {
		v = b.several("SelfAdjointEigV2", attrs{"compute_v": true}, 2, n.x(0))[1]
	}
	da := b.matmul(v, b.matmul(diag, v, false, true), false, false)
	da = b.band(b.plus(da, b.adjoint(da)), -1, 0)
	return one(b.withDiag(da, b.times(b.diagPart(da), 0.5))), nil
}

func eig(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	de := b.orZeros(n, dy, 0)
	if b.Err() != nil {
		return nil, b.Err()
	}
	var middle, adjoint output
	if n.flag("compute_v") {
		v := n.y(1)
		adjoint = b.adjoint(v)
		vgv := b.matmul(adjoint, b.orZeros(n, dy, 1), false, false)
		realDiag := b.diag(b.diagPart(b.castLike(b.realPart(vgv), vgv)))
		inner := b.minus(vgv, b.matmul(b.matmul(adjoint, v, false, false), realDiag, false, false))
		middle = b.plus(b.diag(de), b.mul(b.conj(b.gaps(n.y(0))), inner))
	} else {
		v := b.several("Eig", attrs{"compute_v": true, "Tout": n.y(0).DataType()}, 2, n.x(0))[1]
		adjoint, middle = b.adjoint(v), b.diag(de)
	}
	da := b.one("MatrixSolve", nil, adjoint, b.matmul(middle, adjoint, false, false))
	return one(b.castLike(da, n.x(0))), nil
}

// realPart returns the real part of a complex tensor.
func (b *builder) realPart(x output) output {
	if b.Err() != nil {
		return output{}
	}
	return b.one("Real", attrs{"Tout": realTypeOf(graphbuild.TypeOf(x))}, x)
}
