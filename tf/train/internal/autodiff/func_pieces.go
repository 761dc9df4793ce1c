package autodiff

import (
	"slices"
	"strconv"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/funcgraph"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// pieces are the function and its gradient, after they were separated.
type pieces struct {
	c        *callee
	forward  []*node_def_go_proto.NodeDef
	backward []*node_def_go_proto.NodeDef
	// usedArgs are the arguments of the function that the gradient uses.
	usedArgs []int
	// saved are the tensors of the function that the gradient uses. The gradient has the
	// placeholders savedNames for them.
	saved      []output
	savedNames []string

	// results are those of the gradient's function.
	results []funcgraph.Result

	byName map[string]*node_def_go_proto.NodeDef
	isBack map[string]bool
	argOf  map[string]int
	index  map[string]int // of saved, by the names of the tensors
	// renamed has the placeholders of saved arguments.
	renamed map[string]string
}

// movedForward are operations that say little about a large tensor. They are computed with
// the function, so that the tensor need not be kept for the gradient.
var movedForward = set(`Shape Size Rank TensorListElementShape TensorListLength VariableShape`)

// separate divides the nodes into those of the function and those of the gradients.
func (c *callee) separate(gradients []Gradient) (*pieces, error) {
	nodes, err := graphNodes(c.graph)
	if err != nil {
		return nil, err
	}
	p := &pieces{
		c: c, byName: make(map[string]*node_def_go_proto.NodeDef, len(nodes)), isBack: make(map[string]bool),
		argOf: make(map[string]int), index: make(map[string]int), renamed: make(map[string]string),
	}
	for _, n := range nodes {
		p.byName[n.GetName()] = n
	}
	for i, a := range c.body.Args {
		p.argOf[a.Node] = i
	}
	fwd := make(map[string]bool)
	for name := range c.nodes {
		p.reach(name, fwd)
	}
	for _, r := range tensorsOf(gradients) {
		if !fwd[r.Op.Name()] {
			p.reachBackward(r.Op.Name(), fwd)
		}
	}
	p.moveForward(nodes, fwd)
	for _, n := range nodes {
		switch {
		case fwd[n.GetName()]:
			p.forward = append(p.forward, n)
		case p.isBack[n.GetName()]:
			p.backward = append(p.backward, n)
		}
	}
	p.cut()
	for _, t := range tensorsOf(gradients) {
		p.results = append(p.results, funcgraph.Result{Tensor: p.result(t)})
	}
	return p, nil
}

// reach marks a node and all that it depends on.
func (p *pieces) reach(name string, marks map[string]bool) {
	stack := []string{name}
	for len(stack) > 0 {
		name := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if marks[name] {
			continue
		}
		marks[name] = true
		for _, in := range p.byName[name].GetInput() {
			stack = append(stack, nodedef.NodeName(in))
		}
	}
}

// reachBackward marks the nodes of the gradient on which one depends.
func (p *pieces) reachBackward(name string, fwd map[string]bool) {
	stack := []string{name}
	for len(stack) > 0 {
		name := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if p.isBack[name] || fwd[name] {
			continue
		}
		p.isBack[name] = true
		for _, in := range p.byName[name].GetInput() {
			stack = append(stack, nodedef.NodeName(in))
		}
	}
}

// moveForward moves nodes of the gradient to the function.
func (p *pieces) moveForward(nodes []*node_def_go_proto.NodeDef, fwd map[string]bool) {
	for _, n := range nodes {
		if !p.isBack[n.GetName()] || !movedForward[n.GetOp()] {
			continue
		}
		inside := true
		for _, in := range n.GetInput() {
			node := nodedef.NodeName(in)
			_, isArg := p.argOf[node]
			inside = inside && fwd[node] && !isArg
		}
		if inside {
			delete(p.isBack, n.GetName())
			fwd[n.GetName()] = true
		}
	}
}

// cut replaces what the gradient takes from the function by placeholders, arguments and copied
// constants.
func (p *pieces) cut() {
	copied := make(map[string]bool)
	used := make(map[int]bool)
	for _, n := range append([]*node_def_go_proto.NodeDef(nil), p.backward...) {
		var inputs []string
		for _, in := range n.GetInput() {
			if nodedef.IsControl(in) {
				if p.isBack[nodedef.NodeName(in)] {
					inputs = append(inputs, in)
				}
				continue
			}
			inputs = append(inputs, p.replaced(in, copied, used))
		}
		n.Input = inputs
	}
	for i := range p.c.args {
		if used[i] {
			p.usedArgs = append(p.usedArgs, i)
		}
	}
}

// replaced returns the input of a node of the gradient for a tensor.
func (p *pieces) replaced(in string, copied map[string]bool, used map[int]bool) string {
	name, index := splitTensor(in)
	if p.isBack[name] || copied[name] {
		return in
	}
	n := p.byName[name]
	for n.GetOp() == "Identity" {
		if _, isArg := p.argOf[name]; isArg {
			break
		}
		name, index = splitTensor(n.GetInput()[0])
		n = p.byName[name]
	}
	if i, isArg := p.argOf[name]; isArg {
		if to := p.renamed[name]; to != "" {
			return to
		}
		used[i] = true
		return name
	}
	if n.GetOp() == "Const" {
		if !copied[name] {
			copied[name] = true
			constant := proto.Clone(n).(*node_def_go_proto.NodeDef)
			constant.Input = nil
			p.backward = append(p.backward, constant)
		}
		return name
	}
	tensor := p.c.graph.Operation(name).Output(index)
	key := graphbuild.TensorName(tensor)
	i, ok := p.index[key]
	if !ok {
		i = len(p.saved)
		p.index[key] = i
		p.saved = append(p.saved, tensor)
		p.savedNames = append(p.savedNames, p.freeName("saved_"+strconv.Itoa(i)))
	}
	return p.savedNames[i]
}

// freeName returns a name that no node has, and marks it as used.
func (p *pieces) freeName(name string) string {
	next := name
	for i := 1; p.byName[next] != nil; i++ {
		next = name + "_" + strconv.Itoa(i)
	}
	p.byName[next] = new(node_def_go_proto.NodeDef)
	return next
}

// result returns the name of a result of the gradient, a tensor of the callee's graph.
func (p *pieces) result(o output) string {
	copied, used := make(map[string]bool), make(map[int]bool)
	for _, n := range p.backward {
		copied[n.GetName()] = true
	}
	name := p.replaced(tensorRef(o.Op.Name(), o.Index), copied, used)
	for i := range used {
		if !slices.Contains(p.usedArgs, i) {
			p.usedArgs = append(p.usedArgs, i)
		}
	}
	node, index := splitTensor(name)
	return nodedef.TensorName(node, index)
}

// argFor returns an argument of a function, which stands in for a tensor at a node.
func argFor(node string, like output) (funcgraph.Arg, error) {
	a := funcgraph.Arg{Node: node, Type: graphbuild.TypeOf(like)}
	var err error
	if a.Shape, err = capi.AttrValue([]tensorflow.Shape{like.Shape()}); err != nil {
		return a, err
	}
	if a.Type == dtype.Resource {
		data, err := capi.HandleData(like)
		if err != nil {
			return a, err
		}
		a.Handles = funcgraph.Handles(data)
	}
	return a, nil
}

// function is the gradient as a function, with its arguments: first the gradients of the results
// for which there are dys, then what the caller adds.
type gradFunction struct {
	body   *funcgraph.Body
	inputs []output // of the node that calls it
}

func (f *gradFunction) addArg(node string, like, input output) error {
	arg, err := argFor(node, like)
	if err != nil {
		return err
	}
	f.body.Args = append(f.body.Args, arg)
	f.inputs = append(f.inputs, input)
	return nil
}

// extend adds outputs of the given types to an operation of the caller's graph. attr has the list
// of all types.
func extend(op *operation, attr string, types []dtype.DataType, shapes []tensorflow.Shape) error {
	before := op.NumOutputs()
	if shapeList, err := capi.Attr(op, "output_shapes"); err == nil {
		added, err := capi.AttrValue(shapes)
		if err != nil {
			return err
		}
		if len(shapeList.GetList().GetShape()) == before {
			shapeList.GetList().Shape = append(shapeList.GetList().Shape, added.GetList().GetShape()...)
			if err := capi.SetAttr(op, "output_shapes", shapeList); err != nil {
				return err
			}
		}
	}
	list, err := capi.Attr(op, attr)
	if err != nil {
		return err
	}
	all := append(list.GetList().GetType(), types...)
	v, err := capi.AttrValue(all)
	if err != nil {
		return err
	}
	if err := capi.SetAttr(op, attr, v); err != nil {
		return err
	}
	for i, s := range shapes {
		if err := capi.SetShape(op.Output(before+i), s); err != nil {
			return err
		}
	}
	return nil
}

// setFunction sets an attribute that is a function.
func setFunction(op *operation, attr, name string) error {
	return capi.SetAttr(op, attr, funcAttr(name))
}

func funcAttr(name string) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Func{Func: &attr_value_go_proto.NameAttrList{Name: name}}}
}
