package autodiff

// The rules of operations on two tensors that are broadcast, and of choices between them, as in
// tensorflow/python/ops/math_grad.py.

func init() {
	addRules(map[string]rule{
		"Add": sumRule(1), "AddV2": sumRule(1), "Sub": sumRule(-1),
		"Mul": partials(func(b *builder, x, y output) (output, output) { return b.conj(y), b.conj(x) }),
		"Div": quotient("RealDiv"), "RealDiv": quotient("RealDiv"), "DivNoNan": quotient("DivNoNan"),
		"SquaredDifference": squaredDifference,
		"Maximum":           chosen("GreaterEqual"), "Minimum": chosen("LessEqual"),
		"Pow": power,

		"Select": formula(func(b *builder, n *node, grad output) []Gradient {
			c, zeros := n.x(0), b.zeros(n.x(1))
			return grads(none, b.one("Select", nil, c, grad, zeros), b.one("Select", nil, c, zeros, grad))
		}),
		"SelectV2":    formula(selectV2),
		"ClipByValue": formula(clipByValue),

		"AddN":   toEveryInput,
		"L2Loss": formula(func(b *builder, n *node, grad output) []Gradient { return grads(b.mul(n.x(0), grad)) }),
	})
}

// sumRule is the rule of x + y and of x - y. As in Python, slices remain slices for an input that
// is known not to be broadcast.
func sumRule(sign int) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		second := dy
		if sign < 0 {
			var err error
			if second, err = negative(b, n, dy); err != nil {
				return nil, err
			}
		}
		if dy[0].Slices == nil {
			return b.unbroadcast(n, dy[0].Dense, second[0].Dense)
		}
		dx := []Gradient{dy[0], second[0]}
		for i, d := range dx {
			if keepsShape(n, i) {
				continue
			}
			dense, err := b.unbroadcast(n, b.dense(d), b.dense(d))
			if err != nil {
				return nil, err
			}
			dx[i] = dense[i]
		}
		return dx, b.Err()
	}
}

// quotient is the rule of divisions, with the operation that divides.
func quotient(divide string) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		x, y, grad := b.conj(n.x(0)), b.conj(n.x(1)), b.dense(dy[0])
		over := func(p, q output) output { return b.one(divide, nil, p, q) }
		return b.unbroadcast(n, over(grad, y), b.mul(grad, over(over(b.neg(x), y), y)))
	}
}

// squaredDifference is the rule of (x-y)². It conjugates nothing, as in Python.
func squaredDifference(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	dx := b.mul(b.times(b.dense(dy[0]), 2), b.minus(n.x(0), n.x(1)))
	return b.unbroadcast(n, dx, b.neg(dx))
}

// chosen gives the gradient to the input that was chosen, to the first one if both are equal.
func chosen(compare string) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		grad := b.dense(dy[0])
		first, zero := b.one(compare, nil, n.x(0), n.x(1)), b.scalar(0, grad)
		return b.unbroadcast(n, b.where(first, grad, zero), b.where(first, zero, grad))
	}
}

// power is the rule of x^y. Its derivative in y is 0 where x is not positive.
func power(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	x, y, z, grad := b.conj(n.x(0)), b.conj(n.x(1)), b.conj(n.y(0)), b.dense(dy[0])
	if b.Err() != nil {
		return nil, b.Err()
	}
	dx := b.mul(grad, b.mul(y, b.one("Pow", nil, x, b.minus(y, b.scalar(1, y)))))
	if !n.in[1].isLive() {
		d, err := b.unbroadcast(n, dx, dx)
		if err != nil {
			return nil, err
		}
		return d[:1], nil
	}
	var mask output
	if isComplex(x) {
		mask = b.one("NotEqual", nil, x, b.scalar(0, x))
	} else {
		mask = b.greater(x, b.scalar(0, x))
	}
	logs := b.where(mask, b.log(b.where(mask, x, b.onesLike(x))), b.zeros(x))
	return b.unbroadcast(n, dx, b.mul(b.mul(grad, z), logs))
}

func selectV2(b *builder, n *node, grad output) []Gradient {
	c, zero := n.x(0), b.scalar(0, grad)
	shape := b.shape(n.y(0))
	reduced := func(x, d output) output {
		to := b.shape(x)
		along := b.several("BroadcastGradientArgs", nil, 2, to, shape)
		return b.reshape(b.sumOver(d, along[0], true), to)
	}
	return grads(none, reduced(n.x(1), b.where(c, grad, zero)), reduced(n.x(2), b.where(c, zero, grad)))
}

func clipByValue(b *builder, n *node, grad output) []Gradient {
	x := n.x(0)
	zero := b.scalar(0, grad)
	below, above := b.less(x, n.x(1)), b.greater(x, n.x(2))
	bound := func(i int, mask output) output {
		shape := b.shape(n.x(i))
		along := b.several("BroadcastGradientArgs", nil, 2, b.shape(x), shape)
		return b.reshape(b.sumOver(b.where(mask, grad, zero), along[1], false), shape)
	}
	return grads(b.where(b.one("LogicalOr", nil, below, above), zero, grad), bound(1, below), bound(2, above))
}
