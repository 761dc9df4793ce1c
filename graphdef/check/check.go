package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/internal/ports"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// graphVersion is TensorFlow 2.21's graph version: a graph whose min_consumer is
// above it needs a newer TensorFlow.
const graphVersion = 2474

// Options configures [Graph]. Nil and the zero value are the defaults.
type Options struct {
	// Ops are the known op definitions; nil means opdef.Builtin.
	Ops *opdef.Set
	// GraphVersion is the newest graph version that the graph may need. 0 means the
	// version of TensorFlow 2.21, -1 any version.
	GraphVersion int
	// Provided, if not nil, reports whether a node or an input comes from outside the
	// graph, as the keys of an import's input map do ("a", "a:0", "^a"). An input of
	// that name need not be in the graph.
	Provided func(input string) bool
	// IgnoreDevices accepts any device, for a caller who clears the devices.
	IgnoreDevices bool
	// Limits bound what the graph may ask for. Nil means the defaults.
	Limits *Limits
}

// Graph returns every fault of a graph as one [*Error], or nil if it finds none. An
// unknown op is a tfkeep.ErrUnsupported, what exceeds the limits a tfkeep.ErrTooLarge,
// every other fault a tfkeep.ErrCorrupt.
func Graph(g *graphdef.GraphDef, o *Options) error {
	if o == nil {
		o = &Options{}
	}
	c := newChecker(g, o)
	c.checkGraph(g, o)
	return c.result()
}

func newChecker(g *graphdef.GraphDef, o *Options) *checker {
	return &checker{ops: o.Ops, provided: o.Provided, devices: !o.IgnoreDevices, functions: map[string]*function_go_proto.FunctionDef{}, limits: o.Limits.For(g)}
}

func (c *checker) checkGraph(g *graphdef.GraphDef, o *Options) {
	c.checkVersions(g.GetVersions(), o.GraphVersion)
	c.checkLibrary(g)
	// The sizes are checked beside the nodes.
	beside := *c
	beside.faults = nil
	checked := make(chan struct{})
	go func() {
		defer close(checked)
		beside.checkSizes(g)
	}()
	c.checkNodes(g.GetNode())
	<-checked
	c.bytes = beside.bytes
	c.faults = append(c.faults, beside.faults...)
}

func (c *checker) result() error {
	if len(c.faults) == 0 {
		return nil
	}
	return &Error{Faults: c.faults}
}

type checker struct {
	ops         *opdef.Set
	provided    func(string) bool
	devices     bool // devices are checked
	functions   map[string]*function_go_proto.FunctionDef
	limits      Limits
	bytes       int64 // that constants take beyond what is stored
	faults      []Fault
	outputCount int64  // outputs of all nodes
	function    string // the function whose body is being checked, "" for the graph

	collection string                       // the collection that is being checked, or ""
	nodes      map[string]*graphdef.NodeDef // those of the graph, by name, for the collections
	outputs    func(node string) (int, bool)
}

func (c *checker) addFault(node, format string, args ...any) {
	c.faults = append(c.faults, Fault{Function: c.function, Node: node, Detail: fmt.Sprintf(format, args...), kind: tfkeep.ErrCorrupt})
}

func (c *checker) checkVersions(v *versions_go_proto.VersionDef, newest int) {
	if newest == 0 {
		newest = graphVersion
	}
	if v.GetProducer() < 0 {
		c.addFault("", "GraphDef producer version %d below min producer 0 supported by TensorFlow. Please regenerate your graph.", v.GetProducer())
	}
	if newest >= 0 && int(v.GetMinConsumer()) > newest {
		c.addFault("", "GraphDef min consumer version %d above current version %d. Please upgrade TensorFlow.", v.GetMinConsumer(), newest)
	}
	if slices.Contains(v.GetBadConsumers(), int32(newest)) {
		c.addFault("", "GraphDef says that version %d must not read it.", newest)
	}
}

func (c *checker) checkNodes(nodes []*graphdef.NodeDef) {
	index := c.indexNames(nodes, isLetterDigitDot)
	for _, n := range nodes {
		op := c.definition(n)
		c.checkAttrs(n, op)
		c.checkInputCount(n, op)
		data := true
		for _, input := range n.GetInput() {
			if nodedef.IsControl(input) {
				data = false
			} else if !data {
				c.addFault(n.GetName(), "input %q comes after a control input", input)
			}
			c.checkInput(n, input, index, nodes)
		}
		for _, name := range nodedef.Colocations(n) {
			if _, ok := index[name]; !ok {
				c.addFault(n.GetName(), "expects to be colocated with unknown node '%s'", name)
			}
		}
	}
	c.checkInputTypes(nodes, index)
	c.checkCycles(nodes, index)
}

