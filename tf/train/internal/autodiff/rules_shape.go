package autodiff

import (
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// The rules of operations that copy or move elements, as in tensorflow/python/ops/array_grad.py.

func init() {
	sameShape := formula(func(b *builder, n *node, grad output) []Gradient { return grads(b.reshape(grad, b.shape(n.x(0)))) })
	addRules(map[string]rule{
		"Reshape": sameShape, "ExpandDims": sameShape, "Squeeze": sameShape,
		"Identity": passThrough, "RefIdentity": passThrough,
		"CheckNumerics": formula(func(b *builder, n *node, grad output) []Gradient {
			message := "Not a number (NaN) or infinity (Inf) values detected in gradient. " + n.text("message")
			return grads(b.one("CheckNumerics", attrs{"message": message}, grad))
		}),
		"Transpose": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.one("Transpose", nil, grad, b.one("InvertPermutation", nil, n.x(1))))
		}),
		"Pack": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.several("Unpack", attrs{"num": int64(len(n.in)), "axis": n.integer("axis")}, len(n.in), grad)...)
		}),
		"Unpack": func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
			return one(b.one("Pack", attrs{"axis": n.integer("axis")}, b.allOrZeros(n, dy))), b.Err()
		},
		"Split": func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
			return grads(none, b.one("ConcatV2", nil, b.allOrZeros(n, dy), n.x(0))), b.Err()
		},
		"SplitV": func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
			return one(b.one("ConcatV2", nil, b.allOrZeros(n, dy), n.x(2))), b.Err()
		},
		"ConcatV2":     concat(-1),
		"Slice":        formula(slice),
		"StridedSlice": withAttrs(stridedSlice, "begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"),
		"Diag":         inverseOp("DiagPart"), "DiagPart": inverseOp("Diag"), "MatrixDiag": inverseOp("MatrixDiagPart"),
		"MatrixBandPart": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.one("MatrixBandPart", nil, grad, n.x(1), n.x(2)))
		}),
		"Fill": formula(func(b *builder, _ *node, grad output) []Gradient {
			return grads(none, b.sumOver(grad, b.count(b.rank(grad)), false))
		}),
		"Tile":  formula(tile),
		"Pad":   formula(pad),
		"PadV2": formula(pad),
		"MirrorPad": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("MirrorPadGrad", a, grad, n.x(1)))
		}, "mode"),
		"MirrorPadGrad": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("MirrorPad", a, grad, n.x(1)))
		}, "mode"),
		"ReverseSequence": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("ReverseSequence", a, grad, n.x(1)))
		}, "seq_dim", "batch_dim"),
		"ReverseV2": formula(func(b *builder, n *node, grad output) []Gradient { return grads(b.one("ReverseV2", nil, grad, n.x(1))) }),
		"Roll": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.one("Roll", nil, grad, b.neg(n.x(1)), n.x(2)))
		}),
		"BroadcastTo": formula(broadcastTo),
		"ScatterNd": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(none, b.one("GatherNd", nil, grad, n.x(0)))
		}),
		"ScatterNdNonAliasingAdd": keepingSlices(0, formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(grad, none, b.one("GatherNd", nil, grad, n.x(1)))
		})),
		"GatherNd":              formula(gatherNd),
		"DynamicPartition":      dynamicPartition,
		"DynamicStitch":         formula(dynamicStitch),
		"ParallelDynamicStitch": formula(dynamicStitch),

		"SpaceToBatch": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("BatchToSpace", a, grad, n.x(1)))
		}, "block_size"),
		"BatchToSpace": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("SpaceToBatch", a, grad, n.x(1)))
		}, "block_size"),
		"SpaceToBatchND": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.one("BatchToSpaceND", nil, grad, n.x(1), n.x(2)))
		}),
		"BatchToSpaceND": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.one("SpaceToBatchND", nil, grad, n.x(1), n.x(2)))
		}),
		"SpaceToDepth": withAttrs(func(b *builder, _ *node, a attrs, grad output) []Gradient {
			return grads(b.one("DepthToSpace", a, grad))
		}, "block_size", "data_format"),
		"DepthToSpace": withAttrs(func(b *builder, _ *node, a attrs, grad output) []Gradient {
			return grads(b.one("SpaceToDepth", a, grad))
		}, "block_size", "data_format"),
	})
}

