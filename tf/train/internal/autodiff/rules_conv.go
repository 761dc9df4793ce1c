package autodiff

import (
	"slices"

	"github.com/tfkeep/tfkeep/capi"
)

// isUnusual reports whether a convolution or a pool has explicit paddings or dilations. The
// library's gradients ignore both, the dilations without an error.
func isUnusual(n *node) bool {
	if v, err := capi.Attr(n.op, "padding"); err == nil && string(v.GetS()) == "EXPLICIT" {
		return true
	}
	v, err := capi.Attr(n.op, "dilations")
	return err == nil && slices.ContainsFunc(v.GetList().GetI(), func(d int64) bool { return d != 1 })
}

// unusualRules are the rules for these operations. The library differentiates the usual
// ones, which keeps them together with others in one call.
var unusualRules = map[string]rule{
	"Conv2D":                convolution("Conv2DBackpropInput", "Conv2DBackpropFilter", conv2DAttrs...),
	"DepthwiseConv2dNative": convolution("DepthwiseConv2dNativeBackpropInput", "DepthwiseConv2dNativeBackpropFilter", conv2DAttrs...),
	"Conv2DBackpropInput":   transposedConvolution,
	"MaxPool":               maxPool,
}

var conv2DAttrs = []string{"strides", "padding", "explicit_paddings", "dilations", "data_format"}

// localResponse is the rule for LRN. The library's gradient ignores the attributes of the
// operation and uses the defaults.
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
