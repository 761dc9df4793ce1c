package graphdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
)

// GraphVersion is TensorFlow 2.21's graph version: a graph whose min_consumer
// is above it asks for a newer TensorFlow.
const GraphVersion = 2474

// CheckOptions says what Check holds a graph against. Nil and the zero value
// are the defaults.
type CheckOptions struct {
	// Ops are the op definitions at hand; nil is BuiltinOps.
	Ops *Ops
	// GraphVersion is the newest graph version that may be asked for; 0 is
	// the constant GraphVersion, -1 any.
	GraphVersion int
	// Provided says which nodes and inputs come from outside, such as the
	// keys of an import's input map ("a", "a:0", "^a"): an input of that name
	// need not be in the graph. May be nil.
	Provided func(input string) bool
}

// Fault is one thing that is wrong with a graph.
type Fault struct {
	Function string // the function whose body it is in, or "" for the graph
	Node     string // the node, or ""
	Detail   string // what is wrong
	kind     error  // tfkeep.ErrCorrupt or tfkeep.ErrUnsupported
}

func (f Fault) String() string {
	var s string
	if f.Function != "" {
		s = fmt.Sprintf("function %q: ", f.Function)
	}
	switch {
	case f.Node == "":
		return s + f.Detail
	case strings.HasPrefix(f.Detail, "is ") || strings.HasPrefix(f.Detail, "expects "):
		return s + fmt.Sprintf("Node '%s' %s", f.Node, f.Detail)
	}
	return s + fmt.Sprintf("Node '%s': %s", f.Node, f.Detail)
}

// CheckError is the error of Check: every fault of a graph.
type CheckError struct {
	Faults []Fault
}

// Error lists the faults, the first twenty of them in full.
func (e *CheckError) Error() string {
	const shown = 20
	var b strings.Builder
	fmt.Fprintf(&b, "check graph: %d fault", len(e.Faults))
	if len(e.Faults) != 1 {
		b.WriteByte('s')
	}
	for i, f := range e.Faults {
		if i == shown {
			fmt.Fprintf(&b, "; and %d more", len(e.Faults)-shown)
			break
		}
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep)
		b.WriteString(f.String())
	}
	return b.String()
}

// Unwrap gives tfkeep.ErrCorrupt, tfkeep.ErrUnsupported or both, as the faults are.
func (e *CheckError) Unwrap() []error {
	var kinds []error
	for _, f := range e.Faults {
		if !slices.Contains(kinds, f.kind) {
			kinds = append(kinds, f.kind)
		}
	}
	return kinds
}

// Check looks for everything in a graph that TensorFlow would refuse, or crash
// on, and returns all of it as one *CheckError: node names that are empty,
// malformed or taken twice; ops that are not known; inputs that are malformed,
// missing or name an output that their node has not; too many or too few of
// them; control inputs before data; cycles other than those of while loops;
// colocation with missing nodes; functions that call themselves; graph versions
// that ask for a newer TensorFlow. Nil means that none was found; types and
// shapes are left to TensorFlow.
func Check(g *GraphDef, o *CheckOptions) error {
	if o == nil {
		o = &CheckOptions{}
	}
	c := &checker{ops: o.Ops.orBuiltin(), provided: o.Provided, functions: map[string]*FunctionDef{}}
	c.versions(g.GetVersions(), o.GraphVersion)
	c.library(g)
	c.graph(g.GetNode())
	if len(c.faults) == 0 {
		return nil
	}
	return &CheckError{Faults: c.faults}
}

type checker struct {
	ops       *Ops
	provided  func(string) bool
	functions map[string]*FunctionDef
	faults    []Fault
	function  string // whose body is being checked
}

func (c *checker) fault(node, format string, args ...any) {
	c.faults = append(c.faults, Fault{Function: c.function, Node: node, Detail: fmt.Sprintf(format, args...), kind: tfkeep.ErrCorrupt})
}

