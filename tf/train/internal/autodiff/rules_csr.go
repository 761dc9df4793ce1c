package autodiff

import (
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
)

// The rules of compressed sparse matrices, which are variants, as in
// tensorflow/python/ops/linalg/sparse/sparse_csr_matrix_grad.py. Those of products serve real
// numbers.

func init() {
	addRules(map[string]rule{
		"DenseToCSRSparseMatrix": csrRule("T", func(c *csr, n *node, grad output) []Gradient {
			return grads(c.dense(grad))
		}),
		"CSRSparseMatrixToDense": csrRule("type", func(c *csr, n *node, grad output) []Gradient {
			indices, _, shape := c.triple(n.x(0))
			return grads(c.matrix(indices, c.b.one("GatherNd", nil, grad, indices), shape))
		}),
		"SparseTensorToCSRSparseMatrix": csrRule("T", func(c *csr, n *node, grad output) []Gradient {
			_, values, _ := c.triple(grad)
			return grads(none, values)
		}),
		"CSRSparseMatrixToSparseTensor": func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
			return one(b.one("SparseTensorToCSRSparseMatrix", nil, n.y(0), b.orZeros(n, dy, 1), n.y(2))), nil
		},
		"SparseMatrixAdd": csrRule("T", func(c *csr, n *node, grad output) []Gradient {
			scaled := func(i int) output { return c.b.one("SparseMatrixMul", nil, c.pruned(grad, n.x(i)), n.x(i+2)) }
			return grads(scaled(0), scaled(1))
		}),
		"SparseMatrixTranspose": csrRule("type", func(c *csr, n *node, grad output) []Gradient {
			return grads(c.b.one("SparseMatrixTranspose", attrs{"type": c.of, "conjugate": n.flag("conjugate")}, grad))
		}),
		"SparseMatrixSoftmax": csrRule("type", func(c *csr, n *node, grad output) []Gradient {
			return grads(c.b.one("SparseMatrixSoftmaxGrad", attrs{"type": c.of}, n.y(0), grad))
		}),
		"SparseMatrixMatMul":       csrRule("T", csrMatMul),
		"SparseMatrixSparseMatMul": csrRule("type", csrSparseMatMul),
	})
}

// csr builds operations on sparse matrices of one element type.
type csr struct {
	b  *builder
	of dtype.DataType
}

// csrRule makes the rule of an operation whose element type is an attribute.
func csrRule(typeAttr string, f func(c *csr, n *node, grad output) []Gradient) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		v, err := capi.Attr(n.op, typeAttr)
		if err != nil || dy[0].IsNone() {
			return nil, err
		}
		c := &csr{b, v.GetType()}
		product := n.typ == "SparseMatrixMatMul" || n.typ == "SparseMatrixSparseMatMul"
		if product && (c.of == dtype.Complex64 || c.of == dtype.Complex128) {
			return nil, refuse(n, ErrNoGradient, "the gradient of a product of sparse matrices exists only for real numbers")
		}
		if product && n.typ == "SparseMatrixMatMul" && n.x(1).Shape().NumDimensions() != 2 {
			return nil, refuse(n, ErrNoGradient, "the gradient of a sparse matrix times a dense one exists only for single matrices")
		}
		return f(c, n, b.dense(dy[0])), nil
	}
}

func (c *csr) dense(m output) output {
	return c.b.one("CSRSparseMatrixToDense", attrs{"type": c.of}, m)
}

func (c *csr) matrix(indices, values, shape output) output {
	return c.b.one("SparseTensorToCSRSparseMatrix", nil, indices, values, shape)
}

// triple returns the indices, the values and the shape of a sparse matrix.
func (c *csr) triple(m output) (indices, values, shape output) {
	all := c.b.several("CSRSparseMatrixToSparseTensor", attrs{"type": c.of}, 3, m)
	return all[0], all[1], all[2]
}

// pruned returns the elements of a matrix that another one has too.
func (c *csr) pruned(m, pattern output) output {
	b := c.b
	indices, values, shape := c.triple(m)
	wanted, _, wantedShape := c.triple(pattern)
	flat := func(indices, shape output) output {
		all := b.several("SparseReshape", nil, 2, indices, shape, b.Cast(b.int32s(-1), dtype.Int64))
		return b.reshape(all[0], b.int32s(-1))
	}
	have, want := flat(indices, shape), flat(wanted, wantedShape)
	found := b.reshape(b.one("LowerBound", nil, b.expand(have, 0), b.expand(want, 0)), b.int32s(-1))
	last := b.one("Sub", nil, b.one("Size", nil, have), b.int32(1))
	found = b.one("Minimum", nil, found, last)
	same := b.reshape(b.one("Where", nil, b.equal(b.rows(have, found), want)), b.int32s(-1))
	kept := b.rows(found, same)
	return c.matrix(b.rows(indices, kept), b.rows(values, kept), wantedShape)
}

// csrMatMul is the rule for a sparse matrix times a dense one.
func csrMatMul(c *csr, n *node, grad output) []Gradient {
	a, y := n.x(0), n.x(1)
	transposeA := n.flag("transpose_a") || n.flag("adjoint_a")
	transposeB := n.flag("transpose_b") || n.flag("adjoint_b")
	transposed := n.flag("transpose_output")
	indices, _, shape := c.triple(a)
	var da output
	switch {
	case !transposeA:
		da = c.productAt(indices, shape, grad, y, transposed, !transposeB)
	default:
		da = c.productAt(indices, shape, y, grad, transposeB, !transposed)
	}
	db := c.b.one("SparseMatrixMatMul", attrs{"transpose_a": !transposeA, "transpose_b": transposed, "transpose_output": transposeB}, a, grad)
	return grads(da, db)
}

// productAt multiplies dense matrices, but only at the indices of a sparse one.
func (c *csr) productAt(indices, shape, x, y output, transposeX, transposeY bool) output {
	b := c.b
	if transposeX {
		x = b.transpose(x)
	}
	if !transposeY {
		y = b.transpose(y)
	}
	index := func(i int32) output { return b.reshape(b.part(indices, 1, i, i+1), b.int32s(-1)) }
	values := b.sumLast(b.mul(b.rows(x, index(0)), b.rows(y, b.reshape(b.part(indices, 1, 1, 0), b.int32s(-1)))))
	return c.matrix(indices, values, shape)
}

// csrSparseMatMul is the rule for a product of sparse matrices.
func csrSparseMatMul(c *csr, n *node, grad output) []Gradient {
	a, y := n.x(0), n.x(1)
	transposeA := n.flag("transpose_a") || n.flag("adjoint_a")
	transposeB := n.flag("transpose_b") || n.flag("adjoint_b")
	product := func(p, q output, transposeP, transposeQ bool) output {
		return c.b.one("SparseMatrixSparseMatMul", attrs{"type": c.of, "transpose_a": transposeP, "transpose_b": transposeQ}, p, q)
	}
	da, db := product(grad, y, false, !transposeB), product(a, grad, !transposeA, false)
	if transposeA {
		da = product(y, grad, transposeB, true)
	}
	if transposeB {
		db = product(grad, a, true, transposeA)
	}
	return grads(c.pruned(da, a), c.pruned(db, y))
}
