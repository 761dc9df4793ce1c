package autodiff

import (
	"strconv"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

type (
	nodeDef    = node_def_go_proto.NodeDef
	attrValues = map[string]*attr_value_go_proto.AttrValue
)

// fragment is a set of nodes to be added to a graph at once, because they form a loop: a node
// cannot be added before its inputs. Tensors are named as in a NodeDef; the first error sticks.
type fragment struct {
	scope   string // of all nodes
	nodes   []*nodeDef
	taken   map[string]bool
	outside map[tensorID]string // the names that tensors of the graph have here
	options capi.ImportOptions
	err     error
}

func newFragment(scope string) *fragment {
	return &fragment{
		scope: scope, taken: make(map[string]bool), outside: make(map[tensorID]string),
		options: capi.ImportOptions{InputMapping: make(map[capi.TensorName]output), ControlMapping: make(map[string]*operation)},
	}
}

// fail keeps the first error.
func (f *fragment) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// name returns a new name under the scope.
func (f *fragment) name(name string) string {
	full := f.scope + "/" + name
	for i := 1; f.taken[full]; i++ {
		full = f.scope + "/" + name + "_" + strconv.Itoa(i)
	}
	f.taken[full] = true
	return full
}

// add adds a node and returns the name of its first output.
func (f *fragment) add(typ, name string, a attrs, inputs ...string) string {
	return f.addNamed(typ, f.name(name), a, inputs...)
}

func (f *fragment) addNamed(typ, full string, a attrs, inputs ...string) string {
	def, err := newNode(typ, full, a, inputs...)
	if err != nil {
		f.fail(err)
		return full
	}
	f.nodes = append(f.nodes, def)
	return full
}

// move adds a node of another graph. The nodes that it is colocated with there may have other
// names here.
func (f *fragment) move(def *nodeDef) {
	delete(def.Attr, "_class")
	f.nodes = append(f.nodes, def)
}

// take returns the name of a tensor of the graph in the fragment.
func (f *fragment) take(o output) string {
	id := idOf(o)
	name := f.outside[id]
	if name == "" {
		name = "outside_" + strconv.Itoa(len(f.outside))
		f.outside[id] = name
		f.options.InputMapping[capi.TensorName{Op: name}] = o
	}
	return name
}

// after returns a control input: the operation of the graph.
func (f *fragment) after(op *operation) string {
	name := "before_" + op.Name()
	f.options.ControlMapping[name] = op
	return "^" + name
}

// scalar adds a constant that is there when gate is.
func (f *fragment) scalar(name string, dt dtype.DataType, v float64, gate string) string {
	return f.fill(name, dt, v, nil, gate)
}

// fill adds a constant in which each element is v.
func (f *fragment) fill(name string, dt dtype.DataType, v float64, dims []int64, gate string) string {
	value, err := graphbuild.Filled(dt, v, dims)
	if err != nil {
		f.fail(err)
		return ""
	}
	return f.add("Const", name, attrs{"dtype": dt, "value": value}, "^"+gate)
}

// importInto adds the nodes to the graph and returns tensors of them.
func (f *fragment) importInto(b *builder, tensors []string) ([]output, error) {
	if f.err != nil {
		return nil, f.err
	}
	if err := importNodes(b.graph, b.graph, f.nodes, &f.options); err != nil {
		return nil, err
	}
	outs := make([]output, len(tensors))
	for i, name := range tensors {
		if name == "" {
			continue
		}
		id := parseRef(name)
		outs[i] = b.graph.Operation(id.op).Output(id.index)
	}
	return outs, nil
}

// parseRef reads a tensor's name in a NodeDef. The index of a control input is -1.
func parseRef(ref string) tensorID {
	if ref[0] == '^' {
		return tensorID{ref[1:], -1}
	}
	for i := len(ref) - 1; i >= 0; i-- {
		switch c := ref[i]; {
		case c == ':':
			index, err := strconv.Atoi(ref[i+1:])
			if err != nil {
				return tensorID{ref, 0}
			}
			return tensorID{ref[:i], index}
		case c < '0' || c > '9':
			return tensorID{ref, 0}
		}
	}
	return tensorID{ref, 0}
}
