package autodiff

import (
	"math"

	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// unbroadcast sums gradients in the shape of a broadcast result over the broadcast
// dimensions. The results have the shapes of the two inputs.
func (b *builder) unbroadcast(n *node, dx, dy output) ([]Gradient, error) {
	x, y := b.one("Shape", nil, n.in[0].output()), b.one("Shape", nil, n.in[1].output())
	along := b.Op("BroadcastGradientArgs", nil, x, y)
	if along == nil {
		return nil, b.Err()
	}
	return []Gradient{
		{Dense: b.one("Reshape", nil, b.one("Sum", nil, dx, along.Output(0)), x)},
		{Dense: b.one("Reshape", nil, b.one("Sum", nil, dy, along.Output(1)), y)},
	}, nil
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
	return b.unbroadcast(n, grad, b.one("Neg", nil, b.mul(grad, b.one("FloorDiv", nil, x, y))))
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
