package autodiff

import (
	"math"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// unbroadcast sums gradients in the shape of a broadcast result over the broadcast
// dimensions. The results have the shapes of the two inputs.
func (b *builder) unbroadcast(n *node, dx, dy output) ([]Gradient, error) {
	if b.Err() != nil {
		return nil, b.Err()
	}
	x, y := n.x(0), n.x(1)
	if axes, ok := broadcastAxes(x.Shape(), y.Shape()); ok {
		return grads(b.sumAlong(dx, axes[0], x), b.sumAlong(dy, axes[1], y)), b.Err()
	}
	shapeX, shapeY := b.one("Shape", nil, x), b.one("Shape", nil, y)
	along := b.several("BroadcastGradientArgs", nil, 2, shapeX, shapeY)
	return grads(b.reshape(b.sumOver(dx, along[0], false), shapeX), b.reshape(b.sumOver(dy, along[1], false), shapeY)), b.Err()
}

// keepsShape reports whether an input is known not to be broadcast.
func keepsShape(n *node, input int) bool {
	axes, known := broadcastAxes(n.x(0).Shape(), n.x(1).Shape())
	return known && len(axes[input]) == 0
}

// sumAlong sums over known axes and returns the result in the shape of like. Without axes it
// returns d, except if that can have more dimensions.
func (b *builder) sumAlong(d output, axes []int32, like output) output {
	if len(axes) == 0 {
		return d
	}
	return b.reshape(b.sumOver(d, b.int32s(axes...), false), b.shape(like))
}

// broadcastAxes returns the dimensions of the result along which x and y are broadcast, if
// the shapes say it.
func broadcastAxes(x, y tensorflow.Shape) (axes [2][]int32, ok bool) {
	rank := max(x.NumDimensions(), y.NumDimensions())
	if x.NumDimensions() < 0 || y.NumDimensions() < 0 {
		return axes, false
	}
	size := func(s tensorflow.Shape, axis int) int64 {
		if axis -= rank - s.NumDimensions(); axis >= 0 {
			return s.Size(axis)
		}
		return 1
	}
	for axis := range rank {
		padX, padY := axis < rank-x.NumDimensions(), axis < rank-y.NumDimensions()
		switch dx, dy := size(x, axis), size(y, axis); {
		case padX, dx == 1 && dy != 1:
			axes[0] = append(axes[0], int32(axis))
		case padY, dy == 1 && dx != 1:
			axes[1] = append(axes[1], int32(axis))
		case dx < 0 || dy < 0:
			return axes, false
		}
	}
	return axes, true
}

// atan2 is the rule for Atan2(y, x): ∂y = x/(x²+y²), ∂x = -y/(x²+y²).
func atan2(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	y, x := n.in[0].output(), n.in[1].output()
	square := b.one("AddV2", nil, b.one("Square", nil, x), b.one("Square", nil, y))
	part := b.one("RealDiv", nil, b.dense(dy[0]), square)
	return b.unbroadcast(n, b.mul(x, part), b.one("Neg", nil, b.mul(y, part)))
}

// floorMod is the rule for x mod y = x - ⌊x/y⌋·y.
func floorMod(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	x, y, grad := n.in[0].output(), n.in[1].output(), b.dense(dy[0])
	dx, err := b.unbroadcast(n, grad, b.one("Neg", nil, b.mul(grad, b.one("FloorDiv", nil, x, y))))
	if err == nil && keepsShape(n, 0) && dy[0].Slices != nil {
		dx[0] = dy[0]
	}
	return dx, err
}

// mulNoNan is the rule for x·y that is 0 where y is 0, even if x is infinite.
func mulNoNan(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	x, y, grad := n.in[0].output(), n.in[1].output(), b.dense(dy[0])
	return b.unbroadcast(n, b.one("MulNoNan", nil, grad, y), b.one("MulNoNan", nil, x, grad))
}

// xlogy is the rule for x·log y that is 0 where x is 0, as is its gradient.
func xlogy(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	x, y, grad := n.in[0].output(), n.in[1].output(), b.dense(dy[0])
	if b.Err() != nil {
		return nil, b.Err()
	}
	notZero := b.Cast(b.one("NotEqual", nil, x, b.scalar(0, x)), graphbuild.TypeOf(x))
	return b.unbroadcast(n, b.mul(b.one("Xlogy", nil, notZero, y), grad), b.mul(b.one("Xdivy", nil, x, y), grad))
}

// erfc is the rule for Erfc, whose derivative is -2/√π·exp(-x²).
func erfc(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	x := n.in[0].output()
	slope := b.mul(b.scalar(-2/math.Sqrt(math.Pi), x), b.one("Exp", nil, b.one("Neg", nil, b.one("Square", nil, x))))
	return one(b.mul(b.dense(dy[0]), slope)), nil
}