// indexNames maps the nodes' names to their positions, and finds names that are
// malformed or used twice.
func (c *checker) indexNames(nodes []*graphdef.NodeDef, isFirst func(byte) bool) map[string]int {
	index := make(map[string]int, len(nodes))
	for i, n := range nodes {
		switch _, double := index[n.GetName()]; {
		case n.GetName() == "":
			c.addFault("", "node %d (op %s) has no name", i, n.GetOp())
		case double:
			c.addFault(n.GetName(), "is not unique")
		case !isNodeName(n.GetName(), isFirst):
			c.addFault(n.GetName(), "is not a valid node name")
		}
		index[n.GetName()] = i
	}
	return index
}

// isNodeName is the rule of TensorFlow's C++: letters, digits and "_ - . /", in parts
// joined by ">". isFirst says which characters a part may begin with.
func isNodeName(name string, isFirst func(byte) bool) bool {
	if name == "" {
		return false
	}
	for part := range strings.SplitSeq(name, ">") {
		if part == "" || !isFirst(part[0]) {
			return false
		}
		for i := 1; i < len(part); i++ {
			if c := part[i]; !isLetterDigitDot(c) && c != '_' && c != '-' && c != '/' {
				return false
			}
		}
	}
	return true
}

func isLetterDigitDot(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.'
}

// isFirstInFunction is the rule inside functions, where a name may begin with an
// underscore too.
func isFirstInFunction(c byte) bool { return isLetterDigitDot(c) || c == '_' }

// definition returns the op or the function that a node calls, as an OpDef.
func (c *checker) definition(n *graphdef.NodeDef) *graphdef.OpDef {
	op := c.lookup(n.GetOp())
	if op == nil {
		c.faults = append(c.faults, Fault{Function: c.function, Node: n.GetName(), kind: tfkeep.ErrUnsupported,
			Detail: fmt.Sprintf("op %q is not known", n.GetOp())})
	}
	return op
}

// lookup returns the definition of an op or a function, or nil.
func (c *checker) lookup(name string) *graphdef.OpDef {
	if f := c.functions[name]; f != nil {
		return f.GetSignature()
	}
	return c.ops.Get(name)
}

func (c *checker) checkInputCount(n *graphdef.NodeDef, op *graphdef.OpDef) {
	if op == nil {
		return
	}
	want, err := ports.Count(n, op, op.GetInputArg())
	if err != nil {
		c.addFault(n.GetName(), "%v", err)
		return
	}
	got := 0
	for _, input := range n.GetInput() {
		if !nodedef.IsControl(input) {
			got++
		}
	}
	if got != want {
		c.addFault(n.GetName(), "NodeDef expected inputs '%s' do not match %d inputs specified", inputTypes(n, op), got)
	}
}

// inputTypes lists the types of a node's inputs as TensorFlow does in its messages:
// "float, int32".
func inputTypes(n *graphdef.NodeDef, op *graphdef.OpDef) string {
	types, err := ports.Types(n, op, op.GetInputArg())
	if err != nil {
		return "?"
	}
	var names []string
	for i, t := range types {
		if i == 20 {
			names = append(names, "…")
			break
		}
		names = append(names, typeName(t))
	}
	return strings.Join(names, ", ")
}

func (c *checker) checkInput(n *graphdef.NodeDef, input string, index map[string]int, nodes []*graphdef.NodeDef) {
	if c.provided != nil && c.provided(input) {
		return
	}
	source, isControl := strings.CutPrefix(input, "^")
	port := 0
	if !isControl {
		var err error
		if source, port, err = graphdef.ParseTensorName(input); err != nil {
			c.addFault(n.GetName(), "Unknown input node '%s'", input)
			return
		}
	}
	i, ok := index[source]
	if !ok {
		c.addFault(n.GetName(), "Unknown input node '%s'", input)
	}
	if !ok || isControl {
		return
	}
	op := c.lookup(nodes[i].GetOp())
	if op == nil {
		return // its unknown op is reported separately
	}
	if outs, err := ports.Count(nodes[i], op, op.GetOutputArg()); err == nil && port >= outs {
		c.addFault(n.GetName(), "Connecting to invalid output %d of source node %s which has %d outputs", port, source, outs)
	}
}
