package funcgraph

import (
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Body is a function as a graph.
type Body struct {
	Name    string
	Nodes   []*graphdef.NodeDef // the nodes of the arguments among them
	Args    []Arg
	Results []Result
	// Control has the nodes that run in every call, whether or not a result depends
	// on them.
	Control []string
	Attrs   map[string]*graphdef.AttrValue // of the function
}

// Arg is an argument of a function. In the graph it is output 0 of a node, most often
// a Placeholder, which the function does not have.
type Arg struct {
	Node  string
	Type  dtype.DataType
	Shape *graphdef.AttrValue // a list of one shape; nil if nothing is known
	// Handles has what is known of the values of a resource. Python needs it for the
	// gradients of a function that it imports.
	Handles []*Handle
}

// Result is a result of a function.
type Result struct {
	Name   string // made unique in Def; "" for a name after the tensor
	Tensor string // in the graph: "a:1"
}

// outputShapes is the attribute of arguments and nodes in which Python keeps shapes.
const outputShapes = "_output_shapes"

// Parse returns a function as a graph. It shares nothing with f. A function whose types
// depend on attributes of its own is a tfkeep.ErrUnsupported, and a damaged one a
// tfkeep.ErrCorrupt.
func Parse(f *function_go_proto.FunctionDef, ops *opdef.Set) (*Body, error) {
	p := &parser{ops: ops, tensors: make(map[string]string), body: &Body{
		Name: f.GetSignature().GetName(), Attrs: cloneAttrs(f.GetAttr()),
	}}
	if err := p.parse(f); err != nil {
		return nil, &tfkeep.Error{Op: "read function", Name: f.GetSignature().GetName(), Err: kindOf(err), Cause: err}
	}
	return p.body, nil
}

type parser struct {
	ops     *opdef.Set
	body    *Body
	tensors map[string]string // names in the function → names in the graph
}

func (p *parser) parse(f *function_go_proto.FunctionDef) error {
	for i, arg := range f.GetSignature().GetInputArg() {
		if err := p.addArg(arg, f.GetArgAttr()[uint32(i)].GetAttr()); err != nil {
			return err
		}
	}
	for _, n := range f.GetNodeDef() {
		n = proto.Clone(n).(*graphdef.NodeDef)
		p.body.Nodes = append(p.body.Nodes, n)
		names, err := opdef.OutputNames(n, p.ops)
		if err != nil {
			return err
		}
		for i, name := range names {
			p.tensors[n.GetName()+":"+name] = nodedef.TensorName(n.GetName(), i)
			if output, first := strings.CutSuffix(name, ":0"); first {
				p.tensors[n.GetName()+":"+output] = nodedef.TensorName(n.GetName(), i)
			}
		}
	}
	for _, n := range p.body.Nodes {
		for i, input := range n.GetInput() {
			if nodedef.IsControl(input) {
				continue
			}
			tensor, ok := p.tensors[input]
			if !ok {
				return corrupt("input %q of node %q is neither an argument nor an output of a node", input, n.GetName())
			}
			n.Input[i] = tensor
		}
	}
	for _, out := range f.GetSignature().GetOutputArg() {
		tensor, ok := p.tensors[f.GetRet()[out.GetName()]]
		if !ok {
			return corrupt("result %q is %q, which is neither an argument nor an output of a node", out.GetName(), f.GetRet()[out.GetName()])
		}
		p.body.Results = append(p.body.Results, Result{Name: out.GetName(), Tensor: tensor})
	}
	for _, name := range f.GetSignature().GetControlOutput() {
		p.body.Control = append(p.body.Control, f.GetControlRet()[name])
	}
	return nil
}

func (p *parser) addArg(arg *op_def_go_proto.OpDef_ArgDef, attrs map[string]*graphdef.AttrValue) error {
	if arg.GetNumberAttr() != "" || arg.GetTypeAttr() != "" || arg.GetTypeListAttr() != "" {
		return &tfkeep.Error{Op: "find the type of argument", Name: arg.GetName(), Err: tfkeep.ErrUnsupported,
			Detail: "it depends on an attribute of the function"}
	}
	a := Arg{Node: arg.GetName(), Type: arg.GetType(), Handles: arg.GetHandleData()}
	n := &graphdef.NodeDef{Name: a.Node, Op: "Placeholder", Attr: map[string]*graphdef.AttrValue{"dtype": nodedef.TypeAttr(a.Type)}}
	if shapes := attrs[outputShapes]; len(shapes.GetList().GetShape()) == 1 {
		a.Shape = proto.Clone(shapes).(*graphdef.AttrValue)
		n.Attr["shape"] = shapeAttr(a.Shape.GetList().GetShape()[0])
	}
	p.body.Args = append(p.body.Args, a)
	p.body.Nodes = append(p.body.Nodes, n)
	p.tensors[a.Node] = nodedef.TensorName(a.Node, 0)
	p.tensors[a.Node+":0"] = p.tensors[a.Node]
	return nil
}

// Node returns the node with a name, or nil.
func (b *Body) Node(name string) *graphdef.NodeDef {
	for _, n := range b.Nodes {
		if n.GetName() == name {
			return n
		}
	}
	return nil
}

// Stateful reports whether a node of the body has an effect, or depends on state, so that
// the body must not run more often or less often than it is called.
func (b *Body) Stateful(ops *opdef.Set) bool {
	args := b.argNodes()
	for _, n := range b.Nodes {
		if _, isArg := args[n.GetName()]; !isArg && ops.Get(n.GetOp()).GetIsStateful() {
			return true
		}
	}
	return false
}

func (b *Body) argNodes() map[string]int {
	args := make(map[string]int, len(b.Args))
	for i, a := range b.Args {
		args[a.Node] = i
	}
	return args
}

// Unique returns a name for a new node: name, or name with a number.
func (b *Body) Unique(name string) string {
	taken := make(map[string]bool, len(b.Nodes))
	for _, n := range b.Nodes {
		taken[n.GetName()] = true
	}
	return unique(name, taken)
}

// unique returns name, or name with a number, and marks it as taken.
func unique(name string, taken map[string]bool) string {
	next := name
	for i := 1; taken[next]; i++ {
		next = name + "_" + strconv.Itoa(i)
	}
	taken[next] = true
	return next
}
