// Package sizes bounds the sizes of the tensors of a graph from what the graph states:
// constants, shapes, and the ops between them. It computes small vectors of integers, as the
// shapes that decide a size are, and follows shapes. It runs nothing, and takes time in
// proportion to the graph.
package sizes

import (
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Sizes end at Most, which is larger than any memory. NotKnown is larger, and stands for a size
// that is not known; what is computed from it is not known either.
const (
	Most     = 1 << 60
	NotKnown = 1 << 61
)

// Tensor is what is known about a tensor.
type Tensor struct {
	// Dims has the dimensions, -1 for one that is not known. It is nil if the rank is not
	// known; a scalar has no dimensions, and a Dims that is not nil.
	Dims []int64
	// Open says that the rank depends on the caller, so that TensorFlow does not know it either.
	Open bool
	// Elems is the number of elements at most, or NotKnown.
	Elems int64
	// Text is the number of bytes of all strings at most, or NotKnown.
	Text int64
	// Values are the elements, or nil if they are not known or many.
	Values []float64
	// UpTo, if not 0, says that the elements are numbers from 0 to UpTo.
	UpTo int64
	// Given says that the size depends on a value from outside of the graph: a placeholder,
	// a variable or an argument.
	Given bool
}

// Unknown is a tensor of which nothing is known.
func Unknown() Tensor { return Tensor{Elems: NotKnown, Text: NotKnown} }

// Argument is a tensor from outside of the graph.
func Argument() Tensor { return Tensor{Elems: NotKnown, Text: NotKnown, Given: true, Open: true} }

// Rank returns the rank, or -1.
func (t Tensor) Rank() int {
	if t.Dims == nil {
		return -1
	}
	return len(t.Dims)
}

// Join returns what holds for both of two tensors.
func Join(a, b Tensor) Tensor {
	j := Tensor{Elems: max(a.Elems, b.Elems), Text: max(a.Text, b.Text), Given: a.Given || b.Given}
	if a.UpTo > 0 && b.UpTo > 0 {
		j.UpTo = max(a.UpTo, b.UpTo)
	}
	if a.Dims != nil && b.Dims != nil && len(a.Dims) == len(b.Dims) {
		j.Dims = slices.Clone(a.Dims)
		for i := range j.Dims {
			if a.Dims[i] != b.Dims[i] {
				j.Dims[i] = -1
			}
		}
	}
	if a.Values != nil && slices.Equal(a.Values, b.Values) {
		j.Values = a.Values
	}
	return j
}

// Equal reports whether the same is known about two tensors.
func Equal(a, b Tensor) bool {
	return (a.Dims == nil) == (b.Dims == nil) && slices.Equal(a.Dims, b.Dims) && slices.Equal(a.Values, b.Values) &&
		a.Open == b.Open && a.Elems == b.Elems && a.Text == b.Text && a.Given == b.Given && a.UpTo == b.UpTo
}

// Product returns the product of sizes, at most Most unless one is NotKnown. It is -1 if one is
// negative.
func Product(sizes ...int64) int64 {
	product, zero, unknown := int64(1), false, false
	for _, s := range sizes {
		switch {
		case s < 0:
			return -1
		case s == 0:
			zero = true
		case s > Most:
			unknown = true
		case product > Most/s:
			product = Most
		default:
			product *= s
		}
	}
	switch {
	case zero:
		return 0
	case unknown:
		return NotKnown
	}
	return product
}

// Sum returns the sum of sizes, at most Most unless one is NotKnown.
func Sum(sizes ...int64) int64 {
	sum := int64(0)
	for _, s := range sizes {
		if s > Most {
			return NotKnown
		}
		sum = min(sum+s, Most)
	}
	return sum
}

// Bytes returns the memory that elements of a type take.
func Bytes(t dtype.DataType, elems int64) int64 {
	size := int64(dtype.Size(dtype.Base(t)))
	switch dtype.Base(t) {
	case dtype.String:
		size = 24
	case dtype.Variant, dtype.Resource:
		size = 64
	}
	return Product(max(size, 1), elems)
}

// shaped returns a tensor with dimensions.
func shaped(dims ...int64) Tensor {
	t := Tensor{Dims: dims, Elems: Product(dims...)}
	if dims == nil {
		t.Dims = []int64{}
	}
	if t.Elems < 0 {
		t.Elems = NotKnown
	}
	return t
}

// Body has what is known about the tensors of a graph or of a function.
type Body struct {
	nodes []*graphdef.NodeDef
	index map[string]int // of the nodes, by name
	args  func(name string) Tensor
	call  Call
	known [][]Tensor // by node: its outputs, or one tensor that holds for all
}

// Call returns what is known about the outputs of a node that calls a function, or nil for
// another node.
type Call func(n *graphdef.NodeDef, in []Tensor) []Tensor

// Infer looks at all nodes. args returns what is known about an argument of the function; it
// is nil for a graph. call may be nil.
func Infer(nodes []*graphdef.NodeDef, args func(name string) Tensor, call Call) *Body {
	b := &Body{nodes: nodes, call: call, index: make(map[string]int, len(nodes)), known: make([][]Tensor, len(nodes)), args: args}
	for i, n := range nodes {
		b.index[n.GetName()] = i
	}
	// The walk keeps its own stack, because a graph may be a chain of any length.
	done := make([]bool, len(nodes))
	var stack []int
	for i := range nodes {
		stack = append(stack[:0], b.index[nodes[i].GetName()])
		for len(stack) > 0 {
			top := stack[len(stack)-1]
			n := nodes[top]
			if b.known[top] == nil {
				b.known[top] = unknown // for the back edges of loops
				for _, in := range nodedef.DataInputs(n) {
					if from, ok := b.index[nodedef.NodeName(in)]; ok && b.known[from] == nil && !closesLoop(n, nodes[from]) {
						stack = append(stack, from)
					}
				}
				if stack[len(stack)-1] != top {
					continue
				}
			}
			stack = stack[:len(stack)-1]
			if !done[top] {
				done[top] = true
				b.known[top] = b.outputs(n, b.inputs(n))
			}
		}
	}
	return b
}

// closesLoop reports whether a node takes the value of the next iteration of a loop of TensorFlow
// 1 from another. The first value has to be known first: the next one is computed from it.
func closesLoop(n, from *graphdef.NodeDef) bool {
	return (n.GetOp() == "Merge" || n.GetOp() == "RefMerge") && (from.GetOp() == "NextIteration" || from.GetOp() == "RefNextIteration")
}

var unknown = []Tensor{Unknown()}

// inputs returns what is known about the data inputs of a node.
func (b *Body) inputs(n *graphdef.NodeDef) []Tensor {
	names := nodedef.DataInputs(n)
	if len(names) == 0 {
		return nil
	}
	in := make([]Tensor, len(names))
	for i, name := range names {
		in[i] = b.Of(name)
	}
	return in
}

// Of returns what is known about an input of a node.
func (b *Body) Of(input string) Tensor {
	name := nodedef.NodeName(input)
	at, ok := b.index[name]
	if !ok {
		if b.args == nil {
			return Argument()
		}
		return b.args(name)
	}
	outs := b.known[at]
	if len(outs) == 0 {
		return Unknown() // see closesLoop
	}
	if len(outs) > 1 {
		if i := outputNumber(input); i < len(outs) {
			return outs[i]
		}
	}
	return outs[0]
}

// outputNumber returns i of "node:i" or "node:output:i".
func outputNumber(input string) int {
	number := input[strings.LastIndexByte(input, ':')+1:]
	i := 0
	for _, c := range number {
		if c < '0' || c > '9' || i > 1<<20 {
			return 0
		}
		i = 10*i + int(c-'0')
	}
	return i
}

// Output returns what is known about all outputs of a node together.
func (b *Body) Output(node string) Tensor {
	if i, ok := b.index[node]; ok {
		return together(b.known[i])
	}
	return Unknown()
}

// Asks returns what is known about the outputs of a node if every input from outside of the
// graph has one element. What it has more comes from the graph.
func (b *Body) Asks(n *graphdef.NodeDef) Tensor {
	in := b.inputs(n)
	given := false
	for i := range in {
		if in[i].Given || in[i].Elems == NotKnown {
			given = true
			in[i] = Tensor{Elems: 1, Text: 0, Given: true}
		}
	}
	if !given {
		return b.Output(n.GetName()).exact(n)
	}
	return together(b.outputs(n, in)).exact(n)
}

// exact returns t without what is only a bound: a size that does not follow from dimensions, and
// the text of more than one string. A graph is not refused for a bound that may be far too high.
func (t Tensor) exact(n *graphdef.NodeDef) Tensor {
	switch n.GetOp() {
	case "StringNGrams":
		return t
	case "AsString": // each number is padded
		t.Text = Product(t.Elems, max(n.GetAttr()["width"].GetI(), n.GetAttr()["precision"].GetI(), 0))
		return t
	}
	if t.Dims == nil || slices.Contains(t.Dims, -1) {
		return Unknown()
	}
	if t.Elems != 1 {
		t.Text = 0
	}
	return t
}

func (b *Body) outputs(n *graphdef.NodeDef, in []Tensor) []Tensor {
	if b.call != nil {
		if outs := b.call(n, in); outs != nil {
			return outs
		}
	}
	return outputs(n, in)
}

// Growth returns by how much the outputs of a node, which have these types, are larger than its
// inputs, at most. It is 0 if that is not known, or depends on a value from outside.
func (b *Body) Growth(n *graphdef.NodeDef, types []dtype.DataType) int64 {
	out := b.Output(n.GetName())
	if out.Given {
		out = out.exact(n)
	}
	bytes := out.Bytes(n, types)
	if bytes > Most {
		return 0
	}
	for _, in := range b.inputs(n) {
		bytes -= min(bytes, Sum(in.Elems, in.Text)) // an element has one byte at least
	}
	return bytes
}

// repeats have outputs that may have an input several times.
var repeats = set(`Concat ConcatV2 Pack ParallelConcat DynamicStitch ParallelDynamicStitch Tile Pad PadV2 MirrorPad Gather GatherV2
	GatherNd StringJoin StringFormat ReduceJoin UnsortedSegmentJoin RegexReplace StaticRegexReplace Einsum`)

// Multiple returns how many times as large as its inputs the output of a node is, whose size
// depends on values from outside. It is 1 if that is not so. An input that a node has twice
// counts once, and so do inputs that come from the same value by ops that change no shape.
func (b *Body) Multiple(n *graphdef.NodeDef) int64 {
	out := b.Output(n.GetName())
	if !repeats[n.GetOp()] || !out.Given || out.Elems > Most || out.exact(n).Elems <= Most {
		return 1
	}
	elems, text := int64(1), int64(1)
	counted := map[string]bool{}
	for _, in := range nodedef.DataInputs(n) {
		if root := b.root(in); !counted[root] {
			counted[root] = true
			t := b.Of(in)
			elems, text = Sum(elems, t.Elems), Sum(text, min(t.Text, Most))
		}
	}
	if len(counted) > 0 {
		elems, text = max(elems-1, 1), max(text-1, 1)
	}
	return max(1, out.Elems/elems, min(out.Text, Most)/text)
}

// root returns the node from which a tensor comes by ops that change no shape.
func (b *Body) root(in string) string {
	name := nodedef.NodeName(in)
	for range 64 {
		at, ok := b.index[name]
		if !ok {
			break
		}
		n := b.nodes[at]
		inputs := nodedef.DataInputs(n)
		if len(inputs) == 0 || !likeFirst[n.GetOp()] && !broadcasting[n.GetOp()] && n.GetOp() != "ReadVariableOp" {
			break
		}
		name = nodedef.NodeName(inputs[0])
	}
	return name
}

// IsSource reports whether a node has a value that the graph does not have.
func IsSource(n *graphdef.NodeDef) bool { return fromOutside[n.GetOp()] }

// Stated returns the shape that a node states for a value from outside.
func Stated(n *graphdef.NodeDef) Tensor { return stated(n) }

// Heavy returns the Work of a node of which more than its size decides how long it takes, or 0.
func (b *Body) Heavy(n *graphdef.NodeDef) int64 {
	work := b.Work(n)
	out := b.Output(n.GetName()).exact(n)
	if out.Elems > Most || out.Given || work > Most || work <= Product(16, Sum(out.Elems, min(out.Text, Most))) {
		return 0
	}
	return work
}

// together returns what is known about all outputs of a node, of which outs may have one for all.
func together(outs []Tensor) Tensor {
	if len(outs) == 0 {
		return Unknown()
	}
	all := outs[0]
	for _, t := range outs[1:] {
		all = Join(all, t)
	}
	return all
}

// partitions have outputs that are parts of their input.
var partitions = set(`Split SplitV Unpack DynamicPartition`)

// Bytes returns the memory that the outputs of a node take, which have these types, when
// together they are as t says.
func (t Tensor) Bytes(n *graphdef.NodeDef, types []dtype.DataType) int64 {
	count := map[dtype.DataType]int64{}
	for _, dt := range types {
		count[dtype.Base(dt)]++
	}
	total := int64(0)
	for dt, outputs := range count {
		if partitions[n.GetOp()] {
			outputs = 1
		}
		total = Sum(total, Product(outputs, Bytes(dt, t.Elems)))
		if dt == dtype.String || dt == dtype.Variant {
			total = Sum(total, Product(outputs, t.Text))
		}
	}
	return total
}
