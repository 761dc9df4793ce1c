package autodiff

var conv2DAttrs = []string{"strides", "padding", "explicit_paddings", "dilations", "data_format"}

// localResponse is the rule for LRN.
func localResponse(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, err := copyAttrs(n, "depth_radius", "bias", "alpha", "beta")
	if err != nil {
		return nil, err
	}
	return one(b.one("LRNGrad", a, b.dense(dy[0]), n.in[0].output(), n.op.Output(0))), nil
}

func maxPool(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, err := copyAttrs(n, "ksize", "strides", "padding", "explicit_paddings", "data_format")
	if err != nil {
		return nil, err
	}
	return one(b.one("MaxPoolGrad", a, n.in[0].output(), n.op.Output(0), b.dense(dy[0]))), nil
}

// convolution returns the rule for a convolution with two operations as its gradients.
func convolution(input, filter string, attrNames ...string) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		a, err := copyAttrs(n, attrNames...)
		if err != nil {
			return nil, err
		}
		x, kernel, grad := n.in[0].output(), n.in[1].output(), b.dense(dy[0])
		return []Gradient{
			{Dense: b.one(input, a, b.shape(x), kernel, grad)},
			{Dense: b.one(filter, a, x, b.shape(kernel), grad)},
		}, nil
	}
}

// transposedConvolution is the rule for Conv2DBackpropInput, whose inputs are the sizes, the
// kernel and the values.
func transposedConvolution(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	a, err := copyAttrs(n, conv2DAttrs...)
	if err != nil {
		return nil, err
	}
	kernel, values, grad := n.in[1].output(), n.in[2].output(), b.dense(dy[0])
	return []Gradient{
		{},
		{Dense: b.one("Conv2DBackpropFilter", a, grad, b.shape(kernel), values)},
		{Dense: b.one("Conv2D", a, grad, kernel)},
	}, nil
}
