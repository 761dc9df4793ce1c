package autodiff

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/funcgraph"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// callee is a function that a node of the graph calls, as a graph of its own. The function is
// differentiated there; the graph then has the nodes of the function and those of its gradient,
// which pieces separates.
type callee struct {
	body    *funcgraph.Body
	ops     *opdef.Set
	graph   *tensorflow.Graph
	args    []output
	results []output
	nodes   map[string]bool // of the function
	options *Options

	b   *builder   // of the gradient
	dys []output   // placeholders for the gradients of results; zero for the others
	dxs []Gradient // the gradients of args; empty for those without
}

// knownOps caches the op definitions of the library.
var knownOps atomic.Pointer[opdef.Set]

// parseFunction returns a function of the library of g as a graph.
func parseFunction(g *tensorflow.Graph, name string) (*funcgraph.Body, *opdef.Set, error) {
	defs, err := capi.Functions(g)
	if err != nil {
		return nil, nil, err
	}
	for _, raw := range defs {
		f := new(function_go_proto.FunctionDef)
		if err := proto.Unmarshal(raw, f); err != nil {
			return nil, nil, fmt.Errorf("a function of the library: %w", err)
		}
		if f.GetSignature().GetName() != name {
			continue
		}
		if ops := knownOps.Load(); ops != nil {
			body, err := funcgraph.Parse(f, ops)
			if !errors.Is(err, tfkeep.ErrUnsupported) {
				return body, ops, err
			}
		}
		list, err := capi.AllOpList()
		if err != nil {
			return nil, nil, err
		}
		ops, err := opdef.Parse(list)
		if err != nil {
			return nil, nil, err
		}
		knownOps.Store(ops)
		body, err := funcgraph.Parse(f, ops)
		return body, ops, err
	}
	return nil, nil, &tfkeep.Error{Op: "find function", Name: name, Err: tfkeep.ErrNotFound, Detail: "the library of the graph does not have it"}
}

// newCallee makes a graph of a function that is called with inputs. shapes are the shapes of
// the arguments in all calls.
func newCallee(g *subgraph, name string, inputs []output, shapes []tensorflow.Shape) (*callee, error) {
	outer := g.graph
	body, ops, err := parseFunction(outer, name)
	if err != nil {
		return nil, err
	}
	if len(body.Args) != len(inputs) {
		return nil, &tfkeep.Error{Op: "call function", Name: name, Err: tfkeep.ErrMismatch, Detail: fmt.Sprintf("%d inputs for %d arguments", len(inputs), len(body.Args))}
	}
	c := &callee{body: body, ops: ops, graph: tensorflow.NewGraph(), nodes: make(map[string]bool), options: &Options{Name: "gradients", functions: g.options.functions, Custom: g.options.Custom}}
	for i, a := range body.Args {
		if shapes[i].NumDimensions() < 0 {
			continue
		}
		v, err := capi.AttrValue(shapes[i])
		if err != nil {
			return nil, err
		}
		body.Node(a.Node).Attr["shape"] = v
	}
	if err := capi.CopyFunctions(c.graph, outer); err != nil {
		return nil, err
	}
	if err := importNodes(c.graph, outer, body.Nodes, &capi.ImportOptions{SkipColocationCheck: true}); err != nil {
		return nil, fmt.Errorf("function %q: %w", name, err)
	}
	for _, n := range body.Nodes {
		c.nodes[n.GetName()] = true
	}
	for i, a := range body.Args {
		arg := c.graph.Operation(a.Node).Output(0)
		if err := copyHandle(arg, inputs[i]); err != nil {
			return nil, err
		}
		c.args = append(c.args, arg)
	}
	for _, r := range body.Results {
		c.results = append(c.results, c.tensor(r.Tensor))
	}
	return c, nil
}

// copyHandle copies what is known of the values that a resource or variant refers to.
func copyHandle(to, from output) error {
	if dt := graphbuild.TypeOf(from); dt != dtype.Resource && dt != dtype.Variant {
		return nil
	}
	data, err := handleData(from)
	if err != nil {
		return err
	}
	return capi.SetHandleData(to, data)
}

// tensor returns a tensor of the callee's graph by its name.
func (c *callee) tensor(name string) output {
	node, index := splitTensor(name)
	op := c.graph.Operation(node)
	if op == nil {
		return output{}
	}
	return op.Output(index)
}

