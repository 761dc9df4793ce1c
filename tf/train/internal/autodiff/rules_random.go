package autodiff

import "math"

// The rules of random numbers whose parameters can be trained, as in
// tensorflow/python/ops/random_grad.py.

func init() {
	addRules(map[string]rule{
		"RandomGamma":            randomGamma(1, false),
		"StatelessRandomGammaV2": randomGamma(2, true),
		"StatelessRandomGammaV3": randomGamma(4, true),

		"StatelessParameterizedTruncatedNormal": formula(truncatedNormal),
	})
}

// randomGamma is the rule of samples of a gamma distribution, whose alpha is an input. The
// shape, input 0, has the dimensions of alpha at its end, or not.
func randomGamma(alpha int, whole bool) rule {
	return formula(func(b *builder, n *node, grad output) []Gradient {
		x, sample := n.x(alpha), n.y(0)
		added := b.first(b.one("Shape", nil, n.x(0)))
		if whole {
			added = b.one("Sub", nil, added, b.rank(x))
		}
		ones := b.one("Fill", nil, b.expand(added, 0), b.int32(1))
		aligned := b.reshape(x, b.concat(ones, b.one("Shape", nil, x)))
		dx := make([]Gradient, len(n.in))
		dx[alpha].Dense = b.sumOver(b.mul(grad, b.one("RandomGammaGrad", nil, aligned, sample)), b.count(added), false)
		return dx
	})
}

// normalCDF is the cumulative distribution function of the normal distribution.
func (b *builder) normalCDF(x output) output {
	w := b.times(x, math.Sqrt2/2)
	return b.times(b.one("Erfc", nil, b.neg(w)), 0.5)
}

func truncatedNormal(b *builder, n *node, grad output) []Gradient {
	mean, deviation, low, high := n.x(2), n.x(3), n.x(4), n.x(5)
	standard := func(x output) output { return b.over(b.minus(x, mean), deviation) }
	sample, lowest, highest := standard(n.y(0)), standard(low), standard(high)
	below := b.normalCDF(lowest)
	share := b.over(b.minus(b.normalCDF(sample), below), b.minus(b.normalCDF(highest), below))
	weight := func(end, logs output) output {
		return b.exp(b.plus(b.times(b.minus(b.square(sample), b.square(end)), 0.5), logs))
	}
	dHigh := weight(highest, b.log(share))
	dLow := weight(lowest, b.one("Log1p", nil, b.neg(share)))
	dx := make([]Gradient, len(n.in))
	for i, partial := range []output{b.onesLike(sample), sample, dLow, dHigh} {
		shape := b.one("Shape", nil, n.x(i+2))
		along := b.several("BroadcastGradientArgs", nil, 2, b.one("Shape", nil, grad), shape)
		dx[i+2].Dense = b.reshape(b.sumOver(b.mul(grad, partial), along[1], false), shape)
	}
	return dx
}
