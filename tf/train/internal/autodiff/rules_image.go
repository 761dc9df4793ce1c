package autodiff

import "github.com/tfkeep/tfkeep/dtype"

// The rules of images and patches, as in tensorflow/python/ops/image_grad.py, image_ops.py and
// array_grad.py.

func init() {
	addRules(map[string]rule{
		"ImageProjectiveTransformV2": withAttrs(projectiveTransform, "interpolation", "fill_mode"),
		"ImageProjectiveTransformV3": withAttrs(projectiveTransform, "interpolation", "fill_mode"),
		"RGBToHSV":                   formula(rgbToHSV),
		"ExtractVolumePatches":       withAttrs(extractVolumePatches, "ksizes", "strides", "padding"),
		"IsotonicRegression":         formula(isotonicRegression),
		"ApproxTopK":                 approxTopK,
	})
}

// projectiveTransform transforms the gradient by the inverse matrices.
func projectiveTransform(b *builder, n *node, a attrs, grad output) []Gradient {
	flat := b.reshape(n.x(1), b.int32s(-1, 8))
	ones := b.onesLike(b.part(flat, 1, 0, 1))
	inverse := b.one("MatrixInverse", nil, b.reshape(b.joinAlong(1, flat, ones), b.int32s(-1, 3, 3)))
	inverse = b.reshape(inverse, b.int32s(-1, 9))
	inverse = b.over(inverse, b.part(inverse, 1, 8, 0))
	size := b.one("StridedSlice", nil, b.one("Shape", nil, n.x(0)), b.int32s(1), b.int32s(3), b.int32s(1))
	return grads(b.one("ImageProjectiveTransformV2", a, grad, b.part(inverse, 1, 0, 8), size))
}

// extractVolumePatches adds up, for each voxel, the gradients of the patches that it is in.
func extractVolumePatches(b *builder, n *node, a attrs, grad output) []Gradient {
	shape, outShape := b.one("Shape", nil, n.x(0)), b.one("Shape", nil, n.y(0))
	batch, channels := b.element(shape, 0), b.element(shape, 4)
	planes, rows, columns := b.element(shape, 1), b.element(shape, 2), b.element(shape, 3)
	one, voxels := b.int32(1), b.mul(b.mul(planes, rows), columns)
	numbers := b.Cast(b.one("Range", nil, one, b.plus(voxels, one), one), dtype.Float64)
	patches := b.one("ExtractVolumePatches", a, b.reshape(numbers, b.pack(one, planes, rows, columns, one)))
	ids := b.one("Sub", nil, b.reshape(b.Cast(patches, dtype.Int32), b.int32s(-1)), one)
	split := b.reshape(grad, b.pack(batch, b.element(outShape, 1), b.element(outShape, 2), b.element(outShape, 3), b.int32(-1), channels))
	flat := b.reshape(b.one("Transpose", nil, split, b.int32s(1, 2, 3, 4, 0, 5)), b.pack(b.int32(-1), b.mul(batch, channels)))
	sum := b.one("UnsortedSegmentSum", nil, flat, ids, voxels)
	return grads(b.one("Transpose", nil, b.reshape(sum, b.pack(planes, rows, columns, batch, channels)), b.int32s(3, 0, 1, 2, 4)))
}

// isotonicRegression gives each element the mean gradient of its segment. The segments of the
// rows get numbers of their own.
func isotonicRegression(b *builder, n *node, grad output) []Gradient {
	shape := b.one("Shape", nil, grad)
	rows, columns := b.element(shape, 0), b.element(shape, 1)
	starts := b.expand(b.mul(b.count(rows), columns), -1)
	ids := b.reshape(b.plus(n.y(1), starts), b.int32s(-1))
	size := b.mul(rows, columns)
	sum := func(x output) output { return b.one("UnsortedSegmentSum", nil, x, ids, size) }
	flat := b.reshape(grad, b.int32s(-1))
	means := b.over(sum(flat), sum(b.onesLike(flat)))
	return grads(b.castLike(b.reshape(b.rows(means, ids), shape), n.x(0)))
}

