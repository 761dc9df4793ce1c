package autodiff

import "github.com/tfkeep/tfkeep/dtype"

// The rules of operations that move elements, as in tensorflow/python/ops/array_grad.py.

func init() {
	masks := []string{"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"}
	addRules(map[string]rule{
		"TensorScatterUpdate": formula(func(b *builder, n *node, grad output) []Gradient {
			kept := b.one("TensorScatterUpdate", nil, grad, n.x(1), b.zeros(n.x(2)))
			return grads(kept, none, b.one("GatherNd", nil, grad, n.x(1)))
		}),
		"TensorScatterAdd": keepingSlices(0, formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(grad, none, b.one("GatherNd", nil, grad, n.x(1)))
		})),
		"TensorScatterSub": keepingSlices(0, formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(grad, none, b.neg(b.one("GatherNd", nil, grad, n.x(1))))
		})),
		"TensorScatterMax": formula(tensorScatterExtreme),
		"TensorScatterMin": formula(tensorScatterExtreme),
		"TensorStridedSliceUpdate": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			begin, end, strides := n.x(1), n.x(2), n.x(3)
			slice := b.one("StridedSlice", a, grad, begin, end, strides)
			kept := b.one("TensorStridedSliceUpdate", a, grad, begin, end, strides, b.zeros(slice))
			shape := b.one("Shape", nil, n.x(4))
			along := b.several("BroadcastGradientArgs", nil, 2, b.one("Shape", nil, slice), shape)
			return grads(kept, none, none, none, b.reshape(b.sumOver(slice, along[1], true), shape))
		}, masks...),
		"StridedSliceGrad": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(none, none, none, none, b.one("StridedSlice", a, grad, n.x(1), n.x(2), n.x(3)))
		}, masks...),
		"ConjugateTranspose": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.one("ConjugateTranspose", nil, grad, b.one("InvertPermutation", nil, n.x(1))))
		}),
		"Reverse": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.one("Reverse", nil, grad, n.x(1)))
		}),

		"MatrixDiagPart": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.withDiag(b.zeros(n.x(0)), grad))
		}),
		"MatrixDiagPartV2": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.one("MatrixSetDiagV2", nil, b.zeros(n.x(0)), grad, n.x(1)))
		}),
		"MatrixDiagV2": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.one("MatrixDiagPartV2", nil, grad, n.x(1), b.scalar(0, grad)))
		}),
		"MatrixSetDiag": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.withDiag(grad, b.zeros(n.x(1))), b.diagPart(grad))
		}),
		"MatrixSetDiagV2": formula(func(b *builder, n *node, grad output) []Gradient {
			k := n.x(2)
			return grads(b.one("MatrixSetDiagV2", nil, grad, b.zeros(n.x(1)), k), b.one("MatrixDiagPartV2", nil, grad, k, b.scalar(0, grad)))
		}),
		"MatrixSetDiagV3": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			k := n.x(2)
			return grads(b.one("MatrixSetDiagV3", a, grad, b.zeros(n.x(1)), k), b.one("MatrixDiagPartV3", a, grad, k, b.scalar(0, grad)))
		}, "align"),

		"TopK":                formula(topK),
		"TopKV2":              formula(topK),
		"NthElement":          formula(nthElement),
		"ExtractImagePatches": withAttrs(extractImagePatches, "ksizes", "strides", "rates", "padding"),
	})
}

// tensorScatterExtreme shares the gradient among all that equal the result.
func tensorScatterExtreme(b *builder, n *node, grad output) []Gradient {
	x, indices, updates, y := n.x(0), n.x(1), n.x(2), n.y(0)
	inX := b.castLike(b.equal(x, y), grad)
	inUpdates := b.castLike(b.equal(updates, b.one("GatherNd", nil, y, indices)), grad)
	shape := b.castLike(b.one("Shape", nil, x), indices)
	count := b.plus(inX, b.one("ScatterNd", nil, indices, inUpdates, shape))
	return grads(b.over(b.mul(grad, inX), count), none,
		b.mul(b.one("GatherNd", nil, b.over(grad, count), indices), inUpdates))
}

// topK puts the gradients back to where the values came from.
func topK(b *builder, n *node, grad output) []Gradient {
	x, indices := n.x(0), n.y(1)
	shape := b.one("Shape", nil, x)
	width, kept := b.element(shape, -1), b.element(b.one("Shape", nil, indices), -1)
	flat := b.reshape(b.Cast(indices, dtype.Int32), b.pack(b.int32(-1), kept))
	starts := b.mul(b.count(b.first(b.one("Shape", nil, flat))), width)
	places := b.reshape(b.plus(flat, b.expand(starts, -1)), b.int32s(-1))
	size := b.one("Prod", attrs{"keep_dims": true}, shape, b.int32(0))
	sum := b.one("ScatterNd", nil, b.expand(places, -1), b.reshape(grad, b.int32s(-1)), size)
	return grads(b.reshape(sum, shape))
}

// nthElement shares the gradient among the elements that equal the result.
func nthElement(b *builder, n *node, grad output) []Gradient {
	selected := b.castLike(b.equal(b.expand(n.y(0), -1), n.x(0)), grad)
	count := b.sumOver(selected, b.int32(-1), true)
	return grads(b.mul(b.over(selected, count), b.expand(grad, -1)))
}

// extractImagePatches adds up, for each pixel, the gradients of the patches that it is in. It
// finds them by the patches of an image of the pixels' numbers.
func extractImagePatches(b *builder, n *node, a attrs, grad output) []Gradient {
	x := n.x(0)
	shape := b.one("Shape", nil, x)
	batch, rows, columns, channels := b.element(shape, 0), b.element(shape, 1), b.element(shape, 2), b.element(shape, 3)
	outShape := b.one("Shape", nil, n.y(0))
	pixels := b.mul(rows, columns)
	one := b.int32(1)
	// Float64 numbers every pixel, where the float32 of Python's gradient ends at 2^24.
	numbers := b.Cast(b.one("Range", nil, one, b.plus(pixels, one), one), dtype.Float64)
	patches := b.one("ExtractImagePatches", a, b.reshape(numbers, b.pack(one, rows, columns, one)))
	ids := b.one("Sub", nil, b.reshape(b.Cast(patches, dtype.Int32), b.int32s(-1)), one)
	split := b.reshape(grad, b.pack(batch, b.element(outShape, 1), b.element(outShape, 2), b.int32(-1), channels))
	flat := b.reshape(b.one("Transpose", nil, split, b.int32s(1, 2, 3, 0, 4)), b.pack(b.int32(-1), b.mul(batch, channels)))
	sum := b.one("UnsortedSegmentSum", nil, flat, ids, pixels)
	return grads(b.one("Transpose", nil, b.reshape(sum, b.pack(rows, columns, batch, channels)), b.int32s(2, 0, 1, 3)))
}
