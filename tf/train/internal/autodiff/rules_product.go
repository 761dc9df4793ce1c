package autodiff

// The rules of products of matrices, as in tensorflow/python/ops/math_grad.py.

func init() {
	addRules(map[string]rule{
		"MatMul": formula(func(b *builder, n *node, grad output) []Gradient {
			times := func(x, y output, transposeX, transposeY bool) output {
				return b.one("MatMul", attrs{"transpose_a": transposeX, "transpose_b": transposeY}, x, y)
			}
			return productGradients(n.flag("transpose_a"), n.flag("transpose_b"), b.conj(n.x(0)), b.conj(n.x(1)), grad, times)
		}),
		"BatchMatMul": formula(func(b *builder, n *node, grad output) []Gradient {
			times := func(x, y output, adjointX, adjointY bool) output {
				return b.one("BatchMatMul", attrs{"adj_x": adjointX, "adj_y": adjointY}, x, y)
			}
			return productGradients(n.flag("adj_x"), n.flag("adj_y"), n.x(0), n.x(1), grad, times)
		}),
		"BatchMatMulV2": batchMatMul,
		"BatchMatMulV3": batchMatMul,
	})
}

// productGradients are the gradients of a product of matrices, of which some are transposed.
func productGradients(left, right bool, x, y, grad output, times func(x, y output, transposeX, transposeY bool) output) []Gradient {
	switch {
	case !left && !right:
		return grads(times(grad, y, false, true), times(x, grad, true, false))
	case !left:
		return grads(times(grad, y, false, false), times(grad, x, true, false))
	case !right:
		return grads(times(y, grad, false, true), times(x, grad, false, false))
	}
	return grads(times(y, grad, true, true), times(grad, x, true, true))
}

func batchMatMul(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	if b.Err() != nil {
		return nil, b.Err()
	}
	d := productGradients(n.flag("adj_x"), n.flag("adj_y"), n.x(0), n.x(1), b.dense(dy[0]), b.matmul)
	if sameBatch(n.x(0), n.x(1)) {
		return d, b.Err()
	}
	return b.unbatch(n, d[0].Dense, d[1].Dense)
}

// sameBatch reports whether two tensors of matrices are known to have the same other dimensions.
func sameBatch(x, y output) bool {
	dx, okX := fullShape(x.Shape())
	dy, okY := fullShape(y.Shape())
	if !okX || !okY || len(dx) != len(dy) {
		return false
	}
	for i := range max(0, len(dx)-2) {
		if dx[i] != dy[i] {
			return false
		}
	}
	return true
}
