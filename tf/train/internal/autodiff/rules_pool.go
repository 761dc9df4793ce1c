package autodiff

// The rules of the second gradients of convolutions and pools, as in
// tensorflow/python/ops/nn_grad.py.

func init() {
	conv3D := []string{"strides", "padding", "dilations", "data_format"}
	addRules(map[string]rule{
		"Conv2DBackpropFilter":                filterGrad("Conv2D", "Conv2DBackpropInput", conv2DAttrs),
		"DepthwiseConv2dNativeBackpropFilter": filterGrad("DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropInput", conv2DAttrs),
		"DepthwiseConv2dNativeBackpropInput":  inputGrad("DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropFilter", conv2DAttrs),
		"Conv3DBackpropFilterV2":              filterGrad("Conv3D", "Conv3DBackpropInputV2", conv3D),
		"Conv3DBackpropInputV2":               inputGrad("Conv3D", "Conv3DBackpropFilterV2", conv3D),

		"AvgPoolGrad":       averageGrad("AvgPool"),
		"AvgPool3DGrad":     averageGrad("AvgPool3D"),
		"MaxPoolGrad":       maxPoolGrad("MaxPoolGradGrad"),
		"MaxPoolGradGrad":   maxPoolGrad("MaxPoolGrad"),
		"MaxPool3DGrad":     maxPoolGrad("MaxPool3DGradGrad"),
		"MaxPool3DGradGrad": maxPoolGrad("MaxPool3DGrad"),
		"MaxPoolGradV2": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.zeros(n.x(0)), b.zeros(n.x(1)), b.one("MaxPoolGradGradV2", a, n.x(0), n.x(1), grad, n.x(3), n.x(4)))
		}, "padding", "data_format"),
		"MaxPoolWithArgmax": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("MaxPoolGradWithArgmax", a, n.x(0), grad, n.y(1)))
		}, "ksize", "strides", "padding", "include_batch_in_index"),
		"Dilation2D": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("Dilation2DBackpropInput", a, n.x(0), n.x(1), grad), b.one("Dilation2DBackpropFilter", a, n.x(0), n.x(1), grad))
		}, "strides", "rates", "padding"),
		"BatchNormWithGlobalNormalization": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.several("BatchNormWithGlobalNormalizationGrad", a, 5, n.x(0), n.x(1), n.x(2), n.x(4), grad)...)
		}, "variance_epsilon", "scale_after_normalization"),
	})
}

// withAttrs is formula with attributes of the node.
func withAttrs(f func(b *builder, n *node, a attrs, grad output) []Gradient, names ...string) rule {
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		a, err := copyAttrs(n, names...)
		if err != nil || dy[0].IsNone() {
			return nil, err
		}
		return f(b, n, a, b.dense(dy[0])), nil
	}
}

// filterGrad is the rule for the gradient of a filter, from the input, sizes and the gradient.
func filterGrad(forward, input string, names []string) rule {
	return withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
		x, dy := n.x(0), n.x(2)
		return grads(b.one(input, a, b.shape(x), grad, dy), none, b.one(forward, a, x, grad))
	}, names...)
}

// inputGrad is the rule for the gradient of an input, from sizes, the filter and the gradient.
func inputGrad(forward, filter string, names []string) rule {
	return withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
		kernel, dy := n.x(1), n.x(2)
		return grads(none, b.one(filter, a, grad, b.shape(kernel), dy), b.one(forward, a, grad, kernel))
	}, names...)
}

var poolAttrs = []string{"ksize", "strides", "padding", "data_format"}

func averageGrad(forward string) rule {
	return withAttrs(func(b *builder, _ *node, a attrs, grad output) []Gradient {
		return grads(none, b.one(forward, a, grad))
	}, poolAttrs...)
}

func maxPoolGrad(op string) rule {
	return withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
		return grads(b.zeros(n.x(0)), b.zeros(n.x(1)), b.one(op, a, n.x(0), n.x(1), grad))
	}, poolAttrs...)
}
