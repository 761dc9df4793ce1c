package autodiff

import (
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
)

// resourceGatherNd returns slices if the indices name whole rows, as Python does.
func resourceGatherNd(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	shape, known := b.variableShape(n)
	indices := n.in[1].output()
	if s := indices.Shape(); s.NumDimensions() == 2 && s.Size(1) == 1 {
		return []Gradient{b.gatherGradient(b.dense(dy[0]), b.vector(indices), shape, known)}, nil
	}
	return one(b.one("ScatterNd", nil, indices, b.dense(dy[0]), b.Cast(shape, dtype.DataType(indices.DataType())))), nil
}

// gatherRows is the rule for a GatherNd of whole rows.
func gatherRows(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	params := n.x(0)
	return []Gradient{b.gatherGradient(b.dense(dy[0]), b.vector(n.x(1)), b.shape(params), params.Shape())}, nil
}

// gatherDense is the rule of GatherV2 where the result is not slices. With the dimensions of a kind
// joined to one, params have [batch, outer, axis, inner], and the indices [batch, n].
func gatherDense(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	params, indices, grad := n.x(0), n.x(1), b.dense(dy[0])
	if b.Err() != nil {
		return nil, b.Err()
	}
	batchDims := int32(n.integer("batch_dims"))
	if batchDims < 0 {
		rank := indices.Shape().NumDimensions()
		if rank < 0 {
			return nil, refuse(n, ErrNoGradient, "with a negative batch_dims, the gradient exists only for indices of a known rank")
		}
		batchDims += int32(rank)
	}
	long := func(x output) output { return b.Cast(x, dtype.Int64) }
	shape := long(b.shape(params))
	axis := b.one("FloorMod", nil, b.Cast(n.x(2), dtype.Int32), b.rank(params))
	size := func(shape, begin, end output) output {
		a := attrs{}
		if end.Op == nil {
			end, a["end_mask"] = b.int32s(0), int64(1)
		}
		return b.one("Prod", nil, b.one("StridedSlice", a, shape, begin, end, b.int32s(1)), b.int32(0))
	}
	first, at, next := b.int32s(batchDims), b.expand(axis, 0), b.expand(b.plus(axis, b.int32(1)), 0)
	batch, outer, rows, inner := size(shape, b.int32s(0), first), size(shape, first, at), size(shape, at, next), size(shape, next, none)
	taken := size(long(b.shape(indices)), first, none)

	swap := b.int32s(0, 2, 1, 3)
	values := b.one("Transpose", nil, b.reshape(grad, b.pack(batch, outer, taken, inner)), swap)
	values = b.reshape(values, b.pack(b.mul(batch, taken), b.mul(outer, inner)))
	starts := b.mul(b.one("Range", nil, long(b.int32(0)), batch, long(b.int32(1))), rows)
	places := b.plus(b.reshape(long(indices), b.pack(batch, taken)), b.expand(starts, 1))
	sum := b.one("UnsortedSegmentSum", nil, values, b.reshape(places, b.int32s(-1)), b.mul(batch, rows))
	d := b.one("Transpose", nil, b.reshape(sum, b.pack(batch, rows, outer, inner)), swap)
	return one(b.reshape(d, shape)), b.Err()
}

func matrixDiag(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, err := copyAttrs(n, "align")
	if err != nil {
		return nil, err
	}
	grad := b.dense(dy[0])
	return one(b.one("MatrixDiagPartV3", a, grad, n.in[1].output(), b.scalar(0, grad))), nil
}

func matrixDiagPart(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, err := copyAttrs(n, "align")
	if err != nil {
		return nil, err
	}
	zeros := b.one("ZerosLike", nil, n.in[0].output())
	return one(b.one("MatrixSetDiagV3", a, zeros, b.dense(dy[0]), n.in[1].output())), nil
}

// channelsFirst reports whether the node's data format is NCHW.
func channelsFirst(n *node) bool {
	v, err := capi.Attr(n.op, "data_format")
	return err == nil && string(v.GetS()) == "NCHW"
}
