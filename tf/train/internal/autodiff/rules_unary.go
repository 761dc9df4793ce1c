package autodiff

import "math"

// The rules of functions of one number, as in tensorflow/python/ops/math_grad.py.

func init() {
	addRules(map[string]rule{
		"Abs":  slope(func(b *builder, x, _ output) output { return b.one("Sign", nil, x) }),
		"Sign": formula(func(b *builder, n *node, _ output) []Gradient { return grads(b.zeros(n.x(0))) }),
		"Neg":  negative,
		"Conj": formula(func(b *builder, _ *node, grad output) []Gradient { return grads(b.conj(grad)) }),

		"Inv": fromResult("ReciprocalGrad"), "Reciprocal": fromResult("ReciprocalGrad"),
		"Sqrt": fromResult("SqrtGrad"), "Rsqrt": fromResult("RsqrtGrad"),
		"Tanh": fromConjugate("TanhGrad"), "Sigmoid": fromConjugate("SigmoidGrad"),

		"Square": derivative(func(b *builder, x, _ output) output { return b.times(x, 2) }),
		"Exp":    derivative(func(_ *builder, _, y output) output { return y }),
		"Expm1":  derivative(func(b *builder, x, _ output) output { return b.exp(x) }),
		"Log":    derivative(func(b *builder, x, _ output) output { return b.reciprocal(x) }),
		"Log1p":  derivative(func(b *builder, x, _ output) output { return b.reciprocal(b.offset(x, 1)) }),
		"Sin":    derivative(func(b *builder, x, _ output) output { return b.one("Cos", nil, x) }),
		"Cos":    derivative(func(b *builder, x, _ output) output { return b.neg(b.one("Sin", nil, x)) }),
		"Tan":    derivative(func(b *builder, x, _ output) output { return b.square(b.reciprocal(b.one("Cos", nil, x))) }),
		"Sinh":   derivative(func(b *builder, x, _ output) output { return b.one("Cosh", nil, x) }),
		"Cosh":   derivative(func(b *builder, x, _ output) output { return b.one("Sinh", nil, x) }),
		"Asinh":  derivative(func(b *builder, _, y output) output { return b.reciprocal(b.one("Cosh", nil, y)) }),
		"Acosh":  derivative(func(b *builder, _, y output) output { return b.reciprocal(b.one("Sinh", nil, y)) }),
		"Atanh":  derivative(func(b *builder, x, _ output) output { return b.reciprocal(b.fromOne(b.square(x))) }),
		"Asin":   derivative(func(b *builder, x, _ output) output { return b.one("Rsqrt", nil, b.fromOne(b.square(x))) }),
		"Acos":   derivative(func(b *builder, x, _ output) output { return b.neg(b.one("Rsqrt", nil, b.fromOne(b.square(x)))) }),
		"Atan":   derivative(func(b *builder, x, _ output) output { return b.reciprocal(b.offset(b.square(x), 1)) }),
		"Erf": slope(func(b *builder, x, _ output) output {
			return b.times(b.exp(b.neg(b.square(x))), 2/math.Sqrt(math.Pi))
		}),
		"Erfinv": slope(func(b *builder, _, y output) output { return b.times(b.exp(b.square(y)), math.Sqrt(math.Pi)/2) }),
		"Ndtri": slope(func(b *builder, _, y output) output {
			return b.times(b.exp(b.times(b.square(y), 0.5)), math.Sqrt(2*math.Pi))
		}),
		"Lgamma": slope(func(b *builder, x, _ output) output { return b.one("Digamma", nil, x) }),
		"Cast": func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
			return []Gradient{onValues(dy[0], func(d output) output { return b.castLike(d, n.x(0)) })}, nil
		},

		"Relu":  activation("ReluGrad", false),
		"Relu6": activation("Relu6Grad", false),
		"Elu":   activation("EluGrad", false), "Selu": activation("SeluGrad", false),
		"Softplus": activation("SoftplusGrad", true), "Softsign": activation("SoftsignGrad", true),
		"LeakyRelu": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("LeakyReluGrad", a, grad, n.x(0)))
		}, "alpha"),
		"LeakyReluGrad": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("LeakyReluGrad", a, grad, n.x(1)), b.zeros(n.x(1)))
		}, "alpha"),
	})
}

func (b *builder) reciprocal(x output) output { return b.one("Reciprocal", nil, x) }

// fromOne returns 1-x.
func (b *builder) fromOne(x output) output { return b.minus(b.scalar(1, x), x) }

// derivative is slope for functions of complex numbers, whose gradient has the conjugate.
func derivative(f func(b *builder, x, y output) output) rule {
	return slope(func(b *builder, x, y output) output {
		if b.Err() != nil || !isComplex(x) {
			return f(b, x, y)
		}
		return b.conj(f(b, x, y))
	})
}

// fromResult makes the rule of an operation whose gradient is another one, of the result.
func fromResult(op string) rule {
	return formula(func(b *builder, n *node, grad output) []Gradient { return grads(b.one(op, nil, n.y(0), grad)) })
}

// fromConjugate is fromResult for operations that do not conjugate by themselves.
func fromConjugate(op string) rule {
	return formula(func(b *builder, n *node, grad output) []Gradient {
		return grads(b.one(op, nil, b.conj(n.y(0)), grad))
	})
}

// activation makes the rule of an activation whose gradient is another operation, of the
// argument or of the result.
func activation(op string, ofArgument bool) rule {
	return formula(func(b *builder, n *node, grad output) []Gradient {
		if ofArgument {
			return grads(b.one(op, nil, grad, n.x(0)))
		}
		return grads(b.one(op, nil, grad, n.y(0)))
	})
}
