package autodiff

import (
	"slices"
	"strconv"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/funcgraph"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// functional are the operations that run functions of the graph's library.
var functional map[string]func(n *node, g *subgraph) (rule, error)

func init() { // the rules differentiate functions that have such operations
	functional = map[string]func(n *node, g *subgraph) (rule, error){
		"PartitionedCall": callRule, "StatefulPartitionedCall": callRule,
		"If": branchRule, "StatelessIf": branchRule, "Case": branchRule, "StatelessCase": branchRule,
		"While": whileRule, "StatelessWhile": whileRule,
	}
}

// functionalRule differentiates the functions that a node runs, in graphs of their own. What
// cannot be differentiated is found here, before the caller's graph is changed.
//
// As in Python, the node is changed so that it also returns the tensors of its functions that the
// gradient needs, and a node of the same kind runs the gradients of the functions.
func functionalRule(n *node, g *subgraph) (rule, error) {
	r, err := functional[n.typ](n, g)
	if err != nil || r == nil {
		return r, err
	}
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		b.changed(n.op)
		return r(b, n, dy)
	}, nil
}

// incoming returns the dense gradients of a node's outputs, zeros where there are none, for those
// outputs for which want is set.
func (b *builder) incoming(n *node, dy []Gradient, want []output) []output {
	list := make([]output, len(want))
	for i, w := range want {
		switch {
		case w.Op == nil:
		case i < len(dy) && !dy[i].IsNone():
			list[i] = b.dense(dy[i])
		default:
			list[i] = b.zerosFor(n.y(i))
		}
	}
	return list
}

// callRule is the rule of a call of one function.
func callRule(n *node, g *subgraph) (rule, error) {
	name, err := functionAttr(n.op, "f")
	if err != nil {
		return nil, wrapped(n, "f", err)
	}
	inputs := inputsOfNode(n)
	c, err := newCallee(g, name, inputs, shapesOfTensors(inputs))
	if err != nil {
		return nil, wrapped(n, name, err)
	}
	if err := c.differentiate(liveInputs(n), wantedOutputs(n, g)); err != nil {
		return nil, wrapped(n, name, err)
	}
	p, err := c.separate(c.dxs)
	if err != nil {
		return nil, wrapped(n, name, err)
	}
	if _, added := p.returned(c.body.Results); len(added) > 0 {
		if err := g.checkFixed(n); err != nil {
			return nil, err
		}
	}
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		dys := b.incoming(n, dy, c.dys)
		if b.Err() != nil {
			return nil, b.Err()
		}
		return b.applyCall(n, c, p, dys)
	}, nil
}

func (b *builder) applyCall(n *node, c *callee, p *pieces, dys []output) ([]Gradient, error) {
	if len(p.results) == 0 {
		return nil, nil
	}
	if err := capi.CopyFunctions(b.graph, c.graph); err != nil {
		return nil, err
	}
	forward := &funcgraph.Body{Nodes: p.forward, Args: c.body.Args, Results: c.body.Results, Control: c.body.Control, Attrs: c.body.Attrs}
	savedAt, added := p.returned(forward.Results)
	if len(added) > 0 {
		for _, t := range added {
			forward.Results = append(slices.Clip(forward.Results), funcgraph.Result{Tensor: graphbuild.TensorName(t)})
		}
		name, err := c.addFunction(b.graph, forward, c.body.Name+"_rewritten")
		if err == nil {
			err = setFunction(n.op, "f", name)
		}
		if err == nil {
			err = extend(n.op, "Tout", typesOfTensors(added), shapesOfTensors(added))
		}
		if err != nil {
			return nil, err
		}
		for k, t := range p.saved {
			if err := copyHandle(n.op.Output(savedAt[k]), t); err != nil {
				return nil, err
			}
		}
	}
	f := &gradFunction{body: &funcgraph.Body{Nodes: p.backward, Results: p.results, Attrs: c.body.Attrs}}
	for i, dy := range dys {
		if dy.Op != nil {
			if err := f.addArg(c.dys[i].Op.Name(), c.dys[i], dy); err != nil {
				return nil, err
			}
		}
	}
	for _, i := range p.usedArgs {
		if err := f.addArg(c.body.Args[i].Node, c.args[i], n.x(i)); err != nil {
			return nil, err
		}
	}
	for k, t := range p.saved {
		if err := f.addArg(p.savedNames[k], t, n.op.Output(savedAt[k])); err != nil {
			return nil, err
		}
	}
	name, err := c.addFunction(b.graph, f.body, c.body.Name+"_grad")
	if err != nil {
		return nil, err
	}
	typ := "PartitionedCall"
	if f.body.Stateful(c.ops) {
		typ = "StatefulPartitionedCall"
	}
	likes := tensorsOf(c.dxs)
	call := b.Op(typ, attrs{
		"Tin": typesOfTensors(f.inputs), "Tout": typesOfTensors(likes), "f": funcAttr(name), "config": "", "config_proto": "", "executor_type": "",
	}, tensorflow.OutputList(f.inputs))
	if call == nil {
		return nil, b.Err()
	}
	for i, like := range likes {
		if err := capi.SetShape(call.Output(i), like.Shape()); err != nil {
			return nil, err
		}
	}
	return b.outputsOf(call, c.dxs)
}

