package autodiff

import (
	"slices"
	"strconv"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/funcgraph"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// functionalLoop is a While with the gradient of its body. The gradient runs the iterations
// backward. What it needs of each, the body puts on lists, accumulators, which are more variables
// of the loop; the gradient takes the values from the ends of the lists.
type functionalLoop struct {
	cond     *funcgraph.Body
	c        *callee
	p        *pieces
	active   []int // the variables that have a gradient
	constant []bool
}

func whileRule(n *node, g *subgraph) (rule, error) {
	condName, err := functionAttr(n.op, "cond")
	if err != nil {
		return nil, wrapped(n, "cond", err)
	}
	name, err := functionAttr(n.op, "body")
	if err != nil {
		return nil, wrapped(n, "body", err)
	}
	l := new(functionalLoop)
	if l.cond, _, err = parseFunction(g.graph, condName); err != nil {
		return nil, wrapped(n, condName, err)
	}
	inputs := inputsOfNode(n)
	outputs := make([]output, len(n.live))
	for i := range outputs {
		outputs[i] = n.y(i)
	}
	if l.c, err = newCallee(g, name, inputs, shapesOfTensors(outputs)); err != nil {
		return nil, wrapped(n, name, err)
	}
	if len(l.c.results) != len(inputs) {
		return nil, wrapped(n, name, refuse(n, ErrNoGradient, "the body returns another number of values than the loop has variables"))
	}
	if err := l.prepare(n, g); err != nil {
		return nil, wrapped(n, name, err)
	}
	if len(l.active) == 0 {
		return func(*builder, *node, []Gradient) ([]Gradient, error) { return nil, nil }, nil
	}
	existing := l.accumulators()
	isNew := func(t output) bool { _, ok := existing[graphbuild.TensorName(t)]; return !ok }
	if !l.hasCounter(n) || slices.ContainsFunc(l.p.saved, isNew) {
		return l.apply, g.checkFixed(n)
	}
	return l.apply, nil
}

// prepare differentiates the body with respect to the variables that matter.
func (l *functionalLoop) prepare(n *node, g *subgraph) error {
	c := l.c
	live, err := l.liveVariables(n)
	if err != nil {
		return err
	}
	wanted, err := l.wantedVariables(live, wantedOutputs(n, g))
	if err != nil {
		return err
	}
	if err := c.differentiate(wanted, wanted); err != nil {
		return err
	}
	l.constant = make([]bool, len(c.args))
	dxs := make([]Gradient, len(c.args))
	c.b.setScope("zeros")
	for i, w := range wanted {
		l.constant[i] = c.body.Results[i].Tensor == graphbuild.TensorName(c.args[i])
		if !w || c.dys[i].Op == nil {
			continue
		}
		l.active = append(l.active, i)
		if dxs[i].Dense = c.b.dense(c.dxs[i]); c.dxs[i].IsNone() {
			dxs[i].Dense = c.b.zerosFor(c.args[i])
		}
	}
	if err := c.b.Err(); err != nil {
		return err
	}
	c.dxs = dxs
	if l.p, err = c.separate(dxs); err != nil {
		return err
	}
	for _, i := range l.p.usedArgs {
		if l.constant[i] {
			continue
		}
		if err := l.p.saveArg(i); err != nil {
			return err
		}
	}
	for _, t := range l.p.saved {
		if graphbuild.TypeOf(t) == dtype.Resource {
			return &tfkeep.Error{Op: "differentiate", Item: "tensor", Name: graphbuild.TensorName(t), Err: ErrNoGradient,
				Detail: "the gradient needs a resource that is another one in each iteration"}
		}
	}
	return nil
}

// liveVariables reports which variables a small change of the live inputs changes.
func (l *functionalLoop) liveVariables(n *node) ([]bool, error) {
	c := l.c
	live := liveInputs(n)
	for changed := true; changed; {
		changed = false
		for i, r := range c.results {
			if live[i] || !differentiable(graphbuild.TypeOf(r)) {
				continue
			}
			sub, err := c.subgraph([]output{r}, live)
			if err != nil {
				return nil, err
			}
			if sub.ys[0].isLive() {
				live[i], changed = true, true
			}
		}
	}
	for i, a := range c.args {
		live[i] = live[i] && differentiable(graphbuild.TypeOf(a))
	}
	return live, nil
}

// wantedVariables adds to the wanted variables those on which they depend.
func (l *functionalLoop) wantedVariables(live, wanted []bool) ([]bool, error) {
	c := l.c
	all := make([]bool, len(live))
	var stack []int
	add := func(i int) {
		if live[i] && !all[i] {
			all[i] = true
			stack = append(stack, i)
		}
	}
	for i, w := range wanted {
		if w {
			add(i)
		}
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		sub, err := c.subgraph([]output{c.results[i]}, live)
		if err != nil {
			return nil, err
		}
		for k, a := range c.args {
			if live[k] && sub.byName[a.Op.Name()] != nil {
				add(k)
			}
		}
	}
	return all, nil
}

// subgraph returns the part of the callee on which ys depend.
func (c *callee) subgraph(ys []output, live []bool) (*subgraph, error) {
	var xs []output
	for i, a := range c.args {
		if live[i] {
			xs = append(xs, a)
		}
	}
	return newSubgraph(c.graph, ys, xs, c.options)
}

// saveArg makes an argument of the body one of the saved tensors.
func (p *pieces) saveArg(i int) error {
	from := p.c.body.Args[i].Node
	to := p.freeName("saved_arg_" + strconv.Itoa(i))
	p.saved, p.savedNames = append(p.saved, p.c.args[i]), append(p.savedNames, to)
	for _, n := range p.backward {
		for k, in := range n.GetInput() {
			if name, _ := splitTensor(in); name == from {
				n.Input[k] = to
			}
		}
	}
	p.renamed[from] = to
	return nil
}

// apply changes the While and adds that of the gradient.
func (l *functionalLoop) apply(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	dys := b.incoming(n, dy, l.c.dys)
	if b.Err() != nil {
		return nil, b.Err()
	}
	inputs := inputsOfNode(n)
	if err := capi.CopyFunctions(b.graph, l.c.graph); err != nil {
		return nil, err
	}
	lists, total, err := l.accumulate(b, n)
	if err != nil {
		return nil, err
	}
	f := &gradFunction{body: &funcgraph.Body{Nodes: l.p.backward, Attrs: l.c.body.Attrs}}
	counter := graphbuild.TypeOf(total)
	for _, own := range []struct {
		name  string
		input output
	}{{"grad_counter", b.Const(b.Unique("grad_counter"), counter, 0)}, {"grad_maximum", b.Const(b.Unique("maximum_iterations"), counter, -1)}, {"grad_total", total}} {
		if b.Err() != nil {
			return nil, b.Err()
		}
		node := l.p.freeName(own.name)
		if err := f.addArg(node, own.input, own.input); err != nil {
			return nil, err
		}
		f.body.Results = append(f.body.Results, funcgraph.Result{Tensor: node + ":0"})
	}
	if err := l.countIterations(f, counter); err != nil {
		return nil, err
	}
	for k, i := range l.active {
		if err := f.addArg(l.c.dys[i].Op.Name(), l.c.dys[i], dys[i]); err != nil {
			return nil, err
		}
		f.body.Results = append(f.body.Results, l.p.results[k])
	}
	for _, i := range l.p.usedArgs {
		if !l.constant[i] {
			continue
		}
		node := l.c.body.Args[i].Node
		if err := f.addArg(node, l.c.args[i], inputs[i]); err != nil {
			return nil, err
		}
		f.body.Results = append(f.body.Results, funcgraph.Result{Tensor: node + ":0"})
	}
	for k, t := range l.p.saved {
		if err := l.pop(f, k, t, lists[k]); err != nil {
			return nil, err
		}
	}
	return l.addGradient(b, n, f, counter)
}

// countIterations adds to the gradient's body the next value of its first variable.
func (l *functionalLoop) countIterations(f *gradFunction, counter dtype.DataType) error {
	one, err := constantOne(l.p.freeName("grad_one"), counter)
	if err != nil {
		return err
	}
	next, err := newNode("AddV2", l.p.freeName("grad_next"), attrs{"T": counter}, f.body.Args[0].Node, one.GetName())
	if err != nil {
		return err
	}
	f.body.Nodes = append(f.body.Nodes, one, next)
	f.body.Results[0].Tensor = next.GetName() + ":0"
	return nil
}

func constantOne(name string, dt dtype.DataType) (*node_def_go_proto.NodeDef, error) {
	value, err := graphbuild.Filled(dt, 1, nil)
	if err != nil {
		return nil, err
	}
	return newNode("Const", name, attrs{"dtype": dt, "value": value})
}

// pop adds an accumulator to the gradient's variables, and takes the last value from it.
func (l *functionalLoop) pop(f *gradFunction, k int, t, list output) error {
	node := l.p.freeName("accumulator_" + strconv.Itoa(k))
	if err := f.addArg(node, list, list); err != nil {
		return err
	}
	shape, err := newNode("Const", l.p.freeName("element_shape_"+strconv.Itoa(k)), attrs{"dtype": dtype.Int32, "value": elementShapeOf(t)})
	if err != nil {
		return err
	}
	popped, err := newNode("TensorListPopBack", l.p.freeName("pop_"+strconv.Itoa(k)), attrs{"element_dtype": graphbuild.TypeOf(t)}, node, shape.GetName())
	if err != nil {
		return err
	}
	value, err := newNode("Identity", l.p.savedNames[k], attrs{"T": graphbuild.TypeOf(t)}, popped.GetName()+":1")
	if err != nil {
		return err
	}
	f.body.Nodes = append(f.body.Nodes, shape, popped, value)
	f.body.Results = append(f.body.Results, funcgraph.Result{Tensor: popped.GetName() + ":0"})
	return nil
}

// elementShapeOf returns the value of a constant with the shape of the elements of a list.
func elementShapeOf(t output) any {
	shape := t.Shape()
	if shape.NumDimensions() < 0 {
		return graphbuild.Scalar[int32](-1)
	}
	dims := make([]int32, shape.NumDimensions())
	for i := range dims {
		dims[i] = int32(shape.Size(i))
	}
	return graphbuild.Vector(dims)
}

// variable is a variable that the rule adds to the loop.
type variable struct {
	node    string // of the body's argument
	initial output
	result  string
}

// rewrite adds variables to the loop.
func (l *functionalLoop) rewrite(b *builder, n *node, added []variable) error {
	if len(added) == 0 || b.Err() != nil {
		return b.Err()
	}
	c := l.c
	body := &funcgraph.Body{Nodes: l.p.forward, Args: c.body.Args, Results: c.body.Results, Control: c.body.Control, Attrs: c.body.Attrs}
	cond := *l.cond
	var types []dtype.DataType
	var shapes []tensorflow.Shape
	for _, v := range added {
		arg, err := argFor(v.node, v.initial)
		if err != nil {
			return err
		}
		body.Args = append(body.Args[:len(body.Args):len(body.Args)], arg)
		body.Results = append(body.Results[:len(body.Results):len(body.Results)], funcgraph.Result{Tensor: v.result})
		arg.Node = cond.Unique("unused_" + v.node)
		cond.Args = append(cond.Args[:len(cond.Args):len(cond.Args)], arg)
		types, shapes = append(types, arg.Type), append(shapes, tensorflow.ScalarShape())
	}
	for attr, f := range map[string]*funcgraph.Body{"body": body, "cond": &cond} {
		name, err := c.addFunction(b.graph, f, map[string]string{"body": c.body.Name, "cond": l.cond.Name}[attr]+"_rewritten")
		if err != nil {
			return err
		}
		if err := setFunction(n.op, attr, name); err != nil {
			return err
		}
	}
	if err := extend(n.op, "T", types, shapes); err != nil {
		return err
	}
	for _, v := range added {
		if err := capi.AddWhileInput(n.op, v.initial); err != nil {
			return err
		}
	}
	all, err := capi.AttrValue(int64(n.op.NumOutputs()))
	if err != nil {
		return err
	}
	return capi.SetAttr(n.op, "_num_original_outputs", all)
}

// addGradient adds the functions and the While of the gradient.
func (l *functionalLoop) addGradient(b *builder, n *node, f *gradFunction, counter dtype.DataType) ([]Gradient, error) {
	body, err := l.c.addFunction(b.graph, f.body, l.c.body.Name+"_grad")
	if err != nil {
		return nil, err
	}
	less, err := newNode("Less", "Less", attrs{"T": counter}, "arg_0", "arg_2")
	if err != nil {
		return nil, err
	}
	cond := &funcgraph.Body{Nodes: []*node_def_go_proto.NodeDef{less}, Results: []funcgraph.Result{{Tensor: nodedef.TensorName("Less", 0)}}, Attrs: l.c.body.Attrs}
	var shapes []tensorflow.Shape
	for i, a := range f.body.Args {
		a.Node = "arg_" + strconv.Itoa(i)
		cond.Args = append(cond.Args, a)
		s := tensorflow.Shape{}
		if list := a.Shape.GetList().GetShape(); len(list) == 1 && !list[0].GetUnknownRank() {
			var dims []int64
			for _, d := range list[0].GetDim() {
				dims = append(dims, d.GetSize())
			}
			s = tensorflow.MakeShape(dims...)
		}
		shapes = append(shapes, s)
	}
	condName, err := l.c.addFunction(b.graph, cond, l.cond.Name+"_grad")
	if err != nil {
		return nil, err
	}
	typ := "StatelessWhile"
	if f.body.Stateful(l.c.ops) {
		typ = "While"
	}
	parallel := n.integer("parallel_iterations")
	if parallel == 0 {
		parallel = 10
	}
	op := b.Op(typ, attrs{
		"T": typesOfTensors(f.inputs), "output_shapes": shapes, "body": funcAttr(body), "cond": funcAttr(condName),
		"parallel_iterations": parallel, "_num_original_outputs": int64(len(f.inputs)), "_lower_using_switch_merge": true,
	}, tensorflow.OutputList(f.inputs))
	if op == nil {
		return nil, b.Err()
	}
	dx := make([]Gradient, len(n.in))
	for k, i := range l.active {
		if err := copyHandle(op.Output(3+k), l.c.dxs[i].Dense); err != nil {
			return nil, err
		}
		dx[i].Dense = b.one("Identity", nil, op.Output(3+k))
	}
	return dx, b.Err()
}
