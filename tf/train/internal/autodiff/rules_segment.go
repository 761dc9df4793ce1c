package autodiff

import (
	"strings"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// The rules of segments, running totals and norms, as in tensorflow/python/ops/math_grad.py.

func init() {
	addRules(map[string]rule{
		"SegmentMean":         formula(segmentMean),
		"SegmentMin":          formula(segmentExtreme),
		"SegmentMax":          formula(segmentExtreme),
		"SegmentProd":         formula(segmentProd),
		"UnsortedSegmentProd": formula(unsortedSegmentProd),

		"SparseSegmentSumWithNumSegments":   sparseSegment("SparseSegmentSumGrad"),
		"SparseSegmentMeanWithNumSegments":  sparseSegment("SparseSegmentMeanGrad"),
		"SparseSegmentSqrtNWithNumSegments": sparseSegment("SparseSegmentSqrtNGrad"),

		"Cumprod":             cumprod,
		"CumulativeLogsumexp": cumulativeLogsumexp,
		"EuclideanNorm":       formula(euclideanNorm),
	})
}

// segmentMean divides by the lengths of the segments.
func segmentMean(b *builder, n *node, grad output) []Gradient {
	ids := n.x(1)
	ones := b.one("Fill", nil, b.one("Shape", nil, ids), b.scalar(1, grad))
	counts := b.one("SegmentSum", nil, ones, ids)
	return grads(b.rows(b.over(grad, b.alignFirst(counts, grad)), ids))
}

// alignFirst adds dimensions of 1 behind those of x until it has as many as like.
func (b *builder) alignFirst(x, like output) output {
	shape := b.one("Shape", nil, x)
	more := b.one("Sub", nil, b.rank(like), b.rank(x))
	return b.reshape(x, b.concat(shape, b.one("Fill", nil, b.expand(more, 0), b.int32(1))))
}

// segmentExtreme shares the gradient among the elements that equal the extreme one.
func segmentExtreme(b *builder, n *node, grad output) []Gradient {
	x, ids := n.x(0), n.x(1)
	selected := b.equal(x, b.rows(n.y(0), ids))
	count := b.one("SegmentSum", nil, b.castLike(selected, grad), ids)
	return grads(b.where(selected, b.rows(b.over(grad, count), ids), b.zeros(x)))
}

func segmentProd(b *builder, n *node, grad output) []Gradient {
	x, ids := n.x(0), n.x(1)
	zero := b.isZero(x)
	zeros := b.one("SegmentSum", nil, b.Cast(zero, dtype.Int32), ids)
	grad = b.where(b.greater(zeros, b.int32(1)), b.zeros(grad), grad)
	others := b.where(zero, b.onesLike(x), x)
	withoutZeros := b.rows(b.one("SegmentProd", nil, others, ids), ids)
	partial := b.where(zero, withoutZeros, b.over(b.rows(n.y(0), ids), others))
	return grads(b.mul(b.rows(grad, ids), partial))
}

func unsortedSegmentProd(b *builder, n *node, grad output) []Gradient {
	x, ids, count := n.x(0), n.x(1), n.x(2)
	zero := b.isZero(x)
	zeros := b.one("UnsortedSegmentSum", nil, b.Cast(zero, dtype.Int32), ids, count)
	grad = b.where(b.greater(zeros, b.int32(1)), b.zeros(grad), grad)
	others := b.where(zero, b.onesLike(x), x)
	taken := b.one("Maximum", nil, ids, b.zeros(ids))
	withoutZeros := b.rows(b.one("UnsortedSegmentProd", nil, others, ids, count), taken)
	partial := b.where(zero, withoutZeros, b.over(b.rows(n.y(0), taken), others))
	gathered := b.rows(grad, taken)
	present := b.alignFirst(b.one("GreaterEqual", nil, ids, b.zeros(ids)), gathered)
	return grads(b.mul(b.where(present, gathered, b.zeros(gathered)), partial))
}

// sparseSegmentRows is the rule for embedding bags that ask for slices.
func sparseSegmentRows(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	op := strings.TrimSuffix(n.typ, "WithNumSegments") + "GradV2"
	shape := b.shape(n.x(0))
	d := b.several(op, nil, 2, b.dense(dy[0]), n.x(1), n.x(2), b.first(shape))
	return []Gradient{{Slices: &Slices{Values: d[0], Indices: d[1], DenseShape: shape}}}, b.Err()
}

func cumprod(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	x, axis := n.x(0), n.x(1)
	exclusive, reverse := n.flag("exclusive"), n.flag("reverse")
	product := b.one("Cumprod", attrs{"exclusive": exclusive, "reverse": reverse}, x, axis)
	sum := b.one("Cumsum", attrs{"exclusive": exclusive, "reverse": !reverse}, b.mul(product, b.dense(dy[0])), axis)
	return one(b.one("DivNoNan", nil, sum, x)), nil
}

// cumulativeLogsumexp sums positive and negative gradients separately, as logarithms.
func cumulativeLogsumexp(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	x, grad := n.x(0), b.dense(dy[0])
	if b.Err() != nil {
		return nil, b.Err()
	}
	lowest, ok := lowestOf[graphbuild.TypeOf(x)]
	if !ok {
		return nil, noGradient(n)
	}
	a := attrs{"exclusive": n.flag("exclusive"), "reverse": !n.flag("reverse")}
	least := b.scalar(lowest, x)
	part := func(condition, grad output) output {
		logs := b.where(condition, b.log(grad), least)
		return b.exp(b.plus(b.one("CumulativeLogsumexp", a, b.minus(logs, n.y(0)), n.x(1)), x))
	}
	zero := b.scalar(0, grad)
	return one(b.minus(part(b.greater(grad, zero), grad), part(b.less(grad, zero), b.neg(grad)))), nil
}

// lowestOf is the lowest number of a type.
var lowestOf = map[dtype.DataType]float64{
	dtype.Float16:  -65504,
	dtype.BFloat16: -3.38953138925153547590470800371487866880e38,
	dtype.Float32:  -3.40282346638528859811704183484516925440e38,
	dtype.Float64:  -1.79769313486231570814527423731704356798070e308,
}

func euclideanNorm(b *builder, n *node, grad output) []Gradient {
	x, y := n.x(0), n.y(0)
	if !n.flag("keep_dims") {
		shape := b.reducedShape(x, n.x(1))
		y, grad = b.reshape(y, shape), b.reshape(grad, shape)
	}
	return grads(b.over(x, b.over(y, grad)))
}

// reducedShape returns the shape of a reduction that keeps the dimensions it reduces.
func (b *builder) reducedShape(x, axes output) output {
	shape, rank := b.one("Shape", nil, x), b.rank(x)
	axes = b.vector(b.Cast(axes, dtype.Int32))
	axes = b.one("FloorMod", nil, b.plus(axes, rank), rank)
	every := b.one("Range", nil, b.int32(0), rank, b.int32(1))
	ones := b.one("Fill", nil, b.one("Shape", nil, axes), b.int32(1))
	return b.one("DynamicStitch", nil, list(every, axes), list(shape, ones))
}
