package graphdef

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
)

// Difference is one way in which two graphs differ.
type Difference struct {
	Function string // the function it is in, or "" for the graph itself
	Node     string // the node, or "" for the graph's versions or a whole function
	What     string // "op", "device", "input", "attr dtype", …; "" where A or B lacks the node
	A, B     string // the two values as text; "" where one has none
}

// String writes a difference as one line: "-" what only a has, "+" what only b
// has, "~" what both have otherwise.
func (d Difference) String() string {
	where := d.Node
	if d.Function != "" {
		where = fmt.Sprintf("function %s", d.Function)
		if d.Node != "" {
			where += " node " + d.Node
		}
	}
	if d.What == "" {
		if d.B == "" {
			return fmt.Sprintf("- %s (%s)", where, d.A)
		}
		return fmt.Sprintf("+ %s (%s)", where, d.B)
	}
	if where != "" {
		where += " "
	}
	return fmt.Sprintf("~ %s%s: %s → %s", where, d.What, orNone(d.A), orNone(d.B))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// DiffOptions says what Diff leaves out of account. Nil compares everything.
type DiffOptions struct {
	// IgnoreVersions leaves out the graphs' versions.
	IgnoreVersions bool
	// IgnoreShapes leaves out the _output_shapes attributes.
	IgnoreShapes bool
	// NaNEqual takes a NaN to be equal to a NaN; else, as in IEEE 754, no two
	// are, and so two graphs that hold one differ.
	NaNEqual bool
}

// Diff gives all differences between two graphs, nil for graphs that are alike.
// The order of nodes and of functions does not count, nor does the order of
// control inputs; that of data inputs does. Attributes are compared by value.
func Diff(a, b *GraphDef, o *DiffOptions) []Difference {
	if o == nil {
		o = &DiffOptions{}
	}
	d := &differ{o: o}
	if !o.IgnoreVersions && !proto.Equal(a.GetVersions(), b.GetVersions()) {
		d.add("", "versions", oneLine(a.GetVersions()), oneLine(b.GetVersions()))
	}
	d.nodes(a.GetNode(), b.GetNode())

	inA, inB := libraryFunctions(a), libraryFunctions(b)
	for _, name := range slices.Sorted(maps.Keys(inA)) {
		d.function = name
		if inB[name] == nil {
			d.add("", "", fmt.Sprintf("%d nodes", len(inA[name].GetNodeDef())), "")
			continue
		}
		d.functions(inA[name], inB[name])
	}
	for _, name := range slices.Sorted(maps.Keys(inB)) {
		if d.function = name; inA[name] == nil {
			d.add("", "", "", fmt.Sprintf("%d nodes", len(inB[name].GetNodeDef())))
		}
	}
	return d.found
}

type differ struct {
	o        *DiffOptions
	function string
	found    []Difference
}

func (d *differ) add(node, what, a, b string) {
	d.found = append(d.found, Difference{Function: d.function, Node: node, What: what, A: a, B: b})
}

func (d *differ) functions(a, b *FunctionDef) {
	d.nodes(a.GetNodeDef(), b.GetNodeDef())
	rest := func(f *FunctionDef) *FunctionDef {
		f = proto.Clone(f).(*FunctionDef)
		f.NodeDef = nil
		return f
	}
	if ra, rb := rest(a), rest(b); !proto.Equal(ra, rb) {
		d.add("", "signature", oneLine(ra), oneLine(rb))
	}
}

func (d *differ) nodes(a, b []*NodeDef) {
	inB := make(map[string]*NodeDef, len(b))
	for _, n := range b {
		inB[n.GetName()] = n
	}
	inA := make(map[string]bool, len(a))
	for _, n := range a {
		inA[n.GetName()] = true
		if other := inB[n.GetName()]; other != nil {
			d.node(n, other)
		} else {
			d.add(n.GetName(), "", n.GetOp(), "")
		}
	}
	for _, n := range b {
		if !inA[n.GetName()] {
			d.add(n.GetName(), "", "", n.GetOp())
		}
	}
}

func (d *differ) node(a, b *NodeDef) {
	name := a.GetName()
	if a.GetOp() != b.GetOp() {
		d.add(name, "op", a.GetOp(), b.GetOp())
	}
	if a.GetDevice() != b.GetDevice() {
		d.add(name, "device", a.GetDevice(), b.GetDevice())
	}
	dataA, controlA := splitInputs(a)
	dataB, controlB := splitInputs(b)
	if !slices.Equal(dataA, dataB) {
		d.add(name, "input", fmt.Sprint(dataA), fmt.Sprint(dataB))
	}
	if !slices.Equal(controlA, controlB) {
		d.add(name, "control input", fmt.Sprint(controlA), fmt.Sprint(controlB))
	}
	keys := map[string]bool{}
	for key := range a.GetAttr() {
		keys[key] = true
	}
	for key := range b.GetAttr() {
		keys[key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if key == "_output_shapes" && d.o.IgnoreShapes {
			continue
		}
		va, vb := a.GetAttr()[key], b.GetAttr()[key]
		if !d.equal(va, vb) {
			d.add(name, "attr "+key, oneLine(va), oneLine(vb))
		}
	}
}

// equal compares two attributes. Two NaNs are alike to proto.Equal, and to the
// bytes of a message.
func (d *differ) equal(a, b *AttrValue) bool {
	if (a == nil) != (b == nil) {
		return false
	}
	if !proto.Equal(a, b) {
		return false
	}
	return d.o.NaNEqual || !hasNaN(a)
}

// splitInputs gives a node's data inputs in canonical spelling, "a" for "a:0",
// and its control inputs sorted.
func splitInputs(n *NodeDef) (data, control []string) {
	for _, input := range n.GetInput() {
		switch {
		case IsControl(input):
			control = append(control, input)
		case len(input) > 2 && input[len(input)-2:] == ":0" && bytes.Count([]byte(input), []byte(":")) == 1:
			data = append(data, input[:len(input)-2])
		default:
			data = append(data, input)
		}
	}
	slices.Sort(control)
	return data, control
}

// oneLine writes a message as text on one line, cut where it gets long.
func oneLine(m proto.Message) string {
	if !m.ProtoReflect().IsValid() {
		return ""
	}
	const longest = 200
	s := string(bytes.Join(bytes.Fields(MarshalText(m)), []byte(" ")))
	if len(s) > longest {
		s = s[:longest] + "…"
	}
	return s
}
