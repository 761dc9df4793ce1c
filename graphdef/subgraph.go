package graphdef

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"

	"github.com/tfkeep/tfkeep"
)

// ExtractSubgraph gives the part of a graph that the named nodes need: their
// inputs, control inputs and the nodes they are colocated with, and so on up,
// in the graph's own order, with its whole function library and its versions.
// It is TensorFlow's extract_sub_graph. The nodes are shared with g, not copied.
//
// Names that the graph lacks, and inputs that nothing provides, are one error
// of kind tfkeep.ErrNotFound that lists them all.
func ExtractSubgraph(g *GraphDef, nodes []string) (*GraphDef, error) {
	byName := make(map[string]*NodeDef, len(g.GetNode()))
	for _, n := range g.GetNode() {
		byName[n.GetName()] = n
	}
	var missing []string
	keep := make(map[string]bool, len(nodes))
	var pending []string
	want := func(name, by string) {
		if keep[name] {
			return
		}
		keep[name] = true
		switch {
		case byName[name] != nil:
			pending = append(pending, name)
		case by == "":
			missing = append(missing, fmt.Sprintf("%s is not in graph", name))
		default:
			missing = append(missing, fmt.Sprintf("%s, an input of %s, is not in graph", name, by))
		}
	}
	for _, name := range nodes {
		want(name, "")
	}
	for len(pending) > 0 {
		n := byName[pending[len(pending)-1]]
		pending = pending[:len(pending)-1]
		for _, input := range n.GetInput() {
			want(NodeName(input), n.GetName())
		}
		for _, name := range Colocations(n) {
			if byName[name] != nil {
				want(name, n.GetName())
			}
		}
	}
	if len(missing) > 0 {
		sort.Strings(missing)
		return nil, &tfkeep.Error{Op: "extract subgraph", Err: tfkeep.ErrNotFound, Detail: strings.Join(missing, "; ")}
	}
	var kept []*NodeDef
	for _, n := range g.GetNode() {
		if keep[n.GetName()] {
			kept = append(kept, n)
		}
	}
	return WithNodes(g, kept), nil
}

// WithNodes gives a graph with other nodes and all else of g, which it shares:
// the function library, the versions (in whatever field they are: old files have
// another one) and what newer TensorFlows may have added.
func WithNodes(g *GraphDef, nodes []*NodeDef) *GraphDef {
	out := &GraphDef{}
	from, to := g.ProtoReflect(), out.ProtoReflect()
	from.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		to.Set(fd, v)
		return true
	})
	to.SetUnknown(from.GetUnknown())
	out.Node = nodes
	return out
}

// StripUnused cuts a graph down to what lies between inputs and outputs: each
// input node becomes a Placeholder of the same name, and everything that the
// outputs then do not need is left out. It is TensorFlow's strip_unused.
//
// types gives the placeholders' types: one for each input, or one for all, or
// none, when the type is taken from the input node itself. A placeholder keeps
// the node's shape and _output_shapes attributes. Nothing in g is changed.
//
// An input that names a tensor ("a:0") is an error of kind tfkeep.ErrArgument; inputs
// and outputs that the graph lacks are one error of kind tfkeep.ErrNotFound.
func StripUnused(g *GraphDef, inputs, outputs []string, types []DataType, ops *Ops) (*GraphDef, error) {
	if len(types) > 1 && len(types) != len(inputs) {
		return nil, &tfkeep.Error{Op: "strip unused", Err: tfkeep.ErrArgument,
			Detail: fmt.Sprintf("%d types for %d inputs; give one, or one for each", len(types), len(inputs))}
	}
	typeOf := map[string]DataType{}
	wanted := map[string]bool{}
	for i, name := range inputs {
		if strings.Contains(name, ":") {
			return nil, &tfkeep.Error{Op: "strip unused", Err: tfkeep.ErrArgument,
				Detail: fmt.Sprintf("Name '%s' appears to refer to a Tensor, not an Operation.", name)}
		}
		wanted[name] = true
		if len(types) > 0 {
			typeOf[name] = types[min(i, len(types)-1)]
		}
	}
	var nodes []*NodeDef
	for _, n := range g.GetNode() {
		if wanted[n.GetName()] {
			delete(wanted, n.GetName())
			p, err := placeholderFor(n, typeOf[n.GetName()], ops)
			if err != nil {
				return nil, err
			}
			n = p
		}
		nodes = append(nodes, n)
	}
	if len(wanted) > 0 {
		return nil, &tfkeep.Error{Op: "strip unused", Err: tfkeep.ErrNotFound,
			Detail: fmt.Sprintf("The following input nodes were not found: %s.", strings.Join(slices.Sorted(maps.Keys(wanted)), ", "))}
	}
	return ExtractSubgraph(WithNodes(g, nodes), outputs)
}

// placeholderFor makes a Placeholder that stands in for n. dtype 0 takes the
// type of n's first output.
func placeholderFor(n *NodeDef, dtype DataType, ops *Ops) (*NodeDef, error) {
	if dtype == 0 {
		outs, err := outputTypes(n, ops.orBuiltin().Get(n.GetOp()))
		if err != nil || len(outs) == 0 || outs[0] == 0 {
			return nil, &tfkeep.Error{Op: "strip unused", Item: "node", Name: n.GetName(), Err: tfkeep.ErrArgument,
				Detail: fmt.Sprintf("the type of its first output cannot be told from op %s; give one", n.GetOp())}
		}
		dtype = outs[0]
	}
	p := &NodeDef{Name: n.GetName(), Op: "Placeholder", Attr: map[string]*AttrValue{
		"dtype": {Value: &attr_value_go_proto.AttrValue_Type{Type: dtype}},
	}}
	for _, key := range []string{"_output_shapes", "shape"} {
		if v, ok := n.GetAttr()[key]; ok {
			p.Attr[key] = proto.Clone(v).(*AttrValue)
		}
	}
	return p, nil
}