// returned returns which results of the function the saved tensors are, and those that the function
// has to return in addition.
func (p *pieces) returned(results []funcgraph.Result) (savedAt []int, added []output) {
	at := make(map[string]int)
	for i, r := range results {
		at[r.Tensor] = i
	}
	for _, t := range p.saved {
		name := graphbuild.TensorName(t)
		if _, ok := at[name]; !ok {
			at[name] = len(results) + len(added)
			added = append(added, t)
		}
		savedAt = append(savedAt, at[name])
	}
	return savedAt, added
}

// outputsOf returns the outputs of a node as gradients: likes are those in the function that the
// node runs.
func (b *builder) outputsOf(op *operation, likes []Gradient) ([]Gradient, error) {
	if op == nil {
		return nil, b.Err()
	}
	var outs []output
	for i, like := range tensorsOf(likes) {
		if err := copyHandle(op.Output(i), like); err != nil {
			return nil, err
		}
		outs = append(outs, b.one("Identity", nil, op.Output(i)))
	}
	dx := make([]Gradient, len(likes))
	for i, like := range likes {
		if !like.IsNone() {
			dx[i], outs = gradientFrom(like, outs)
		}
	}
	return dx, b.Err()
}

// branchesOf returns the functions of an If or a Case.
func branchesOf(n *node) (attrNames, functions []string, err error) {
	if n.typ == "Case" || n.typ == "StatelessCase" {
		v, err := capi.Attr(n.op, "branches")
		if err != nil {
			return nil, nil, err
		}
		for _, f := range v.GetList().GetFunc() {
			functions = append(functions, f.GetName())
		}
		return nil, functions, nil
	}
	for _, attr := range []string{"then_branch", "else_branch"} {
		name, err := functionAttr(n.op, attr)
		if err != nil {
			return nil, nil, err
		}
		attrNames, functions = append(attrNames, attr), append(functions, name)
	}
	return attrNames, functions, nil
}

// choices are the functions of an If or a Case with their gradients.
type choices struct {
	attrNames []string
	list      []*callee
	pieces    []*pieces
}

// branchRule is the rule of If and Case.
func branchRule(n *node, g *subgraph) (rule, error) {
	attrNames, functions, err := branchesOf(n)
	if err != nil {
		return nil, wrapped(n, "branches", err)
	}
	br := &choices{attrNames: attrNames}
	inputs, live := inputsOfNode(n)[1:], liveInputs(n)[1:]
	wanted := wantedOutputs(n, g)
	for _, name := range functions {
		c, err := newCallee(g, name, inputs, shapesOfTensors(inputs))
		if err == nil {
			err = c.differentiate(live, wanted)
		}
		if err != nil {
			return nil, wrapped(n, name, err)
		}
		br.list = append(br.list, c)
	}
	if !br.match() {
		return func(*builder, *node, []Gradient) ([]Gradient, error) { return nil, nil }, nil
	}
	for k, c := range br.list {
		err := c.b.Err()
		if err == nil {
			var p *pieces
			p, err = c.separate(c.dxs)
			br.pieces = append(br.pieces, p)
		}
		if err != nil {
			return nil, wrapped(n, functions[k], err)
		}
		if len(br.pieces[k].saved) > 0 {
			if err := g.checkFixed(n); err != nil {
				return nil, err
			}
		}
	}
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
		dys := b.incoming(n, dy, br.list[0].dys)
		if b.Err() != nil {
			return nil, b.Err()
		}
		return b.applyBranches(n, br, dys)
	}, nil
}