// splitTensor splits the name of a tensor in a checked NodeDef.
func splitTensor(name string) (node string, index int) {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == ':' {
			index, _ = strconv.Atoi(name[i+1:])
			return name[:i], index
		}
	}
	return name, 0
}

// differentiate adds the gradient of the wanted results with respect to the live arguments.
func (c *callee) differentiate(live, wanted []bool) error {
	c.dys, c.dxs = make([]output, len(c.results)), make([]Gradient, len(c.args))
	o := c.options
	c.b = newBuilder(c.graph, o)
	var ys, dys, xs []output
	for i, r := range c.results {
		if !wanted[i] || !differentiable(graphbuild.TypeOf(r)) {
			continue
		}
		dy, err := c.gradientPlaceholder(r)
		if err != nil {
			return err
		}
		c.dys[i] = dy
		ys, dys = append(ys, r), append(dys, dy)
	}
	var index []int
	for i, a := range c.args {
		if live[i] {
			xs, index = append(xs, a), append(index, i)
		}
	}
	if len(ys) == 0 || len(xs) == 0 {
		return nil
	}
	sub, err := newSubgraph(c.graph, ys, xs, o)
	if err != nil {
		return err
	}
	if err := sub.checkScopes(); err != nil {
		return err
	}
	if err := sub.findRules(); err != nil {
		return err
	}
	grads, err := backprop(c.b, sub, dys)
	if err != nil {
		return err
	}
	for k, g := range grads {
		c.dxs[index[k]] = g
	}
	return c.b.Err()
}

// gradientPlaceholder adds the placeholder for the gradient of a tensor. That of a resource is
// the gradient of the variable's value.
func (c *callee) gradientPlaceholder(of output) (output, error) {
	dt, shape := graphbuild.TypeOf(of), of.Shape()
	if dt == dtype.Resource {
		var err error
		if dt, shape, err = variableOf(of); err != nil {
			return output{}, err
		}
	}
	dy := c.b.one("Placeholder", attrs{"dtype": dt, "shape": shape})
	if err := c.b.Err(); err != nil {
		return output{}, err
	}
	if dt == dtype.Variant {
		return dy, copyHandle(dy, of)
	}
	return dy, nil
}

// variableOf returns the type and shape of the variable to which a resource refers.
func variableOf(handle output) (dtype.DataType, tensorflow.Shape, error) {
	data, err := handleData(handle)
	if err != nil {
		return 0, tensorflow.Shape{}, err
	}
	handles := funcgraph.Handles(data)
	if len(handles) != 1 {
		return 0, tensorflow.Shape{}, &tfkeep.Error{Op: "differentiate", Item: "tensor", Name: graphbuild.TensorName(handle), Err: ErrNoGradient,
			Detail: "the graph does not say of which type the values of this resource are"}
	}
	shape := tensorflow.Shape{}
	if p := handles[0].GetShape(); !p.GetUnknownRank() {
		var dims []int64
		for _, d := range p.GetDim() {
			dims = append(dims, d.GetSize())
		}
		shape = tensorflow.MakeShape(dims...)
	}
	return handles[0].GetDtype(), shape, nil
}

// handleData returns what is known of the values of a resource, where operations that pass
// it on do not say so themselves.
func handleData(o output) ([]byte, error) {
	for {
		data, err := capi.HandleData(o)
		if err != nil || len(data) > 0 {
			return data, err
		}
		from := 0
		switch o.Op.Type() {
		case "Identity", "Enter", "Switch":
		case "While", "StatelessWhile":
			from = o.Index
		default:
			return nil, nil
		}
		in, err := capi.Inputs(o.Op)
		if err != nil || from >= len(in) {
			return nil, err
		}
		o = in[from]
	}
}

// zerosFor adds the gradient of a tensor that has no influence, under the builder's scope.
func (b *builder) zerosFor(x output) output {
	if b.Err() != nil {
		return output{}
	}
	if graphbuild.TypeOf(x) != dtype.Resource {
		return b.zeros(x)
	}
	dt, shape, err := variableOf(x)
	if err != nil {
		b.Fail(err)
		return output{}
	}
	dims := b.one("VariableShape", nil, x)
	if known, ok := fullShape(shape); ok {
		dims = b.int32s(known...)
	}
	return b.one("Fill", nil, dims, b.Const(b.Unique("Const"), dt, 0))
}

