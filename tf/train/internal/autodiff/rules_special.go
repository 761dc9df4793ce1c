package autodiff

import "math"

// The rules of special functions, as in tensorflow/python/ops/math_grad.py.

func init() {
	addRules(map[string]rule{
		"Digamma":    slope(func(b *builder, x, _ output) output { return b.one("Polygamma", nil, b.onesLike(x), x) }),
		"Dawsn":      slope(func(b *builder, x, y output) output { return b.minus(b.scalar(1, x), b.mul(b.times(x, 2), y)) }),
		"Expint":     slope(func(b *builder, x, _ output) output { return b.over(b.exp(x), x) }),
		"FresnelCos": slope(func(b *builder, x, _ output) output { return b.one("Cos", nil, b.times(b.square(x), math.Pi/2)) }),
		"FresnelSin": slope(func(b *builder, x, _ output) output { return b.one("Sin", nil, b.times(b.square(x), math.Pi/2)) }),
		"Spence": slope(func(b *builder, x, _ output) output {
			one := b.scalar(1, x)
			return b.where(b.equal(x, one), b.scalar(-1, x), b.over(b.log(x), b.minus(one, x)))
		}),
		"BesselI0": slope(func(b *builder, x, _ output) output { return b.one("BesselI1", nil, x) }),
		"BesselI0e": slope(func(b *builder, x, y output) output {
			return b.minus(b.one("BesselI1e", nil, x), b.mul(b.one("Sign", nil, x), y))
		}),
		"BesselI1": slope(func(b *builder, x, y output) output {
			return b.where(b.isZero(x), b.scalar(1, x), b.minus(b.one("BesselI0", nil, x), b.over(y, x)))
		}),
		"BesselI1e": slope(func(b *builder, x, y output) output {
			sides := b.plus(b.one("Sign", nil, x), b.one("Reciprocal", nil, x))
			return b.where(b.isZero(x), b.scalar(0.5, x), b.minus(b.one("BesselI0e", nil, x), b.mul(y, sides)))
		}),
		"BesselK0":  slope(func(b *builder, x, _ output) output { return b.neg(b.one("BesselK1", nil, x)) }),
		"BesselK0e": slope(func(b *builder, x, y output) output { return b.minus(y, b.one("BesselK1e", nil, x)) }),
		"BesselK1":  slope(func(b *builder, x, y output) output { return b.minus(b.neg(b.one("BesselK0", nil, x)), b.over(y, x)) }),
		"BesselK1e": slope(func(b *builder, x, y output) output {
			return b.minus(b.mul(y, b.minus(b.scalar(1, x), b.one("Reciprocal", nil, x))), b.one("BesselK0e", nil, x))
		}),
		"BesselJ0": slope(func(b *builder, x, _ output) output { return b.neg(b.one("BesselJ1", nil, x)) }),
		"BesselJ1": slope(func(b *builder, x, y output) output {
			return b.where(b.isZero(x), b.scalar(0.5, x), b.minus(b.one("BesselJ0", nil, x), b.over(y, x)))
		}),
		"BesselY0": slope(func(b *builder, x, _ output) output { return b.neg(b.one("BesselY1", nil, x)) }),
		"BesselY1": slope(func(b *builder, x, y output) output { return b.minus(b.one("BesselY0", nil, x), b.over(y, x)) }),

		"Igamma":    igamma(1),
		"Igammac":   igamma(-1),
		"Betainc":   betainc,
		"Zeta":      secondOf(func(b *builder, x, q output) output { return b.neg(b.mul(x, b.one("Zeta", nil, b.offset(x, 1), q))) }),
		"Polygamma": secondOf(func(b *builder, n, x output) output { return b.one("Polygamma", nil, b.offset(n, 1), x) }),

		"Xlog1py": partials(func(b *builder, x, y output) (output, output) {
			return b.one("Xlog1py", nil, b.notZero(x), y), b.one("Xdivy", nil, x, b.offset(y, 1))
		}),
		"Xdivy": partials(func(b *builder, x, y output) (output, output) {
			return b.one("Xdivy", nil, b.notZero(x), y), b.one("Xdivy", nil, b.neg(x), b.square(y))
		}),
		"NextAfter": partials(func(b *builder, x, y output) (output, output) { return b.onesLike(x), b.zeros(y) }),
	})
}

// notZero returns 1 where x is not 0, and 0 elsewhere.
func (b *builder) notZero(x output) output {
	return b.castLike(b.one("NotEqual", nil, x, b.scalar(0, x)), x)
}

// partials makes the rule of an operation on two tensors that are broadcast, from its two
// partial derivatives.
func partials(f func(b *builder, x, y output) (output, output)) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		grad := b.dense(dy[0])
		px, py := f(b, n.x(0), n.x(1))
		return b.unbroadcast(n, b.mul(px, grad), b.mul(py, grad))
	}
}

// secondOf is partials for an operation that has no derivative in its first input.
func secondOf(f func(b *builder, x, y output) output) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		d := b.mul(f(b, n.x(0), n.x(1)), b.dense(dy[0]))
		dx, err := b.unbroadcast(n, d, d)
		if err != nil {
			return nil, err
		}
		return []Gradient{{}, dx[1]}, nil
	}
}

// igamma is the rule for the lower (sign 1) and the upper (-1) regularized incomplete gamma
// function.
func igamma(sign float64) rule {
	return partials(func(b *builder, a, x output) (output, output) {
		da := b.one("IgammaGradA", nil, a, x)
		power := b.minus(b.plus(b.neg(x), b.mul(b.offset(a, -1), b.log(x))), b.one("Lgamma", nil, a))
		dx := b.exp(power)
		if sign < 0 {
			return b.neg(da), b.neg(dx)
		}
		return da, dx
	})
}

// betainc has a derivative in x only.
func betainc(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	p, q, x := n.x(0), n.x(1), n.x(2)
	lgamma := func(x output) output { return b.one("Lgamma", nil, x) }
	beta := b.minus(b.plus(lgamma(p), lgamma(q)), lgamma(b.plus(p, q)))
	power := b.plus(b.one("Xlog1py", nil, b.offset(q, -1), b.neg(x)), b.one("Xlogy", nil, b.offset(p, -1), x))
	partial := b.mul(b.exp(b.minus(power, beta)), b.dense(dy[0]))
	shape := b.one("Shape", nil, x)
	along := b.several("BroadcastGradientArgs", nil, 2, b.one("Shape", nil, p), shape)
	return grads(output{}, output{}, b.reshape(b.sumOver(partial, along[1], false), shape)), b.Err()
}