func (c *checker) versions(v *VersionDef, newest int) {
	if newest == 0 {
		newest = GraphVersion
	}
	if v.GetProducer() < 0 {
		c.fault("", "GraphDef producer version %d below min producer 0 supported by TensorFlow. Please regenerate your graph.", v.GetProducer())
	}
	if newest >= 0 && int(v.GetMinConsumer()) > newest {
		c.fault("", "GraphDef min consumer version %d above current version %d. Please upgrade TensorFlow.", v.GetMinConsumer(), newest)
	}
	if slices.Contains(v.GetBadConsumers(), int32(newest)) {
		c.fault("", "GraphDef says that version %d must not read it.", newest)
	}
}

func (c *checker) graph(nodes []*NodeDef) {
	index := c.index(nodes, letterDigitDot)
	for _, n := range nodes {
		op := c.definition(n)
		c.inputCount(n, op)
		data := true
		for _, input := range n.GetInput() {
			if IsControl(input) {
				data = false
			} else if !data {
				c.fault(n.GetName(), "input %q comes after a control input", input)
			}
			c.graphInput(n, input, index, nodes)
		}
		for _, name := range Colocations(n) {
			if _, ok := index[name]; !ok {
				c.fault(n.GetName(), "expects to be colocated with unknown node '%s'", name)
			}
		}
	}
	c.cycle(nodes, index)
}

// index maps the nodes' names to their places, and finds bad and double names.
func (c *checker) index(nodes []*NodeDef, first func(byte) bool) map[string]int {
	index := make(map[string]int, len(nodes))
	for i, n := range nodes {
		switch _, double := index[n.GetName()]; {
		case n.GetName() == "":
			c.fault("", "node %d (op %s) has no name", i, n.GetOp())
		case double:
			c.fault(n.GetName(), "is not unique")
		case !validNodeName(n.GetName(), first):
			c.fault(n.GetName(), "is not a valid node name")
		}
		index[n.GetName()] = i
	}
	return index
}

// definition gives the op or the function that a node calls, as an OpDef.
func (c *checker) definition(n *NodeDef) *OpDef {
	if f := c.functions[n.GetOp()]; f != nil {
		return f.GetSignature()
	}
	if op := c.ops.Get(n.GetOp()); op != nil {
		return op
	}
	c.faults = append(c.faults, Fault{Function: c.function, Node: n.GetName(), kind: tfkeep.ErrUnsupported,
		Detail: fmt.Sprintf("op %q is not known", n.GetOp())})
	return nil
}

func (c *checker) inputCount(n *NodeDef, op *OpDef) {
	if op == nil {
		return
	}
	want, err := portsCount(n, op, op.GetInputArg())
	if err != nil {
		c.fault(n.GetName(), "%v", err)
		return
	}
	got := 0
	for _, input := range n.GetInput() {
		if !IsControl(input) {
			got++
		}
	}
	if got != want {
		c.fault(n.GetName(), "NodeDef expected inputs '%s' do not match %d inputs specified", describeInputs(n, op), got)
	}
}

func (c *checker) graphInput(n *NodeDef, input string, index map[string]int, nodes []*NodeDef) {
	if c.provided != nil && c.provided(input) {
		return
	}
	if IsControl(input) {
		if _, ok := index[input[1:]]; !ok {
			c.fault(n.GetName(), "Unknown input node '%s'", input)
		}
		return
	}
	source, port, err := ParseTensorName(input)
	if err != nil {
		c.fault(n.GetName(), "Unknown input node '%s'", input)
		return
	}
	i, ok := index[source]
	if !ok {
		c.fault(n.GetName(), "Unknown input node '%s'", input)
		return
	}
	op := c.functions[nodes[i].GetOp()].GetSignature()
	if op == nil {
		op = c.ops.Get(nodes[i].GetOp())
	}
	if op == nil {
		return // its op is a fault of its own
	}
	if outs, err := portsCount(nodes[i], op, op.GetOutputArg()); err == nil && port >= outs {
		c.fault(n.GetName(), "Connecting to invalid output %d of source node %s which has %d outputs", port, source, outs)
	}
}
