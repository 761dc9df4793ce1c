package funcgraph

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

func corrupt(format string, args ...any) error {
	return &tfkeep.Error{Op: "read node", Err: tfkeep.ErrCorrupt, Detail: fmt.Sprintf(format, args...)}
}

// kindOf returns the kind of an error, a tfkeep.ErrCorrupt if it is no other.
func kindOf(err error) error {
	if errors.Is(err, tfkeep.ErrUnsupported) {
		return tfkeep.ErrUnsupported
	}
	return tfkeep.ErrCorrupt
}

func cloneAttrs(attrs map[string]*graphdef.AttrValue) map[string]*graphdef.AttrValue {
	clone := make(map[string]*graphdef.AttrValue, len(attrs))
	for name, v := range attrs {
		clone[name] = proto.Clone(v).(*graphdef.AttrValue)
	}
	return clone
}

func shapeAttr(s *tensor_shape_go_proto.TensorShapeProto) *graphdef.AttrValue {
	return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_Shape{Shape: s}}
}

// Def returns the body as a function, as TF_GraphToFunction would write it. A node whose op
// ops does not have is a tfkeep.ErrUnsupported.
func (b *Body) Def(ops *opdef.Set) (*function_go_proto.FunctionDef, error) {
	w := &writer{body: b, ops: ops, args: b.argNodes(), taken: make(map[string]bool), nodes: make(map[string]*graphdef.NodeDef)}
	w.def = &function_go_proto.FunctionDef{
		Signature: &op_def_go_proto.OpDef{Name: b.Name},
		Attr:      maps.Clone(b.Attrs),
		Ret:       make(map[string]string),
	}
	if err := w.write(); err != nil {
		return nil, &tfkeep.Error{Op: "make function", Name: b.Name, Err: kindOf(err), Cause: err}
	}
	return w.def, nil
}

type writer struct {
	body  *Body
	ops   *opdef.Set
	def   *function_go_proto.FunctionDef
	args  map[string]int // the nodes of arguments
	names []string       // of the arguments
	taken map[string]bool
	nodes map[string]*graphdef.NodeDef
}

func (w *writer) write() error {
	for _, n := range w.body.Nodes {
		w.nodes[n.GetName()] = n
		if _, isArg := w.args[n.GetName()]; !isArg {
			w.taken[n.GetName()] = true
		}
	}
	for i, a := range w.body.Args {
		name := unique(normalized(a.Node), w.taken)
		w.names = append(w.names, name)
		w.def.Signature.InputArg = append(w.def.Signature.InputArg, &op_def_go_proto.OpDef_ArgDef{Name: name, Type: a.Type, HandleData: a.Handles})
		if a.Shape != nil {
			if w.def.ArgAttr == nil {
				w.def.ArgAttr = make(map[uint32]*function_go_proto.FunctionDef_ArgAttrs)
			}
			w.def.ArgAttr[uint32(i)] = &function_go_proto.FunctionDef_ArgAttrs{Attr: map[string]*graphdef.AttrValue{outputShapes: a.Shape}}
		}
	}
	for _, n := range w.body.Nodes {
		if _, isArg := w.args[n.GetName()]; isArg {
			continue
		}
		if err := w.addNode(n); err != nil {
			return err
		}
	}
	for _, r := range w.body.Results {
		if err := w.addResult(r); err != nil {
			return err
		}
	}
	for _, node := range w.body.Control {
		name := unique(normalized(node), w.taken)
		w.def.Signature.ControlOutput = append(w.def.Signature.ControlOutput, name)
		if w.def.ControlRet == nil {
			w.def.ControlRet = make(map[string]string)
		}
		w.def.ControlRet[name] = node
	}
	w.def.Signature.IsStateful = w.body.Stateful(w.ops)
	return nil
}

func (w *writer) addNode(n *graphdef.NodeDef) error {
	n = proto.Clone(n).(*graphdef.NodeDef)
	inputs := n.Input
	n.Input = nil
	for _, input := range inputs {
		if name, ok := strings.CutPrefix(input, "^"); ok {
			// An argument is there from the start.
			if _, isArg := w.args[name]; !isArg {
				n.Input = append(n.Input, input)
			}
			continue
		}
		tensor, _, err := w.tensor(input)
		if err != nil {
			return err
		}
		n.Input = append(n.Input, tensor)
	}
	w.def.NodeDef = append(w.def.NodeDef, n)
	return nil
}

func (w *writer) addResult(r Result) error {
	tensor, t, err := w.tensor(r.Tensor)
	if err != nil {
		return err
	}
	name := r.Name
	if name == "" {
		name = normalized(nodedef.NodeName(r.Tensor))
	}
	name = unique(name, w.taken)
	w.def.Signature.OutputArg = append(w.def.Signature.OutputArg, &op_def_go_proto.OpDef_ArgDef{Name: name, Type: t})
	w.def.Ret[name] = tensor
	return nil
}

// tensor returns the name of a graph's tensor in the function, and its type.
func (w *writer) tensor(name string) (string, dtype.DataType, error) {
	node, index, err := graphdef.ParseTensorName(name)
	if err != nil {
		return "", 0, err
	}
	if i, isArg := w.args[node]; isArg {
		return w.names[i], w.body.Args[i].Type, nil
	}
	n := w.nodes[node]
	if n == nil {
		return "", 0, corrupt("there is no node %q", node)
	}
	names, err := opdef.OutputNames(n, w.ops)
	if err != nil {
		return "", 0, err
	}
	if index >= len(names) {
		return "", 0, corrupt("node %q has %d outputs and no output %d", node, len(names), index)
	}
	types, err := opdef.OutputTypes(n, w.ops)
	if err != nil {
		return "", 0, err
	}
	return node + ":" + names[index], types[index], nil
}

// normalized returns a name of the form that arguments and results of functions have.
func normalized(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		return "x" + name
	}
	return name
}
