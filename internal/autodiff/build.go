package autodiff

import (
	"fmt"
	"strconv"
	"strings"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
)

type (
	output = tensorflow.Output
	attrs  = map[string]any
)

// builder adds nodes under a scope. Its first error sticks and later calls do
// nothing, so that a rule reads as a formula; whoever calls a rule asks for err.
type builder struct {
	graph  *tensorflow.Graph
	unique func(string) string
	taken  map[string]bool // for numbered
	base   string          // "gradients"
	scope  string          // of the nodes that are added now
	err    error
}

// numbered is TensorFlow's way to a unique name: a, a_1, a_2. A name that was
// given out is taken, for it may have become a scope, as is that of a scope in
// the graph.
func (b *builder) numbered(name string) string {
	if b.taken == nil {
		b.taken = make(map[string]bool)
		for _, node := range capi.OperationNames(b.graph, 0) {
			for i := len(node); i >= 0; i = strings.LastIndexByte(node, '/') {
				node = node[:i]
				b.taken[node] = true
			}
		}
	}
	next := name
	for i := 1; b.taken[next]; i++ {
		next = name + "_" + strconv.Itoa(i)
	}
	b.taken[next] = true
	return next
}

// within sets the scope for the nodes of one rule.
func (b *builder) within(name string) { b.scope = b.base + "/" + name }

func (b *builder) add(opType, name string, a attrs, inputs ...tensorflow.Input) *tensorflow.Operation {
	if b.err != nil {
		return nil
	}
	op, err := capi.AddOperation(b.graph, tensorflow.OpSpec{
		Type: opType, Name: b.unique(b.scope + "/" + name), Input: inputs, Attrs: a,
	})
	if err != nil {
		b.err = fmt.Errorf("autodiff: gradient node of type %s in %s: %w", opType, b.scope, err)
	}
	return op
}

// one adds an operation with one output.
func (b *builder) one(opType string, a attrs, inputs ...tensorflow.Input) output {
	return b.named(opType, opType, a, inputs...)
}

func (b *builder) named(opType, name string, a attrs, inputs ...tensorflow.Input) output {
	op := b.add(opType, name, a, inputs...)
	if op == nil {
		return output{}
	}
	return op.Output(0)
}

// constant adds a Const of a Go value.
func (b *builder) constant(value any) output {
	if b.err != nil {
		return output{}
	}
	t, err := tensorflow.NewTensor(value)
	if err != nil {
		b.err = err
		return output{}
	}
	defer capi.Release(capi.Adopt(t))
	return b.one("Const", attrs{"dtype": t.DataType(), "value": t})
}

// scalar is a constant of the type of like.
func (b *builder) scalar(value float64, like output) output {
	if b.err != nil {
		return output{}
	}
	switch dt := dtype.Base(like.DataType()); dt {
	case tensorflow.Float:
		return b.constant(float32(value))
	case tensorflow.Double:
		return b.constant(value)
	default:
		return b.cast(b.constant(float32(value)), dt)
	}
}

func (b *builder) cast(x output, dt tensorflow.DataType) output {
	if b.err != nil || dtype.Base(x.DataType()) == dt {
		return x
	}
	return b.one("Cast", attrs{"DstT": dt}, x)
}

func (b *builder) mul(x, y output) output { return b.one("Mul", nil, x, y) }

// shape is the shape of x as an int32 vector, a constant where it is known.
func (b *builder) shape(x output) output {
	if b.err != nil {
		return output{}
	}
	if dims, ok := fullShape(x.Shape()); ok {
		return b.constant(dims)
	}
	return b.one("Shape", nil, x)
}

// fullShape gives the dimensions of a shape that is fully known and fits int32.
func fullShape(s tensorflow.Shape) ([]int32, bool) {
	if s.NumDimensions() < 0 {
		return nil, false
	}
	dims := make([]int32, s.NumDimensions())
	for i := range dims {
		if s.Size(i) < 0 || s.Size(i) > 1<<31-1 {
			return nil, false
		}
		dims[i] = int32(s.Size(i))
	}
	return dims, true
}

// vector reshapes x to one dimension.
func (b *builder) vector(x output) output {
	if b.err != nil {
		return output{}
	}
	if x.Shape().NumDimensions() == 1 {
		return x
	}
	return b.one("Reshape", nil, x, b.constant([]int32{-1}))
}

// from takes the part of vector x that begins at element start.
func (b *builder) from(x output, start int32) output {
	return b.one("StridedSlice", attrs{"end_mask": int64(1)},
		x, b.constant([]int32{start}), b.constant([]int32{0}), b.constant([]int32{1}))
}

// first is element 0 of vector x.
func (b *builder) first(x output) output {
	return b.one("StridedSlice", attrs{"shrink_axis_mask": int64(1)},
		x, b.constant([]int32{0}), b.constant([]int32{1}), b.constant([]int32{1}))
}

func (b *builder) concat(xs ...output) output {
	return b.one("ConcatV2", nil, tensorflow.OutputList(xs), b.constant(int32(0)))
}
