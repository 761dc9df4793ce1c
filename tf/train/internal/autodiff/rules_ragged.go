package autodiff

import (
	"slices"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
)

// The rules of ragged tensors and of values in variants, as in
// tensorflow/python/ops/ragged/ragged_*.py, optional_grad.py and composite_tensor_ops.py.

func init() {
	addRules(map[string]rule{
		"RaggedGather":            raggedGather,
		"RaggedTensorToTensor":    raggedToTensor,
		"RaggedTensorToSparse":    raggedToSparse,
		"RaggedTensorToVariant":   formula(raggedToVariant),
		"RaggedTensorFromVariant": raggedFromVariant,

		"OptionalFromValue": withAttrs(func(b *builder, n *node, a attrs, grad output) []Gradient {
			get := attrs{"output_types": a["Toutput_types"], "output_shapes": make([]tensorflow.Shape, len(n.in))}
			return grads(b.several("OptionalGetValue", get, len(n.in), grad)...)
		}, "Toutput_types"),
		"OptionalGetValue": func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
			return one(b.one("OptionalFromValue", nil, b.allOrZeros(n, dy))), nil
		},
	})
}

// allOrZeros returns the gradients of all outputs.
func (b *builder) allOrZeros(n *node, dy []Gradient) input {
	var all []output
	for i := range dy {
		all = append(all, b.orZeros(n, dy, i))
	}
	return list(all...)
}

// raggedGather adds the gradients to the rows that were taken. The rows of nested values are
// those of the outermost splits.
func raggedGather(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	inner := len(n.in) - 2
	splits := n.x(0)
	for i := 1; i < inner; i++ {
		splits = b.rows(n.x(i), splits)
	}
	indices := b.reshape(n.x(inner+1), b.int32s(-1))
	starts, ends := b.rows(splits, indices), b.rows(b.part(splits, 1, 1, 0), indices)
	rows := b.several("RaggedRange", nil, 2, starts, ends, b.castLike(b.int32(1), splits))[1]
	dx := make([]Gradient, len(n.in))
	dx[inner] = Gradient{Slices: &Slices{
		Values:     b.orZeros(n, dy, len(dy)-1),
		Indices:    rows,
		DenseShape: b.one("Shape", nil, n.x(inner)),
	}}
	return dx, b.Err()
}

// masked returns the elements of x, in the first dimensions, where a mask of these is true.
func (b *builder) masked(x, mask output, dimensions int32) output {
	flat := b.reshape(x, b.concat(b.int32s(-1), b.from(b.one("Shape", nil, x), dimensions)))
	return b.rows(flat, b.reshape(b.one("Where", nil, b.reshape(mask, b.int32s(-1))), b.int32s(-1)))
}

func raggedToTensor(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	types, err := capi.Attr(n.op, "row_partition_types")
	if err != nil || dy[0].IsNone() {
		return nil, err
	}
	fallback := n.x(2)
	if fallback.Shape().NumDimensions() < 0 {
		return nil, refuse(n, ErrNoGradient, "the gradient exists only for a default of a known shape")
	}
	dimensions := int32(1)
	for _, kind := range types.GetList().GetS() {
		if string(kind) != "FIRST_DIM_SIZE" {
			dimensions++
		}
	}
	grad, values := b.dense(dy[0]), n.x(1)
	var partitions []output
	for i := 3; i < len(n.in); i++ {
		partitions = append(partitions, n.x(i))
	}
	shape := b.one("StridedSlice", attrs{"begin_mask": int64(1)}, b.one("Shape", nil, grad), b.int32s(0), b.int32s(dimensions), b.int32s(1))
	numbers := b.count(b.first(b.one("Shape", nil, values)))
	places := b.one("RaggedTensorToTensor", attrs{"row_partition_types": types}, shape, numbers, b.int32(-1), list(partitions...))
	present := b.one("NotEqual", nil, places, b.int32(-1))
	dValues := Gradient{Slices: &Slices{
		Values:     b.masked(grad, present, dimensions),
		Indices:    b.masked(places, present, dimensions),
		DenseShape: b.one("Shape", nil, values),
	}}
	absent := b.masked(grad, b.one("LogicalNot", nil, present), dimensions)
	kept := int32(fallback.Shape().NumDimensions())
	for i := 0; i < fallback.Shape().NumDimensions() && fallback.Shape().Size(i) == 1; i++ {
		kept--
	}
	axes := b.count(b.one("Sub", nil, b.rank(absent), b.int32(kept)))
	dDefault := b.reshape(b.sumOver(absent, axes, false), b.one("Shape", nil, fallback))
	return []Gradient{{}, dValues, {Dense: dDefault}}, b.Err()
}

func raggedToSparse(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	last := len(n.in) - 1
	dx := make([]Gradient, len(n.in))
	dx[last].Dense = b.reshape(b.orZeros(n, dy, 1), b.one("Shape", nil, n.x(last)))
	return dx, b.Err()
}

func raggedToVariant(b *builder, n *node, grad output) []Gradient {
	last := len(n.in) - 1
	values := n.x(last)
	splits := b.int32(0)
	if last > 0 {
		splits = n.x(0)
	}
	if b.Err() != nil {
		return nil
	}
	dx := make([]Gradient, len(n.in))
	dx[last].Dense = b.one("RaggedTensorToVariantGradient", attrs{"Tvalues": values.DataType()}, grad, splits, b.one("Shape", nil, values))
	return dx
}

func raggedFromVariant(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	last := len(dy) - 1
	var splits []output
	for i := range last {
		splits = append(splits, n.y(i))
	}
	batched := n.x(0).Shape().NumDimensions() == 1 || n.x(0).Shape().NumDimensions() < 0 && n.integer("output_ragged_rank") > 0
	a := attrs{"batched_input": batched}
	if v, err := capi.Attr(n.op, "Tsplits"); err == nil {
		a["Tsplits"] = v.GetType()
	}
	return one(b.one("RaggedTensorToVariant", a, list(slices.Clip(splits)...), b.orZeros(n, dy, last))), b.Err()
}
