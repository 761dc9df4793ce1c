package autodiff

import "github.com/tfkeep/tfkeep/dtype"

// The rules of reductions and of sums over segments, as in tensorflow/python/ops/math_grad.py.

func init() {
	addRules(map[string]rule{
		"Sum":  formula(func(b *builder, n *node, grad output) []Gradient { return grads(b.spread(n, grad)) }),
		"Mean": formula(mean),
		"Max":  formula(extreme),
		"Min":  formula(extreme),
		"Prod": formula(product),
		"Cumsum": formula(func(b *builder, n *node, grad output) []Gradient {
			a := attrs{"exclusive": n.flag("exclusive"), "reverse": !n.flag("reverse")}
			return grads(b.one("Cumsum", a, grad, n.x(1)))
		}),
		"SegmentSum":         formula(func(b *builder, n *node, grad output) []Gradient { return grads(b.rows(grad, n.x(1))) }),
		"UnsortedSegmentSum": formula(func(b *builder, n *node, grad output) []Gradient { return grads(b.presentRows(grad, n.x(1))) }),
		"UnsortedSegmentMax": formula(unsortedExtreme),
		"UnsortedSegmentMin": formula(unsortedExtreme),
	})
}

// keptShape returns the shape of a reduction's result with the dimensions that it reduces.
func (b *builder) keptShape(n *node) output {
	x := n.x(0)
	axes, known := constInts(n.in[1].node)
	dims, ok := fullShape(x.Shape())
	if !known || !ok {
		return b.reducedShape(x, n.x(1))
	}
	for _, axis := range axes {
		if axis < 0 {
			axis += int64(len(dims))
		}
		if axis < 0 || axis >= int64(len(dims)) {
			return b.reducedShape(x, n.x(1))
		}
		dims[axis] = 1
	}
	return b.int32s(dims...)
}

// kept returns x, of the shape of a reduction's result, with the reduced dimensions.
func (b *builder) kept(n *node, x output) output {
	if n.flag("keep_dims") {
		return x
	}
	return b.reshape(x, b.keptShape(n))
}

// spread repeats the gradient of a reduction for each element.
func (b *builder) spread(n *node, grad output) output {
	return b.one("BroadcastTo", nil, b.kept(n, grad), b.shape(n.x(0)))
}

// mean divides by the number of elements. For an empty result the number is that of the
// dimensions, as in Python.
func mean(b *builder, n *node, grad output) []Gradient {
	d := b.spread(n, grad)
	if b.Err() != nil {
		return nil
	}
	size := func(s output) (int64, bool) {
		dims, ok := fullShape(s.Shape())
		total := int64(1)
		for _, dim := range dims {
			total *= int64(dim)
		}
		return total, ok
	}
	all, known := size(n.x(0))
	if results, ok := size(n.y(0)); known && ok {
		return grads(b.over(d, b.scalar(float64(all/max(results, 1)), d)))
	}
	shape := b.one("Shape", nil, n.x(0))
	rank := b.rank(n.x(0))
	axes := b.one("FloorMod", nil, b.plus(b.vector(b.Cast(n.x(1), dtype.Int32)), rank), rank)
	count := b.one("Prod", nil, b.rows(shape, axes), b.int32(0))
	return grads(b.over(d, b.castLike(count, d)))
}

// extreme shares the gradient among the elements that equal the result.
func extreme(b *builder, n *node, grad output) []Gradient {
	x := n.x(0)
	y, grad := b.kept(n, n.y(0)), b.kept(n, grad)
	selected := b.castLike(b.equal(y, x), grad)
	count := b.sumOver(selected, n.x(1), true)
	return grads(b.mul(b.over(selected, count), grad))
}

// presentRows gathers rows, and zeros for negative indices.
func (b *builder) presentRows(x, ids output) output {
	rows, present := b.rowsAndPresence(x, ids)
	return b.where(present, rows, b.zeros(rows))
}

func (b *builder) rowsAndPresence(x, ids output) (rows, present output) {
	rows = b.rows(x, b.one("Maximum", nil, ids, b.zeros(ids)))
	return rows, b.alignFirst(b.one("GreaterEqual", nil, ids, b.zeros(ids)), rows)
}

func unsortedExtreme(b *builder, n *node, grad output) []Gradient {
	x, ids := n.x(0), n.x(1)
	best, present := b.rowsAndPresence(n.y(0), ids)
	selected := b.one("LogicalAnd", nil, b.equal(x, best), present)
	count := b.one("UnsortedSegmentSum", nil, b.castLike(selected, grad), ids, n.x(2))
	return grads(b.where(selected, b.presentRows(b.over(grad, count), ids), b.zeros(x)))
}
