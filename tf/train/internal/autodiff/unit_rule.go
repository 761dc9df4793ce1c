package autodiff

import (
	"fmt"
	"strconv"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// unitPlan is a unit as a part, ready to be differentiated.
type unitPlan struct {
	*part
	ys   []output // of the copy, by the outputs of the unit; without Op if not live
	xs   []output
	xsOf []int // their positions among the inputs of the unit
}

// rule plans the gradient of a unit.
func (u *unit) rule(n *node, g *subgraph) (rule, error) {
	names, inputs, edges := make(map[tensorID]string), make(map[string]output), make(map[string]bool)
	for i, in := range n.in {
		o := in.output()
		edges[o.Op.Name()] = true
		if in.isLive() || in.node.typ != "Const" {
			name := "input_" + strconv.Itoa(i)
			names[idOf(o)], inputs[name] = name, o
		}
	}
	var roots []output
	for _, p := range u.outs {
		roots = append(roots, p.output())
	}
	inside := make(map[string]bool)
	for _, n := range u.nodes {
		inside[n.name] = true
	}
	c := &copier{outer: g.graph, names: names, nodes: make(map[string]*operation), follows: func(op string) bool { return inside[op] }}
	copied, err := c.copy(roots, inputs)
	if err != nil {
		return nil, err
	}
	p := &unitPlan{part: copied, ys: make([]output, len(u.outs))}
	var ys []output
	for i, out := range u.outs {
		if out.isLive() {
			p.ys[i] = p.tensor(names, out.output())
			ys = append(ys, p.ys[i])
		}
	}
	for i, in := range n.in {
		if in.isLive() {
			p.xs, p.xsOf = append(p.xs, p.graph.Operation("input_"+strconv.Itoa(i)).Output(0)), append(p.xsOf, i)
		}
	}
	o := *g.options
	o.StopGradients, o.Recompute = p.mapStops(o.StopGradients), nil
	o.fixed = func(n *node) bool { return keepsResult(n.typ) && g.options.fixed != nil && g.options.fixed(n) }
	if p.subgraph, err = newSubgraph(p.graph, ys, p.xs, &o); err != nil {
		return nil, err
	}
	if err := p.subgraph.findRules(); err != nil {
		return nil, err
	}
	return p.differentiate, nil
}

// differentiate adds the nodes of the unit a second time, after the gradient has arrived, with the
// nodes of their gradient.
func (p *unitPlan) differentiate(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	w := &unitWriter{
		unitPlan: p, mover: newMover(b.Unique("again")), outer: b,
		gradY: make(map[string]string), gated: make(map[string]string),
	}
	var dys []output
	for i, y := range p.ys {
		if y.Op == nil {
			continue
		}
		g := dy[i]
		if g.IsNone() {
			g.Dense = b.zerosLike(n.unit.outs[i].output(), graphbuild.TypeOf(y))
		}
		dense := b.dense(g)
		if b.Err() != nil {
			return nil, b.Err()
		}
		op, err := capi.AddOperation(p.graph, tensorflow.OpSpec{
			Type: "Placeholder", Name: gradName(i), Attrs: attrs{"dtype": graphbuild.TypeOf(y), "shape": y.Shape()},
		})
		if err != nil {
			return nil, err
		}
		dys = append(dys, op.Output(0))
		w.gradY[gradName(i)] = w.take(dense)
	}
	if err := capi.CopyFunctions(p.graph, b.graph); err != nil {
		return nil, err
	}
	inner := newBuilder(p.graph, &Options{Name: "body"})
	inner.call, inner.owner = b.call, p.part
	grads, err := backprop(inner, p.subgraph, dys)
	if err != nil {
		return nil, err
	}
	if err := capi.CopyFunctions(b.graph, p.graph); err != nil {
		return nil, err
	}
	return w.write(n, inner, grads)
}

// unitWriter writes the nodes of a unit and of its gradient.
type unitWriter struct {
	*unitPlan
	*mover
	outer   *builder
	gradY   map[string]string // placeholders for the gradients
	gated   map[string]string // inputs that arrive after the gradient
	trigger string
}

func (w *unitWriter) write(n *node, inner *builder, grads []Gradient) ([]Gradient, error) {
	if err := w.read(inner.graph); err != nil {
		return nil, err
	}
	for _, name := range sortedKeys(w.gradY) {
		dt := graphbuild.TypeOf(w.graph.Operation(name).Output(0))
		w.trigger = w.add("Identity", "trigger", typed(dt), w.gradY[name])
		break
	}
	var names []string
	for _, g := range grads {
		for _, t := range g.tensors() {
			names = append(names, w.ref(idOf(t)))
		}
	}
	added, err := w.addedInputs(keepsResult)
	if err != nil {
		return nil, err
	}
	if err := w.changeOrigins(w.outer, keepsResult); err != nil {
		return nil, err
	}
	results := len(names)
	for _, a := range added {
		names = append(names, tensorRef(w.movedName(a.in.Op.Name()), a.in.Index))
	}
	if p := w.outer.owner; p != nil {
		for name := range w.madeForward {
			p.forward[w.fullName(name)] = true
		}
	}
	w.moveAll(w.moveNode)
	// What is no node of the fragment is a tensor of the graph already.
	for i, name := range names {
		if _, ok := w.options.InputMapping[capi.TensorName{Op: name}]; ok {
			names[i] = w.add("Identity", "result", typed(graphbuild.TypeOf(w.options.InputMapping[capi.TensorName{Op: name}])), name)
		}
	}
	outs, err := w.importInto(w.outer, names)
	if err == nil {
		err = addInputs(added, outs[results:])
	}
	if err != nil {
		return nil, fmt.Errorf("compute the scope %q again: %w", n.name, err)
	}
	dx := make([]Gradient, len(n.in))
	for k, g := range grads {
		if !g.IsNone() {
			dx[w.xsOf[k]], outs = gradientFrom(g, outs)
		}
	}
	return dx, nil
}

// ref returns a tensor of the copy in the fragment.
func (w *unitWriter) ref(id tensorID) string {
	if name := w.gradY[id.op]; name != "" {
		return name
	}
	if o, ok := w.inputs[id.op]; ok {
		return w.afterGradient(id.op, o)
	}
	if op := w.part.nodes[id.op]; op != nil && keepsResult(op.Type()) {
		return w.take(op.Output(id.index))
	}
	return tensorRef(w.movedName(id.op), id.index)
}

// afterGradient returns an input of the unit that arrives after the gradient, so that the unit is
// not computed earlier.
func (w *unitWriter) afterGradient(name string, o output) string {
	dt := graphbuild.TypeOf(o)
	if dt == dtype.Resource {
		return w.take(o)
	}
	if w.gated[name] == "" {
		w.gated[name] = w.add("Identity", "input", typed(dt), w.take(o), "^"+w.trigger)
	}
	return w.gated[name]
}

func (w *unitWriter) moveNode(name string) {
	def := w.copyOf(name)
	var inputs []string
	for _, ref := range def.Input {
		id := parseRef(ref)
		if id.index >= 0 {
			inputs = append(inputs, w.ref(id))
			continue
		}
		if w.forward[id.op] || w.gradY[id.op] != "" {
			continue // what the first computation waited for
		}
		inputs = append(inputs, "^"+w.movedName(id.op))
	}
	def.Input = inputs
	w.renameFrame(def)
	w.move(def)
}
