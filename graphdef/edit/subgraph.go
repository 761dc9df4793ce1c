package edit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nearest"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Extract returns the part of a graph that the named nodes need: these nodes, their
// inputs, control inputs and the nodes that they are colocated with, and everything that
// these need in turn. The nodes are in the graph's order and are shared with g; the
// function library and the versions are those of g. Extract is TensorFlow's
// extract_sub_graph.
//
// If the graph lacks a name or the node of an input, the error is a tfkeep.ErrNotFound
// that lists all of them.
func Extract(g *graphdef.GraphDef, nodes []string) (*graphdef.GraphDef, error) {
	byName := make(map[string]*graphdef.NodeDef, len(g.GetNode()))
	var names, missing []string
	for _, n := range g.GetNode() {
		byName[n.GetName()] = n
		names = append(names, n.GetName())
	}
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
			missing = append(missing, fmt.Sprintf("%s is not in graph%s", name, nearest.NodeHint(name, names)))
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
			want(nodedef.NodeName(input), n.GetName())
		}
		for _, name := range nodedef.Colocations(n) {
			if byName[name] != nil {
				want(name, n.GetName())
			}
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, &tfkeep.Error{Op: "extract subgraph", Err: tfkeep.ErrNotFound, Detail: strings.Join(missing, "; ")}
	}
	var kept []*graphdef.NodeDef
	for _, n := range g.GetNode() {
		if keep[n.GetName()] {
			kept = append(kept, n)
		}
	}
	return WithNodes(g, kept), nil
}

// WithNodes returns a graph that has the given nodes and shares everything else with
// g: the function library, the versions (in whichever field they are: old files use
// another one) and what newer TensorFlows may have added.
func WithNodes(g *graphdef.GraphDef, nodes []*graphdef.NodeDef) *graphdef.GraphDef {
	out := &graphdef.GraphDef{}
	from, to := g.ProtoReflect(), out.ProtoReflect()
	from.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		to.Set(fd, v)
		return true
	})
	to.SetUnknown(from.GetUnknown())
	out.Node = nodes
	return out
}

// StripOptions configures [StripUnused]. Nil and the zero value are the defaults.
type StripOptions struct {
	// Types are the types of the placeholders: one for all inputs, or one for each
	// in their order. By default a placeholder has the type of the input node's
	// first output.
	Types []dtype.DataType
	// Ops are the op definitions that define the types of outputs; nil means
	// opdef.Builtin.
	Ops *opdef.Set
}

// StripUnused returns the part of a graph between inputs and outputs: each input node
// becomes a Placeholder of the same name, with the node's shape and _output_shapes
// attributes, and everything that the outputs then do not need is left out. It is
// TensorFlow's strip_unused.
//
// An input that names a tensor ("a:0") is a tfkeep.ErrArgument. If the graph lacks inputs
// or outputs, the error is a tfkeep.ErrNotFound that lists all of them.
func StripUnused(g *graphdef.GraphDef, inputs, outputs []string, o *StripOptions) (*graphdef.GraphDef, error) {
	if o == nil {
		o = &StripOptions{}
	}
	types := o.Types
	if len(types) > 1 && len(types) != len(inputs) {
		return nil, &tfkeep.Error{Op: "strip unused nodes", Err: tfkeep.ErrArgument,
			Detail: fmt.Sprintf("%d types for %d inputs; give one, or one for each", len(types), len(inputs))}
	}
	typeOf := map[string]dtype.DataType{}
	wanted := map[string]bool{}
	for i, name := range inputs {
		if strings.Contains(name, ":") {
			return nil, &tfkeep.Error{Op: "strip unused nodes", Err: tfkeep.ErrArgument,
				Detail: fmt.Sprintf("Name '%s' appears to refer to a Tensor, not an Operation.", name)}
		}
		wanted[name] = true
		if len(types) > 0 {
			typeOf[name] = types[min(i, len(types)-1)]
		}
	}
	var nodes []*graphdef.NodeDef
	for _, n := range g.GetNode() {
		if wanted[n.GetName()] {
			delete(wanted, n.GetName())
			p, err := placeholderFor(n, typeOf[n.GetName()], o.Ops)
			if err != nil {
				return nil, err
			}
			n = p
		}
		nodes = append(nodes, n)
	}
	if len(wanted) > 0 {
		return nil, &tfkeep.Error{Op: "strip unused nodes", Err: tfkeep.ErrNotFound,
			Detail: fmt.Sprintf("The following input nodes were not found: %s.", strings.Join(slices.Sorted(maps.Keys(wanted)), ", "))}
	}
	return Extract(WithNodes(g, nodes), outputs)
}

// placeholderFor makes a Placeholder that replaces n. If dtype is 0 it has the type of
// n's first output.
func placeholderFor(n *graphdef.NodeDef, dtype dtype.DataType, ops *opdef.Set) (*graphdef.NodeDef, error) {
	if dtype == 0 {
		outs, err := opdef.OutputTypes(n, ops)
		if err != nil || len(outs) == 0 || outs[0] == 0 {
			return nil, &tfkeep.Error{Op: "strip unused nodes", Item: "node", Name: n.GetName(), Err: tfkeep.ErrArgument,
				Detail: fmt.Sprintf("op %s does not define the type of its first output; set StripOptions.Types", n.GetOp())}
		}
		dtype = outs[0]
	}
	p := &graphdef.NodeDef{Name: n.GetName(), Op: "Placeholder", Attr: map[string]*graphdef.AttrValue{
		"dtype": nodedef.TypeAttr(dtype),
	}}
	for _, key := range []string{"_output_shapes", "shape"} {
		if v, ok := n.GetAttr()[key]; ok {
			p.Attr[key] = proto.Clone(v).(*graphdef.AttrValue)
		}
	}
	return p, nil
}
