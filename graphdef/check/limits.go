package check

import (
	"math"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/internal/ports"
	"github.com/tfkeep/tfkeep/graphdef/internal/sizes"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Limits bound what a graph may ask of the process that imports it. A file of a few bytes
// can otherwise fill memory, overflow the stack of TensorFlow's C++, or keep it busy for
// hours. A field that is 0 means its default, a negative one no limit. What exceeds a
// limit is a tfkeep.ErrTooLarge.
//
// Limits see only sizes that the graph states. A size that is computed when the graph
// runs is not known before.
type Limits struct {
	// Bytes is the memory that the graph's constants may take beyond the bytes that are
	// stored for them, all together, and the memory that one node may take whose size
	// follows from constants: a Fill, a Range, a TensorArray, a product of shapes, a text that
	// is joined with itself again and again. It also bounds what TensorFlow computes while it
	// imports the graph; see safety.CheckImport. The default is 1 GiB, and twice the bytes of
	// the variables that the graph declares; for what TensorFlow computes during an import,
	// 64 MiB and twice the size of the graph.
	Bytes int64
	// Depth is the number of nodes in the longest path of a graph or a function. The
	// default is 20,000: TensorFlow's optimizers take time that is quadratic in it.
	Depth int
	// PassedOn is the number of nodes in a row that only pass their input on, such as
	// Identity. The default is 4,000: TensorFlow recurses through them, and overflows a
	// stack of 8 MiB at 30,000.
	PassedOn int
	// ShapeDepth is the number of nodes in a row of which shapes are made: StridedSlice,
	// Cast, Pack, Concat. The default is 2,000: shape inference recurses through them,
	// and overflows a stack of 8 MiB at 16,000.
	ShapeDepth int
	// FunctionDepth is the number of functions that call each other in a row. The default
	// is 100: TensorFlow replaces calls by bodies in time that is cubic in it.
	FunctionDepth int
	// Nesting is the number of lists and maps of tensors that hold each other in a row. The
	// default is 200: each costs memory and time.
	Nesting int
	// Nodes is the number of nodes when all calls of functions are replaced by the
	// functions' bodies, and the number of outputs of all nodes. It also bounds the nodes that a
	// SavedModel may run while it is loaded, with each iteration of its loops. The default is 200,000, and ten times the nodes of the graph and
	// its functions.
	Nodes int64
}

const (
	defaultBytes         = 1 << 30
	defaultDepth         = 20_000
	defaultPassedOn      = 4_000
	defaultShapeDepth    = 2_000
	defaultFunctionDepth = 100
	defaultNesting       = 200
	defaultNodes         = 200_000
)

// For returns the limits for a graph, with the defaults in place of 0, and the largest number
// in place of a negative one. l may be nil.
func (l *Limits) For(g *graphdef.GraphDef) Limits {
	var r Limits
	if l != nil {
		r = *l
	}
	nodes, variables := int64(0), int64(0)
	for _, n := range nodedef.AllNodes(g) {
		nodes++
		if nodedef.IsVariableOp(n.GetOp()) {
			if dims, ok := nodedef.VariableShape(n); ok {
				variables = min(variables+max(0, tensorBytes(n.GetAttr()["dtype"].GetType(), dims)), 1<<40)
			}
		}
	}
	set := func(v *int64, to int64) {
		switch {
		case *v == 0:
			*v = to
		case *v < 0:
			*v = math.MaxInt64
		}
	}
	setInt := func(v *int, to int) {
		wide := int64(*v)
		set(&wide, int64(to))
		*v = int(wide)
	}
	set(&r.Bytes, defaultBytes+2*variables)
	set(&r.Nodes, defaultNodes+10*nodes)
	setInt(&r.Depth, defaultDepth)
	setInt(&r.PassedOn, defaultPassedOn)
	setInt(&r.ShapeDepth, defaultShapeDepth)
	setInt(&r.FunctionDepth, defaultFunctionDepth)
	setInt(&r.Nesting, defaultNesting)
	return r
}

func (c *checker) addLarge(node, format string, args ...any) {
	c.addFault(node, format, args...)
	c.faults[len(c.faults)-1].kind = tfkeep.ErrTooLarge
}

// checkSizes checks the constants of a graph, and the nodes whose sizes are constants.
func (c *checker) checkSizes(g *graphdef.GraphDef) {
	c.function, c.outputCount = "", 0
	c.checkBodySizes(g.GetNode())
	for _, f := range g.GetLibrary().GetFunction() {
		c.function = f.GetSignature().GetName()
		c.checkBodySizes(f.GetNodeDef())
	}
	c.function = ""
}

func (c *checker) checkBodySizes(nodes []*graphdef.NodeDef) {
	body := sizes.Infer(nodes, nil, nil)
	for _, n := range nodes {
		c.countOutputs(n)
		if size := sizes.Reserved(n); size > c.limits.Bytes {
			c.addLarge(n.GetName(), "asks for %s of memory; the limit is %d bytes (Limits.Bytes)", bytesText(size), c.limits.Bytes)
		}
		for _, v := range n.GetAttr() {
			c.checkTensors(n, v, 0)
		}
		if n.GetOp() == "Const" {
			continue // checkTensors has counted it
		}
		asks := body.Asks(n)
		if asks.Elems <= c.limits.Bytes/maxElement && asks.Text <= c.limits.Bytes/2 {
			continue // whatever the types are
		}
		op := c.lookup(n.GetOp())
		types, err := ports.Types(n, op, op.GetOutputArg())
		if err != nil {
			continue
		}
		if size := asks.Bytes(n, types); size > c.limits.Bytes && size <= sizes.Most {
			c.addLarge(n.GetName(), "asks for %s of memory; the limit is %d bytes (Limits.Bytes)", bytesText(size), c.limits.Bytes)
		}
	}
}

// countOutputs adds up the outputs of nodes, of which a number in an attribute may state many.
func (c *checker) countOutputs(n *graphdef.NodeDef) {
	op := c.lookup(n.GetOp())
	if op == nil {
		return
	}
	count := int64(0)
	for _, arg := range op.GetOutputArg() {
		many := int64(1)
		if name := arg.GetNumberAttr(); name != "" {
			many = max(0, min(n.GetAttr()[name].GetI(), sizes.Most))
		} else if name := arg.GetTypeListAttr(); name != "" {
			many = int64(len(n.GetAttr()[name].GetList().GetType()))
		}
		count = sizes.Sum(count, many)
	}
	before := c.outputCount
	c.outputCount = sizes.Sum(c.outputCount, count)
	if before <= c.limits.Nodes && c.outputCount > c.limits.Nodes {
		c.addLarge(n.GetName(), "has %d outputs: with them the nodes have more than %d (Limits.Nodes)", count, c.limits.Nodes)
	}
}

// maxElement is more than an element of any type takes, for some outputs.
const maxElement = 1 << 10

func bytesText(n int64) string {
	if n >= sizes.Most {
		return "more than 2^60 bytes"
	}
	return fmtInt(n) + " bytes"
}

// checkTensors adds up the tensors in an attribute.
func (c *checker) checkTensors(n *graphdef.NodeDef, v *graphdef.AttrValue, nesting int) {
	if nesting > 100 { // deeper messages do not parse
		return
	}
	tensors := v.GetList().GetTensor()
	if t := v.GetTensor(); t != nil {
		tensors = append(tensors, t)
	}
	for _, t := range tensors {
		dims, ok := nodedef.Dims(t.GetTensorShape())
		if !ok {
			continue // a tensor without shape is a scalar, or refused by TensorFlow
		}
		size := tensorBytes(t.GetDtype(), dims)
		if size < 0 {
			c.addFault(n.GetName(), "has a tensor of the shape %v", dims)
			continue
		}
		before := c.bytes
		c.bytes = sizes.Sum(c.bytes, max(0, size-int64(proto.Size(t))))
		if before <= c.limits.Bytes && c.bytes > c.limits.Bytes {
			c.addLarge(n.GetName(), "has a tensor of the shape %v: with it the constants take %s more memory than is stored for them; the limit is %d (Limits.Bytes)",
				dims, bytesText(c.bytes), c.limits.Bytes)
		}
	}
	functions := v.GetList().GetFunc()
	if f := v.GetFunc(); f != nil {
		functions = append(functions, f)
	}
	for _, f := range functions {
		for _, inner := range f.GetAttr() {
			c.checkTensors(n, inner, nesting+1)
		}
	}
}

// tensorBytes returns the memory that a tensor takes in TensorFlow, or -1 if a dimension is
// negative.
func tensorBytes(t dtype.DataType, dims []int64) int64 {
	elems := sizes.Product(dims...)
	if elems < 0 {
		return -1
	}
	return sizes.Bytes(t, elems)
}

// functionCalls returns the functions that f's nodes call, each as often as it is called.
func (c *checker) functionCalls(nodes []*graphdef.NodeDef) []*function_go_proto.FunctionDef {
	var calls []*function_go_proto.FunctionDef
	use := func(name string) {
		if f := c.functions[name]; f != nil {
			calls = append(calls, f)
		}
	}
	for _, n := range nodes {
		use(n.GetOp())
		for _, v := range n.GetAttr() {
			use(v.GetFunc().GetName())
			for _, f := range v.GetList().GetFunc() {
				use(f.GetName())
			}
		}
	}
	return calls
}

// checkCalls bounds how deep functions call each other, and how many nodes there are when
// each call is replaced by the function's body. No function may call itself.
func (c *checker) checkCalls(g *graphdef.GraphDef) {
	type size struct {
		depth int
		nodes int64
	}
	measured := map[*function_go_proto.FunctionDef]size{}
	var open []*function_go_proto.FunctionDef
	measure := func(nodes []*graphdef.NodeDef) (s size, missing *function_go_proto.FunctionDef) {
		s.nodes = int64(len(nodes))
		for _, f := range c.functionCalls(nodes) {
			called, ok := measured[f]
			if !ok {
				return s, f
			}
			s.depth = max(s.depth, called.depth+1)
			s.nodes = sizes.Sum(s.nodes, called.nodes)
		}
		return s, nil
	}
	for _, start := range c.functions {
		open = append(open[:0], start)
		for len(open) > 0 {
			f := open[len(open)-1]
			s, missing := measure(f.GetNodeDef())
			if missing != nil {
				open = append(open, missing)
				continue
			}
			measured[f] = s
			open = open[:len(open)-1]
		}
	}
	s, _ := measure(g.GetNode())
	worst := s
	for _, f := range measured { // a function that the graph does not call may be called later
		worst.depth = max(worst.depth, f.depth)
		worst.nodes = max(worst.nodes, f.nodes)
	}
	if worst.depth > c.limits.FunctionDepth {
		c.addLarge("", "functions call each other %d deep; the limit is %d (Limits.FunctionDepth)", worst.depth, c.limits.FunctionDepth)
	}
	if worst.nodes > c.limits.Nodes {
		c.addLarge("", "the graph has more than %d nodes when calls are replaced by the functions' bodies (Limits.Nodes)", c.limits.Nodes)
	}
}
