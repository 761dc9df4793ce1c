package autodiff

import "github.com/tfkeep/tfkeep/dtype"

// The rules of operations on elements, and of gradients of such, as in
// tensorflow/python/ops/math_grad.py and nn_grad.py.

func init() {
	addRules(map[string]rule{
		"ComplexAbs": formula(func(b *builder, n *node, grad output) []Gradient {
			complexOf := func(x output) output {
				return b.one("Complex", attrs{"Tout": n.x(0).DataType()}, x, b.zeros(x))
			}
			return grads(b.one("DivNoNan", nil, b.mul(complexOf(grad), n.x(0)), complexOf(n.y(0))))
		}),
		"Cross": formula(func(b *builder, n *node, grad output) []Gradient {
			u, v := n.x(0), n.x(1)
			return grads(b.one("Cross", nil, v, grad), b.one("Cross", nil, grad, u))
		}),

		"InvGrad":        reciprocalGrad,
		"ReciprocalGrad": reciprocalGrad,
		"SqrtGrad": formula(func(b *builder, n *node, grad output) []Gradient {
			part := b.over(grad, n.x(0))
			return grads(b.mul(b.neg(b.conj(part)), n.y(0)), b.times(part, 0.5))
		}),
		"RsqrtGrad": formula(func(b *builder, n *node, grad output) []Gradient {
			y := b.conj(n.x(0))
			dy := b.mul(b.mul(b.times(b.conj(grad), -1.5), n.x(1)), b.square(y))
			return grads(dy, b.one("RsqrtGrad", nil, y, grad))
		}),
		"EluGrad":  exponentialGrad("EluGrad"),
		"SeluGrad": exponentialGrad("SeluGrad"),
		"Relu6Grad": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.one("Relu6Grad", nil, grad, n.x(1)), b.zeros(n.x(1)))
		}),
		"SoftplusGrad": formula(func(b *builder, n *node, grad output) []Gradient {
			dy, x := n.x(0), n.x(1)
			slope := b.plus(b.offset(b.exp(b.neg(x)), 2), b.exp(x))
			return grads(b.one("SoftplusGrad", nil, grad, x), b.over(b.mul(grad, dy), slope))
		}),

		"FakeQuantWithMinMaxVarsPerChannel": func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
			a, err := copyAttrs(n, "num_bits", "narrow_range")
			if err != nil {
				return nil, err
			}
			return grads(b.several("FakeQuantWithMinMaxVarsPerChannelGradient", a, 3, b.dense(dy[0]), n.x(0), n.x(1), n.x(2))...), b.Err()
		},
		"QuantizeAndDequantizeV2": passThrough,
		"LeakyReluGrad": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("LeakyReluGrad", a, grad, n.x(1)), b.zeros(n.x(1)))
		}, "alpha"),

		"CheckNumericsV2": formula(func(b *builder, n *node, grad output) []Gradient {
			message := "Not a number (NaN) or infinity (Inf) values detected in gradient. " + n.text("message")
			return grads(b.one("CheckNumericsV2", attrs{"message": message}, grad))
		}),
		"Print": passThrough,
	})
}

// reciprocalGrad is the rule for InvGrad(y, dy) = -dy·y².
func reciprocalGrad(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	grad, y := b.dense(dy[0]), b.conj(n.x(0))
	d := b.mul(b.mul(b.times(b.conj(grad), -2), n.x(1)), y)
	return grads(d, b.one("ReciprocalGrad", nil, y, grad)), nil
}

// exponentialGrad is the rule for EluGrad and SeluGrad, which take the gradient and the value.
func exponentialGrad(op string) rule {
	return formula(func(b *builder, n *node, grad output) []Gradient {
		y := n.x(1)
		below := b.less(y, b.scalar(0, y))
		return grads(b.one(op, nil, grad, y), b.where(below, b.mul(grad, n.x(0)), b.zeros(y)))
	})
}

// product multiplies, for each element, those before it and those behind it.
func product(b *builder, n *node, grad output) []Gradient {
	x, axes := n.x(0), b.vector(b.Cast(n.x(1), dtype.Int32))
	shape, rank := b.one("Shape", nil, x), b.rank(x)
	grad = b.one("BroadcastTo", nil, b.reshape(grad, b.reducedShape(x, axes)), shape)
	reduced := b.one("FloorMod", nil, b.plus(axes, rank), rank)
	others := b.several("ListDiff", nil, 2, b.count(rank), reduced)[0]
	order := b.concat(reduced, others)
	moved := b.one("Transpose", nil, x, order)
	movedShape := b.one("Shape", nil, moved)
	size := b.one("Prod", nil, b.rows(shape, reduced), b.int32(0))
	flat := b.reshape(moved, b.pack(size, b.int32(-1)))
	product := func(reverse bool) output {
		return b.conj(b.one("Cumprod", attrs{"exclusive": true, "reverse": reverse}, flat, b.int32(0)))
	}
	rest := b.reshape(b.mul(product(false), product(true)), movedShape)
	return grads(b.mul(grad, b.one("Transpose", nil, rest, b.one("InvertPermutation", nil, order))))
}
