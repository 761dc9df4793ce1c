package autodiff

import (
	"strconv"
	"strings"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

type (
	input     = tensorflow.Input
	output    = tensorflow.Output
	operation = tensorflow.Operation
	attrs     = map[string]any
)

// bindingGraph is a graph of the binding to add nodes to.
type bindingGraph struct {
	graph  *tensorflow.Graph
	unique func(string) string
	taken  map[string]bool // for tryNumbers
}

// UniqueName makes a name unique in the graph.
func (g *bindingGraph) UniqueName(name string) string {
	if g.unique != nil {
		return g.unique(name)
	}
	return g.tryNumbers(name)
}

// AddOp adds a node under exactly the name of spec.
func (g *bindingGraph) AddOp(spec tensorflow.OpSpec) (*tensorflow.Operation, error) {
	spec.Name = strings.TrimSuffix(spec.Name, "/")
	return capi.AddOperation(g.graph, spec)
}

// tryNumbers is TensorFlow's way to a unique name: a, a_1, a_2. A name that was returned
// before is taken, because it may have become a scope, and so is that of a scope in the
// graph.
func (g *bindingGraph) tryNumbers(name string) string {
	if g.taken == nil {
		g.taken = make(map[string]bool)
		for _, node := range capi.OperationNames(g.graph, 0) {
			for i := len(node); i >= 0; i = strings.LastIndexByte(node, '/') {
				node = node[:i]
				g.taken[node] = true
			}
		}
	}
	next := name
	for i := 1; g.taken[next]; i++ {
		next = name + "_" + strconv.Itoa(i)
	}
	g.taken[next] = true
	return next
}

// builder adds the nodes of gradients.
type builder struct {
	*graphbuild.Builder
	graph *tensorflow.Graph
	base  string // "gradients"

	uniqueName func(string) string

	call *call
	// owner is not nil if the graph is a copy of a part of the caller's.
	owner  *part
	finder *branchFinder
}

// call is what is common to all graphs of one call of Build.
type call struct {
	source  string // names the call, for gradients of TensorArrays
	options *Options
}

// newBuilder opens the scope of the gradients.
func newBuilder(g *tensorflow.Graph, o *Options) *builder {
	name := o.Name
	if name == "" {
		name = "gradients"
	}
	graph := &bindingGraph{graph: g, unique: o.UniqueName}
	nodes := graphbuild.Open(graph, name)
	return &builder{
		Builder: nodes, graph: g, base: nodes.Scope(), uniqueName: graph.UniqueName, finder: newBranchFinder(),
		call: &call{source: nodes.Scope(), options: o},
	}
}

// source names the call of Build.
func (b *builder) source() string { return b.call.source }

// branches finds the conditionals around the tensors of the graph.
func (b *builder) branches() *branchFinder { return b.finder }

// setScope sets the scope of the next nodes, below the base.
func (b *builder) setScope(name string) { b.Builder = b.Within(b.base + "/" + name) }

// one adds a node that is named after its type and returns its only output.
func (b *builder) one(opType string, a attrs, inputs ...input) output {
	return graphbuild.First(b.Op(opType, a, inputs...))
}

// int32s adds a constant vector.
func (b *builder) int32s(values ...int32) output {
	return b.ConstOf(b.Unique("Const"), graphbuild.Vector(values))
}

// int32 adds a constant scalar.
func (b *builder) int32(v int32) output { return b.Const(b.Unique("Const"), dtype.Int32, v) }

// scalar adds a constant of the type of like.
func (b *builder) scalar(v float64, like output) output {
	if b.Err() != nil {
		return output{}
	}
	return b.Const(b.Unique("Const"), graphbuild.TypeOf(like), v)
}

func (b *builder) mul(x, y output) output { return b.one("Mul", nil, x, y) }

// shape returns the shape of x as an int32 vector, a constant if it is known.
func (b *builder) shape(x output) output {
	if b.Err() != nil {
		return output{}
	}
	if dims, ok := fullShape(x.Shape()); ok {
		return b.int32s(dims...)
	}
	return b.one("Shape", nil, x)
}

// fullShape returns the dimensions of a shape that is fully known and fits int32.
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
	if b.Err() != nil {
		return output{}
	}
	if x.Shape().NumDimensions() == 1 {
		return x
	}
	return b.one("Reshape", nil, x, b.int32s(-1))
}

// from returns the part of vector x that begins at element start.
func (b *builder) from(x output, start int32) output {
	return b.one("StridedSlice", attrs{"end_mask": int64(1)},
		x, b.int32s(start), b.int32s(0), b.int32s(1))
}

// first returns element 0 of vector x.
func (b *builder) first(x output) output {
	return b.one("StridedSlice", attrs{"shrink_axis_mask": int64(1)},
		x, b.int32s(0), b.int32s(1), b.int32s(1))
}

func (b *builder) concat(xs ...output) output {
	return b.one("ConcatV2", nil, tensorflow.OutputList(xs), b.int32(0))
}