// wrapped names the node that calls the function in which an error occurred.
func wrapped(n *node, function string, err error) error {
	kind := ErrNoGradient
	if errors.Is(err, ErrControlFlow) {
		kind = ErrControlFlow
	}
	return &tfkeep.Error{Op: "differentiate", Item: "operation", Name: n.name, Err: kind, Cause: err, Detail: "type " + n.typ + ", function " + strconv.Quote(function)}
}

// functionAttr returns the name of a function in an attribute.
func functionAttr(op *operation, name string) (string, error) {
	v, err := capi.Attr(op, name)
	if err != nil {
		return "", err
	}
	if len(v.GetFunc().GetAttr()) > 0 {
		return "", &tfkeep.Error{Op: "call function", Name: v.GetFunc().GetName(), Err: tfkeep.ErrUnsupported, Detail: "the call sets attributes of the function"}
	}
	return v.GetFunc().GetName(), nil
}

// wantedOutputs reports which outputs of a node the gradient comes from.
func wantedOutputs(n *node, g *subgraph) []bool {
	wanted := make([]bool, len(n.live))
	for i, live := range n.live {
		p := port{n, i}
		wanted[i] = live && (g.isY[p] || p.hasUse(func(u *node) bool { return u.onPath }))
	}
	return wanted
}

func liveInputs(n *node) []bool {
	live := make([]bool, len(n.in))
	for i, in := range n.in {
		live[i] = in.isLive()
	}
	return live
}

// inputsOfNode returns the tensors that feed a node.
func inputsOfNode(n *node) []output {
	outs := make([]output, len(n.in))
	for i := range n.in {
		outs[i] = n.x(i)
	}
	return outs
}

func shapesOfTensors(list []output) []tensorflow.Shape {
	shapes := make([]tensorflow.Shape, len(list))
	for i, o := range list {
		shapes[i] = o.Shape()
	}
	return shapes
}

func typesOfTensors(list []output) []dtype.DataType {
	types := make([]dtype.DataType, len(list))
	for i, o := range list {
		types[i] = graphbuild.TypeOf(o)
	}
	return types
}

// graphNodes returns the nodes of a graph.
func graphNodes(g *tensorflow.Graph) ([]*node_def_go_proto.NodeDef, error) {
	raw, err := capi.GraphDef(g)
	if err != nil {
		return nil, err
	}
	def := new(graph_go_proto.GraphDef)
	if err := proto.Unmarshal(raw, def); err != nil {
		return nil, err
	}
	return def.GetNode(), nil
}

// functionName returns a name that no function of the library of g has, nor another one of
// the same call of Build.
func functionName(g *tensorflow.Graph, base string, used map[string]bool) (string, error) {
	defs, err := capi.Functions(g)
	if err != nil {
		return "", err
	}
	taken := make(map[string]bool, len(defs))
	for _, raw := range defs {
		f := new(function_go_proto.FunctionDef)
		if err := proto.Unmarshal(raw, f); err != nil {
			return "", err
		}
		taken[f.GetSignature().GetName()] = true
	}
	name := base
	for i := len(defs); taken[name] || used[name]; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	if used != nil {
		used[name] = true
	}
	return name, nil
}

// addFunction adds a body to the library of g under a free name, which it returns.
func (c *callee) addFunction(g *tensorflow.Graph, b *funcgraph.Body, base string) (string, error) {
	var err error
	if b.Name, err = functionName(g, base, c.options.functions); err != nil {
		return "", err
	}
	f, err := b.Def(c.ops)
	if err != nil {
		return "", err
	}
	lib := tensorflow.NewGraph()
	raw, err := proto.Marshal(&graph_go_proto.GraphDef{Library: &function_go_proto.FunctionDefLibrary{Function: []*function_go_proto.FunctionDef{f}}})
	if err != nil {
		return "", err
	}
	if _, err := capi.Import(lib, raw, &capi.ImportOptions{}); err != nil {
		return "", fmt.Errorf("function %q: %w", b.Name, err)
	}
	return b.Name, capi.CopyFunctions(g, lib)
}