// match lets all branches have the same gradients: zeros where only another one has one, slices
// where another one has slices, and indices of one type. It reports whether there are any.
func (br *choices) match() bool {
	some := false
	for i := range br.list[0].dxs {
		has, sparse := false, false
		var indexType dtype.DataType
		for _, c := range br.list {
			has = has || !c.dxs[i].IsNone()
			if s := c.dxs[i].Slices; s != nil {
				if dt := graphbuild.TypeOf(s.Indices); !sparse || dt == dtype.Int64 {
					indexType = dt
				}
				sparse = true
			} else {
				indexType = max(indexType, dtype.Int32)
			}
		}
		some = some || has
		for _, c := range br.list {
			c.b.setScope("zeros")
			if has && c.dxs[i].IsNone() {
				c.dxs[i].Dense = c.b.zerosFor(c.args[i])
			}
			if sparse && c.dxs[i].Slices == nil {
				c.dxs[i] = c.b.allRows(c.dxs[i].Dense)
			}
			if s := c.dxs[i].Slices; s != nil {
				c.dxs[i].Slices = &Slices{Values: s.Values, Indices: c.b.Cast(s.Indices, indexType), DenseShape: s.DenseShape}
			}
		}
	}
	return some
}

func (b *builder) applyBranches(n *node, br *choices, dys []output) ([]Gradient, error) {
	for _, p := range br.pieces {
		if err := capi.CopyFunctions(b.graph, p.c.graph); err != nil {
			return nil, err
		}
	}
	savedAt, err := b.saveInBranches(n, br)
	if err != nil {
		return nil, err
	}
	var names []string
	var inputs []output
	stateful := false
	for k, p := range br.pieces {
		f, err := br.gradFunction(n, k, dys, savedAt)
		if err != nil {
			return nil, err
		}
		name, err := p.c.addFunction(b.graph, f.body, p.c.body.Name+"_grad")
		if err != nil {
			return nil, err
		}
		names, inputs = append(names, name), f.inputs
		stateful = stateful || f.body.Stateful(p.c.ops)
	}
	likes := tensorsOf(br.list[0].dxs)
	shapes := shapesOfTensors(likes)
	for _, c := range br.list {
		for i, t := range tensorsOf(c.dxs) {
			if t.Shape().String() != shapes[i].String() {
				shapes[i] = tensorflow.Shape{}
			}
		}
	}
	a := attrs{"Tin": typesOfTensors(inputs), "Tout": typesOfTensors(likes), "output_shapes": shapes, "_lower_using_switch_merge": true}
	typ := "Case"
	if len(br.attrNames) > 0 {
		typ = "If"
		a["Tcond"] = graphbuild.TypeOf(n.x(0))
		for k, attr := range br.attrNames {
			a[attr] = funcAttr(names[k])
		}
	} else {
		a["branches"] = funcListAttr(names)
	}
	if !stateful {
		typ = "Stateless" + typ
	}
	op := b.Op(typ, a, n.x(0), tensorflow.OutputList(inputs))
	dx, err := b.outputsOf(op, br.list[0].dxs)
	return append([]Gradient{{}}, dx...), err
}

func funcListAttr(names []string) *attr_value_go_proto.AttrValue {
	list := new(attr_value_go_proto.AttrValue_ListValue)
	for _, name := range names {
		list.Func = append(list.Func, &attr_value_go_proto.NameAttrList{Name: name})
	}
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: list}}
}