// inverseOp makes the rule of an operation whose gradient is another one.
func inverseOp(op string) rule {
	return formula(func(b *builder, _ *node, grad output) []Gradient { return grads(b.one(op, nil, grad)) })
}

// shapeLike returns the shape of x in the type of an index tensor.
func (b *builder) shapeLike(x, index output) output {
	if b.Err() != nil {
		return output{}
	}
	return b.one("Shape", attrs{"out_type": graphbuild.TypeOf(index)}, x)
}

// slice puts zeros around the gradient.
func slice(b *builder, n *node, grad output) []Gradient {
	x, begin := n.x(0), n.x(1)
	column := b.pack(b.rank(x), b.int32(1))
	after := b.minus(b.minus(b.shapeLike(x, begin), b.shapeLike(n.y(0), begin)), begin)
	paddings := b.joinAlong(1, b.reshape(begin, column), b.reshape(after, column))
	return grads(b.one("Pad", nil, grad, paddings))
}

func stridedSlice(b *builder, n *node, a attrs, grad output) []Gradient {
	return grads(b.one("StridedSliceGrad", a, b.shapeLike(n.x(0), n.x(1)), n.x(1), n.x(2), n.x(3), grad))
}

// tile sums over the copies: the dimensions of the result are pairs of copies and elements.
func tile(b *builder, n *node, grad output) []Gradient {
	multiples := n.x(1)
	shape := b.shapeLike(n.x(0), multiples)
	pairs := b.reshape(b.one("Transpose", nil, b.pack(multiples, shape), b.int32s(1, 0)), b.int32s(-1))
	axes := b.one("Range", nil, b.int32(0), b.one("Size", nil, pairs), b.int32(2))
	return grads(b.reshape(b.sumOver(b.reshape(grad, pairs), axes, false), shape))
}

// pad cuts off what was added. The value that was added has no gradient, as in Python.
func pad(b *builder, n *node, grad output) []Gradient {
	x, paddings := n.x(0), n.x(1)
	size := b.pack(b.rank(x), b.int32(1))
	begin := b.one("Slice", nil, paddings, b.int32s(0, 0), size)
	return grads(b.one("Slice", nil, grad, b.reshape(begin, b.int32s(-1)), b.shapeLike(x, paddings)))
}

func broadcastTo(b *builder, n *node, grad output) []Gradient {
	shape := b.shapeLike(n.x(0), n.x(1))
	along := b.several("BroadcastGradientArgs", nil, 2, n.x(1), shape)
	return grads(b.reshape(b.sumOver(grad, along[1], true), shape))
}

// gatherNd is the rule where the result is not slices: see gatherRows.
func gatherNd(b *builder, n *node, grad output) []Gradient {
	return grads(b.one("ScatterNd", nil, n.x(1), grad, b.shapeLike(n.x(0), n.x(1))))
}

// dynamicPartition puts the elements back to where they were.
func dynamicPartition(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	shape := b.one("Shape", nil, n.x(1))
	numbers := b.reshape(b.count(b.one("Prod", nil, shape, b.int32(0))), shape)
	places := b.several("DynamicPartition", attrs{"num_partitions": n.integer("num_partitions")}, len(n.live), numbers, n.x(1))
	d := b.one("ParallelDynamicStitch", nil, list(places...), b.allOrZeros(n, dy))
	return one(b.reshape(d, b.one("Shape", nil, n.x(0)))), b.Err()
}

func dynamicStitch(b *builder, n *node, grad output) []Gradient {
	half := len(n.in) / 2
	dx := make([]output, len(n.in))
	for i := range half {
		dx[half+i] = b.rows(grad, n.x(i))
	}
	return grads(dx...)
}