// approxTopK puts the gradients back to where the values came from.
func approxTopK(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	dims, ok := fullShape(n.y(1).Shape())
	_, inputKnown := fullShape(n.x(0).Shape())
	if !ok || !inputKnown {
		return nil, refuse(n, ErrNoGradient, "the gradient exists only for an operand of a known shape")
	}
	reduced := int(n.integer("reduction_dimension"))
	if reduced < 0 {
		reduced += len(dims)
	}
	var coordinates []output
	for d, size := range dims {
		if d == reduced {
			coordinates = append(coordinates, n.y(1))
			continue
		}
		line := make([]int32, len(dims))
		for i := range line {
			line[i] = 1
		}
		line[d] = size
		coordinates = append(coordinates, b.one("BroadcastTo", nil, b.reshape(b.count(b.int32(size)), b.int32s(line...)), b.int32s(dims...)))
	}
	places := b.one("Pack", attrs{"axis": int64(-1)}, list(coordinates...))
	return one(b.one("ScatterNd", nil, places, b.orZeros(n, dy, 0), b.shape(n.x(0)))), b.Err()
}

// rgbToHSV treats the three colors alike: each has a next one and one before.
func rgbToHSV(b *builder, n *node, grad output) []Gradient {
	channel := func(x output, i int32) output {
		return b.one("StridedSlice", attrs{"ellipsis_mask": int64(1), "shrink_axis_mask": int64(2)},
			x, b.int32s(0, i), b.int32s(0, i+1), b.int32s(1, 1))
	}
	c := colors{builder: b, saturation: channel(n.y(0), 1), value: channel(n.y(0), 2)}
	for i := range c.x {
		c.x[i] = channel(n.x(0), int32(i))
	}
	red, green, blue := c.x[0], c.x[1], c.x[2]
	both := func(p, q output) output { return b.castLike(b.one("LogicalAnd", nil, p, q), red) }
	atLeast := func(p, q output) output { return b.one("GreaterEqual", nil, p, q) }
	c.largest = [3]output{both(atLeast(red, blue), atLeast(red, green)), both(b.greater(green, red), atLeast(green, blue)), both(b.greater(blue, red), b.greater(blue, green))}
	c.smallest = [3]output{both(b.less(red, blue), b.less(red, green)), both(atLeast(red, green), b.less(green, blue)), both(atLeast(red, blue), atLeast(green, blue))}
	hue, saturation, value := channel(grad, 0), channel(grad, 1), channel(grad, 2)
	var dx []output
	for i := range c.x {
		d := b.plus(b.mul(value, c.largest[i]), b.mul(saturation, c.dSaturation(i)))
		dx = append(dx, b.plus(d, b.mul(hue, c.dHue(i))))
	}
	return grads(b.one("Pack", attrs{"axis": int64(-1)}, list(dx...)))
}

type colors struct {
	*builder
	x, largest, smallest [3]output
	saturation, value    output
}

// inverse returns 1/x, 0 for 0.
func (c *colors) inverse(x output) output { return c.one("DivNoNan", nil, c.scalar(1, x), x) }

// present returns 1 where a color is above 0.
func (c *colors) present(i int) output {
	return c.castLike(c.greater(c.x[i], c.scalar(0, c.x[i])), c.x[i])
}

func (c *colors) dSaturation(i int) output {
	x, next, last := i, (i+1)%3, (i+2)%3
	smallest := c.plus(c.mul(c.smallest[next], c.x[next]), c.mul(c.smallest[last], c.x[last]))
	largest := c.plus(c.mul(c.largest[next], c.x[next]), c.mul(c.largest[last], c.x[last]))
	rising := c.mul(c.mul(c.largest[x], smallest), c.inverse(c.square(c.x[x])))
	return c.mul(c.present(x), c.minus(rising, c.mul(c.smallest[x], c.inverse(largest))))
}

func (c *colors) dHue(i int) output {
	x, next, last := i, (i+1)%3, (i+2)%3
	between := c.minus(c.x[next], c.x[last])
	sum := c.neg(c.mul(c.mul(c.mul(c.present(x), c.largest[x]), between), c.mul(c.inverse(c.square(c.saturation)), c.inverse(c.square(c.value)))))
	under := func(largest, smallest int) output {
		return c.mul(c.mul(c.present(largest), c.largest[largest]), c.smallest[smallest])
	}
	step := func(other int) output {
		return c.mul(c.mul(under(other, x), c.neg(between)), c.inverse(c.square(c.minus(c.x[x], c.x[other]))))
	}
	sum = c.plus(sum, c.plus(step(next), step(last)))
	sum = c.minus(sum, c.mul(under(next, last), c.inverse(between)))
	sum = c.plus(sum, c.mul(under(last, next), c.inverse(c.neg(between))))
	return c.over(c.times(sum, 60), c.scalar(360, sum))
}
