package autodiff

import (
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// concat makes the rule of Concat and ConcatV2. axis is the position of the axis among the inputs,
// -1 for the last one.
func concat(axis int) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		first, at := 0, axis
		if at == 0 {
			first = 1
		} else {
			at = len(n.in) - 1
		}
		values := make([]output, len(n.in)-1)
		for i := range values {
			values[i] = n.x(first + i)
		}
		var parts []Gradient
		known, ok := knownAxis(n, at, values[0].Shape().NumDimensions())
		switch {
		case len(values) == 1:
			parts = dy
		case dy[0].Slices != nil && ok:
			parts = b.splitSlices(known, values, dy[0].Slices)
		default:
			parts = b.splitDense(n.x(at), values, b.dense(dy[0]))
		}
		dx := make([]Gradient, len(n.in))
		copy(dx[first:], parts)
		return dx, b.Err()
	}
}

// splitDense cuts a gradient into the parts that were joined along an axis.
func (b *builder) splitDense(axis output, values []output, grad output) []Gradient {
	shapes := make([]output, len(values))
	for i, v := range values {
		shapes[i] = b.shape(v)
	}
	axis = b.one("FloorMod", nil, b.Cast(axis, dtype.Int32), b.rank(values[0]))
	offsets := b.several("ConcatOffset", nil, len(values), axis, list(shapes...))
	dx := make([]output, len(values))
	for i := range dx {
		dx[i] = b.one("Slice", nil, grad, offsets[i], shapes[i])
	}
	return grads(dx...)
}

// knownAxis returns the axis of a concatenation, if the graph says it.
func knownAxis(n *node, at, rank int) (int32, bool) {
	known, ok := constInts(n.in[at].node)
	if !ok || len(known) != 1 || known[0] < 0 && rank < 0 {
		return 0, false
	}
	if known[0] < 0 {
		return int32(known[0]) + int32(rank), true
	}
	return int32(known[0]), true
}

// splitSlices cuts slices into those of the parts that were joined.
func (b *builder) splitSlices(axis int32, values []output, s *Slices) []Gradient {
	if axis == 0 {
		return b.splitRows(values, s)
	}
	parts := make([]Gradient, len(values))
	begin := b.int32(0)
	for i, v := range values {
		shape := b.shape(v)
		rank := b.one("Size", nil, shape)
		// Along the axis from begin, along all others everything.
		onAxis := b.one("OneHot", nil, b.int32(axis), rank, begin, b.int32(0))
		size := b.concat(b.int32s(-1), b.from(shape, 1))
		parts[i] = Gradient{Slices: &Slices{Values: b.one("Slice", nil, s.Values, onAxis, size), Indices: s.Indices, DenseShape: shape}}
		begin = b.plus(begin, b.one("GatherV2", nil, shape, b.int32(axis), b.int32(0)))
	}
	return parts
}

// splitRows gives each part the slices of its own rows.
func (b *builder) splitRows(values []output, s *Slices) []Gradient {
	if b.Err() != nil {
		return nil
	}
	dt := graphbuild.TypeOf(s.Indices)
	parts := make([]Gradient, len(values))
	start := b.Const(b.Unique("Const"), dt, 0)
	for i, v := range values {
		shape := b.shape(v)
		end := b.plus(start, b.Cast(b.first(shape), dt))
		inside := b.one("LogicalAnd", nil, b.one("GreaterEqual", nil, s.Indices, start), b.less(s.Indices, end))
		own := b.one("Reshape", nil, b.one("Where", nil, inside), b.int32s(-1))
		parts[i] = Gradient{Slices: &Slices{Values: b.rows(s.Values, own), Indices: b.minus(b.rows(s.Indices, own), start), DenseShape: shape}}
		start = end
	}
	return parts
}
