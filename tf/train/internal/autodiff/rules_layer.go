package autodiff

import "github.com/tfkeep/tfkeep/dtype"

// The rules of layers and of images, as in tensorflow/python/ops/nn_grad.py and image_grad.py.

func init() {
	addRules(map[string]rule{
		"Softmax": formula(func(b *builder, n *node, grad output) []Gradient {
			y := n.y(0)
			return grads(b.mul(b.minus(grad, b.sumOver(b.mul(grad, y), b.int32(-1), true)), y))
		}),
		"LogSoftmax": formula(func(b *builder, n *node, grad output) []Gradient {
			return grads(b.minus(grad, b.mul(b.sumOver(grad, b.int32(-1), true), b.exp(n.y(0)))))
		}),
		"SoftmaxCrossEntropyWithLogits": crossEntropy,
		"BiasAdd": keepingSlices(0, withAttrs(func(b *builder, _ *node, a attrs, grad output) []Gradient {
			return grads(grad, b.one("BiasAddGrad", a, grad))
		}, "data_format")),

		"Conv2D":                convolution("Conv2DBackpropInput", "Conv2DBackpropFilter", conv2DAttrs...),
		"DepthwiseConv2dNative": convolution("DepthwiseConv2dNativeBackpropInput", "DepthwiseConv2dNativeBackpropFilter", conv2DAttrs...),
		"Conv2DBackpropInput":   transposedConvolution,
		"MaxPool":               maxPool,
		"MaxPoolV2": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("MaxPoolGradV2", a, n.x(0), n.y(0), grad, n.x(1), n.x(2)))
		}, "padding", "data_format"),
		"MaxPool3D": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("MaxPool3DGrad", a, n.x(0), n.y(0), grad))
		}, poolAttrs...),
		"AvgPool":   averagePool("AvgPoolGrad"),
		"AvgPool3D": averagePool("AvgPool3DGrad"),
		"FractionalMaxPool": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("FractionalMaxPoolGrad", a, n.x(0), n.y(0), grad, n.y(1), n.y(2)))
		}, "overlapping"),
		"FractionalAvgPool": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			shape := b.one("Shape", attrs{"out_type": dtype.Int64}, n.x(0))
			return grads(b.one("FractionalAvgPoolGrad", a, shape, grad, n.y(1), n.y(2)))
		}, "overlapping"),

		"ResizeBilinear": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("ResizeBilinearGrad", a, grad, n.x(0)))
		}, "align_corners", "half_pixel_centers"),
		"ResizeBicubic": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("ResizeBicubicGrad", a, grad, n.x(0)))
		}, "align_corners", "half_pixel_centers"),
		"ResizeNearestNeighbor": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			size := b.one("StridedSlice", nil, b.shape(n.x(0)), b.int32s(1), b.int32s(3), b.int32s(1))
			return grads(b.one("ResizeNearestNeighborGrad", a, grad, size))
		}, "align_corners", "half_pixel_centers"),
		"ScaleAndTranslate": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.one("ScaleAndTranslateGrad", a, grad, n.x(0), n.x(2), n.x(3)))
		}, "kernel_type", "antialias"),

		"CropAndResize": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			x, boxes, index := n.x(0), n.x(1), n.x(2)
			image := attrs{"T": x.DataType(), "method": a["method"]}
			return grads(b.one("CropAndResizeGradImage", image, grad, boxes, index, b.shape(x)), b.one("CropAndResizeGradBoxes", nil, grad, x, boxes, index))
		}, "method"),

		"QuantizeAndDequantize": passThrough, "QuantizeAndDequantizeV3": passThrough,
		"QuantizeAndDequantizeV4": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			return grads(b.several("QuantizeAndDequantizeV4Grad", a, 3, grad, n.x(0), n.x(1), n.x(2))...)
		}, "axis"),
	})
}

func averagePool(op string) rule {
	return withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
		return grads(b.one(op, a, b.shape(n.x(0)), grad))
	}, poolAttrs...)
}

// crossEntropy uses the second output, the gradient with respect to the logits, which itself has
// the gradient of a softmax. Labels that are numbers of classes have no gradient.
func crossEntropy(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	logits, sparse := n.x(0), n.typ == "SparseSoftmaxCrossEntropyWithLogits"
	var dx, labels output
	if !dy[0].IsNone() {
		column := b.expand(b.dense(dy[0]), -1)
		dx = b.mul(column, n.y(1))
		if !sparse {
			labels = b.mul(column, b.neg(b.one("LogSoftmax", nil, logits)))
		}
	}
	if dy[1].IsNone() {
		return grads(dx, labels), b.Err()
	}
	second, softmax := b.dense(dy[1]), b.one("Softmax", nil, logits)
	inner := b.sumOver(b.mul(second, softmax), b.int32(-1), true)
	d := b.mul(b.minus(second, inner), softmax)
	if dx.Op != nil {
		d = b.plus(dx, d)
	}
	if labels.Op == nil && !sparse {
		labels = b.zeros(n.x(1))
	}
	return grads(d, labels), b.Err()
}