// saveInBranches lets the node return what the gradients need of each branch, as an Optional that
// has no value if another branch ran. It returns which outputs they are.
func (b *builder) saveInBranches(n *node, br *choices) ([][]int, error) {
	savedAt := make([][]int, len(br.list))
	before := n.op.NumOutputs()
	next := before
	for k, p := range br.pieces {
		for range p.saved {
			savedAt[k] = append(savedAt[k], next)
			next++
		}
	}
	if next == before {
		return savedAt, nil
	}
	var names []string
	for k, p := range br.pieces {
		c := p.c
		forward := &funcgraph.Body{Nodes: p.forward, Args: c.body.Args, Results: c.body.Results, Control: c.body.Control, Attrs: c.body.Attrs}
		for other, q := range br.pieces {
			for _, t := range q.saved {
				def, err := optional(p, t, other == k)
				if err != nil {
					return nil, err
				}
				forward.Nodes = append(forward.Nodes, def)
				forward.Results = append(forward.Results[:len(forward.Results):len(forward.Results)], funcgraph.Result{Tensor: def.GetName() + ":0"})
			}
		}
		name, err := c.addFunction(b.graph, forward, c.body.Name+"_rewritten")
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	if len(br.attrNames) == 0 {
		if err := capi.SetAttr(n.op, "branches", funcListAttr(names)); err != nil {
			return nil, err
		}
	}
	for k, attr := range br.attrNames {
		if err := setFunction(n.op, attr, names[k]); err != nil {
			return nil, err
		}
	}
	types, shapes := make([]dtype.DataType, next-before), make([]tensorflow.Shape, next-before)
	for i := range types {
		types[i], shapes[i] = dtype.Variant, tensorflow.ScalarShape()
	}
	return savedAt, extend(n.op, "Tout", types, shapes)
}

// optional returns a node that makes an Optional, of t if there is a value.
func optional(p *pieces, t output, value bool) (*node_def_go_proto.NodeDef, error) {
	if !value {
		return newNode("OptionalNone", p.freeName("OptionalNone"), nil)
	}
	return newNode("OptionalFromValue", p.freeName("OptionalFromValue"),
		attrs{"Toutput_types": []dtype.DataType{graphbuild.TypeOf(t)}}, tensorRef(t.Op.Name(), t.Index))
}

// gradFunction returns the gradient of branch k as a function. All branches have the same
// arguments.
func (br *choices) gradFunction(n *node, k int, dys []output, savedAt [][]int) (*gradFunction, error) {
	p := br.pieces[k]
	f := &gradFunction{body: &funcgraph.Body{Nodes: p.backward, Results: p.results, Attrs: p.c.body.Attrs}}
	for i, dy := range dys {
		if dy.Op != nil {
			if err := f.addArg(p.c.dys[i].Op.Name(), p.c.dys[i], dy); err != nil {
				return nil, err
			}
		}
	}
	used := make(map[int]bool)
	for _, q := range br.pieces {
		for _, i := range q.usedArgs {
			used[i] = true
		}
	}
	for i := range p.c.args {
		if used[i] {
			if err := f.addArg(p.c.body.Args[i].Node, p.c.args[i], n.x(i+1)); err != nil {
				return nil, err
			}
		}
	}
	for other, q := range br.pieces {
		for j, t := range q.saved {
			from := n.op.Output(savedAt[other][j])
			node := p.freeName("optional_" + strconv.Itoa(other) + "_" + strconv.Itoa(j))
			if err := f.addArg(node, from, from); err != nil {
				return nil, err
			}
			if other != k {
				continue
			}
			get, err := newNode("OptionalGetValue", q.savedNames[j],
				attrs{"output_types": []dtype.DataType{graphbuild.TypeOf(t)}, "output_shapes": []tensorflow.Shape{t.Shape()}}, node)
			if err != nil {
				return nil, err
			}
			f.body.Nodes = append(f.body.Nodes, get)
		}
	}
	return f, nil
}
