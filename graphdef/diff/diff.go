package diff

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Difference is one way in which two graphs differ.
type Difference struct {
	Function string // the function it is in, or "" for the graph itself
	Node     string // the node, or "" for the graph's versions or a whole function
	What     string // "op", "device", "input", "attr dtype", …; "" if A or B lacks the node
	A, B     string // the two values as text; "" if there is no value
}

// String returns the difference as one line. It begins with "-" if only the first graph
// has the item, with "+" if only the second has it, and with "~" if the two graphs have
// different values for it.
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

// Options select the differences that [Graphs] ignores. Nil compares everything.
type Options struct {
	// IgnoreVersions ignores the graphs' versions.
	IgnoreVersions bool
	// IgnoreShapes ignores the _output_shapes attributes.
	IgnoreShapes bool
	// NaNEqual makes NaNs equal to each other. By default they are not, as in
	// IEEE 754, so that a graph that holds a NaN differs from itself.
	NaNEqual bool
}

// Graphs returns all differences between two graphs, or nil if they are the same. The
// order of nodes, of functions and of control inputs does not matter; the order of data
// inputs does. Attributes are compared by value.
func Graphs(a, b *graphdef.GraphDef, o *Options) []Difference {
	if o == nil {
		o = &Options{}
	}
	d := &differ{o: o}
	if !o.IgnoreVersions && !proto.Equal(a.GetVersions(), b.GetVersions()) {
		d.add("", "versions", oneLine(a.GetVersions()), oneLine(b.GetVersions()))
	}
	d.nodes(a.GetNode(), b.GetNode())

	inA, inB := nodedef.Functions(a), nodedef.Functions(b)
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
	o        *Options
	function string
	found    []Difference
}

func (d *differ) add(node, what, a, b string) {
	d.found = append(d.found, Difference{Function: d.function, Node: node, What: what, A: a, B: b})
}

func (d *differ) functions(a, b *function_go_proto.FunctionDef) {
	d.nodes(a.GetNodeDef(), b.GetNodeDef())
	rest := func(f *function_go_proto.FunctionDef) *function_go_proto.FunctionDef {
		f = proto.Clone(f).(*function_go_proto.FunctionDef)
		f.NodeDef = nil
		return f
	}
	if ra, rb := rest(a), rest(b); !proto.Equal(ra, rb) {
		d.add("", "signature", oneLine(ra), oneLine(rb))
	}
}

func (d *differ) nodes(a, b []*graphdef.NodeDef) {
	inB := make(map[string]*graphdef.NodeDef, len(b))
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

func (d *differ) node(a, b *graphdef.NodeDef) {
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

// equal compares two attributes. proto.Equal considers two NaNs equal.
func (d *differ) equal(a, b *graphdef.AttrValue) bool {
	if (a == nil) != (b == nil) {
		return false
	}
	if !proto.Equal(a, b) {
		return false
	}
	return d.o.NaNEqual || !hasNaN(a)
}

// splitInputs returns a node's data inputs, with "a:0" written as "a", and its control
// inputs, sorted.
func splitInputs(n *graphdef.NodeDef) (data, control []string) {
	for _, input := range n.GetInput() {
		switch {
		case nodedef.IsControl(input):
			control = append(control, input)
		case strings.HasSuffix(input, ":0") && strings.Count(input, ":") == 1:
			data = append(data, strings.TrimSuffix(input, ":0"))
		default:
			data = append(data, input)
		}
	}
	slices.Sort(control)
	return data, control
}

// oneLine returns a message as text on one line, cut if it is long.
func oneLine(m proto.Message) string {
	if !m.ProtoReflect().IsValid() {
		return ""
	}
	const longest = 200
	text, err := graphdef.MarshalText(m)
	if err != nil {
		return err.Error() // it says which field text cannot show
	}
	s := string(bytes.Join(bytes.Fields(text), []byte(" ")))
	if len(s) > longest {
		s = s[:longest] + "…"
	}
	return s
}
