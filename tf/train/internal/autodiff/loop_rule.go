package autodiff

import (
	"fmt"
	"strconv"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// loopPlan is one iteration of a loop as a part, ready to be differentiated.
type loopPlan struct {
	*part
	loop   *loop
	vars   []int // the active variables
	consts []int // the active invariants
	// ys are the next values that a change of the xs changes, by their variable.
	ys    []output
	yVars []int
	xs    []output            // of vars, then of consts
	names map[tensorID]string // the placeholders in the copy
}

// rule plans the gradient of a loop, so that everything that has no gradient is found before the
// graph is changed.
func (l *loop) rule(g *subgraph) (rule, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	p, err := l.plan(g)
	if err != nil {
		return nil, err
	}
	return func(b *builder, n *node, dy []Gradient) ([]Gradient, error) { return p.differentiate(b, n, dy) }, nil
}

// check refuses loops whose gradient would be wrong.
func (l *loop) check() error {
	for _, n := range l.body.nodes {
		if !anyLive(n) {
			continue
		}
		if err := checkArray(n); err != nil {
			return err
		}
	}
	return nil
}

// checkInside refuses xs inside of loops.
func (s *subgraph) checkInside() error {
	for _, n := range s.nodes {
		if n.loop == nil {
			continue
		}
		for _, x := range s.given {
			if in := n.loop.body.byName[x.Op.Name()]; in != nil && s.byName[in.name] == nil && (in.own || len(in.in) > 0) {
				return refuse(in, ErrControlFlow, "it is inside the loop "+strconv.Quote(n.loop.frame)+", where it has another value in each iteration; take the gradient for what enters the loop")
			}
		}
	}
	return nil
}

// checkBranches refuses values that depend on a Merge whose inputs no predicate decides: it is not
// known in which iterations they are computed.
func (p *loopPlan) checkBranches(l *loop) error {
	f := newBranchFinder()
	for _, name := range sortedKeys(p.nodes) {
		if _, err := f.ofOp(p.graph.Operation(name)); err != nil {
			return err
		}
		if n := l.body.byName[name]; f.irregular[name] && n != nil && anyLive(n) {
			return refuse(n, ErrControlFlow, "in a loop, each Merge must join the two branches of one predicate")
		}
	}
	return nil
}

func anyLive(n *node) bool {
	for _, live := range n.live {
		if live {
			return true
		}
	}
	return false
}

func (l *loop) plan(g *subgraph) (*loopPlan, error) {
	p := &loopPlan{loop: l, names: make(map[tensorID]string)}
	inputs, edges := make(map[string]output), make(map[string]bool)
	edges[l.cond.Name()] = true
	edge := func(name string, value output, same ...output) {
		inputs[name] = value
		for _, o := range same {
			p.names[idOf(o)] = name
			edges[o.Op.Name()] = true
		}
	}
	edge("condition", l.cond.Output(0), l.cond.Output(0))
	for i, v := range l.vars {
		same := []output{v.merge.Output(0), v.enter.Output(0)}
		for _, sw := range v.switches {
			same = append(same, sw.Output(1))
		}
		edge("var_"+strconv.Itoa(i), v.switches[0].Output(1), same...)
		edges[v.next.Name()] = true
	}
	for i, op := range l.invariants {
		edge("const_"+strconv.Itoa(i), op.Output(0), op.Output(0))
	}
	var roots []output
	for i, active := range l.activeVars {
		if active {
			p.vars = append(p.vars, i)
			roots = append(roots, l.vars[i].nextValue)
		}
	}
	var err error
	if p.part, err = newPart(g.graph, roots, p.names, inputs, edges); err != nil {
		return nil, err
	}
	for _, i := range p.vars {
		p.xs = append(p.xs, p.graph.Operation("var_"+strconv.Itoa(i)).Output(0))
		y := l.vars[i].nextValue
		if n := l.body.byName[y.Op.Name()]; n != nil && n.live[y.Index] {
			p.ys, p.yVars = append(p.ys, p.tensor(p.names, y)), append(p.yVars, i)
		}
	}
	for i, active := range l.activeInvariants {
		if active {
			p.consts = append(p.consts, i)
			p.xs = append(p.xs, p.graph.Operation("const_"+strconv.Itoa(i)).Output(0))
		}
	}
	if err := p.checkBranches(l); err != nil {
		return nil, err
	}
	o := *g.options
	o.StopGradients = p.mapStops(o.StopGradients)
	if p.subgraph, err = newSubgraph(p.graph, p.ys, p.xs, &o); err != nil {
		return nil, err
	}
	return p, p.subgraph.findRules()
}

// differentiate adds the backward loop. Iteration by iteration, from the last to the first, it
// carries the gradients of the variables back, and sums up those of the invariants. The values of
// the forward iterations come from Stacks, on which the loop puts them from now on.
func (p *loopPlan) differentiate(b *builder, n *node, dy []Gradient) ([]Gradient, error) {
	inner, grads, err := p.differentiateBody(b)
	if err != nil {
		return nil, err
	}
	w := &loopWriter{
		loopPlan: p, outer: b, inner: inner, mover: newMover(b.Unique("loop")),
		captured: make(map[tensorID]string), hoisted: make(map[string]bool),
		gradY: make(map[string]string), stacks: make(map[string]*stackNames),
		shapes: make(map[string][]int32), same: make(map[tensorID]tensorID),
	}
	if err := w.read(inner.graph); err != nil {
		return nil, err
	}
	all := func(string) bool { return true }
	if w.added, err = p.addedInputs(all); err != nil {
		return nil, err
	}
	if err := p.changeOrigins(b, all); err != nil {
		return nil, err
	}
	w.findHoisted()
	w.openLoops()
	var initial []string
	for _, i := range p.vars {
		initial = append(initial, w.exitGradient(i, dy))
	}
	if w.err == nil && b.Err() == nil {
		w.addVariables(initial, grads)
	}
	for k, i := range p.consts {
		w.addSum(i, grads[len(p.vars)+k])
	}
	w.moveNeeded()
	w.closeLoops()
	if w.err == nil {
		w.err = b.Err()
	}
	if w.err != nil {
		return nil, w.err
	}
	return w.finish(n)
}

// differentiateBody differentiates one iteration, in its own graph.
func (p *loopPlan) differentiateBody(b *builder) (*builder, []Gradient, error) {
	if err := capi.CopyFunctions(p.graph, b.graph); err != nil {
		return nil, nil, err
	}
	inner := newBuilder(p.graph, &Options{Name: "body"})
	inner.call, inner.owner = b.call, p.part
	var dys []output
	for k, i := range p.yVars {
		dt := graphbuild.TypeOf(p.ys[k])
		op, err := capi.AddOperation(p.graph, tensorflow.OpSpec{
			Type: "Placeholder", Name: gradName(i), Attrs: attrs{"dtype": dt, "shape": p.loop.vars[i].merge.Output(0).Shape()},
		})
		if err != nil {
			return nil, nil, err
		}
		dys = append(dys, op.Output(0))
	}
	grads, err := backprop(inner, p.subgraph, dys)
	if err != nil {
		return nil, nil, err
	}
	inner.setScope("next")
	for k := range p.vars {
		if g := grads[k]; g.IsNone() {
			grads[k] = Gradient{Dense: inner.zerosLike(p.xs[k], graphbuild.TypeOf(p.xs[k]))}
		} else {
			grads[k] = Gradient{Dense: inner.dense(g)}
		}
	}
	if err := inner.Err(); err != nil {
		return nil, nil, err
	}
	return inner, grads, capi.CopyFunctions(b.graph, p.graph)
}

func gradName(i int) string { return "gradient_" + strconv.Itoa(i) }

// exitGradient returns the gradient with which the backward loop begins for a variable.
func (w *loopWriter) exitGradient(i int, dy []Gradient) string {
	b := w.outer
	var parts []Gradient
	var exit output
	for k, e := range w.loop.exits {
		if e.variable != i {
			continue
		}
		exit = e.op.Output(0)
		if !dy[k].IsNone() {
			parts = append(parts, Gradient{Dense: b.dense(dy[k])})
		}
	}
	if len(parts) > 0 {
		g := b.sum(parts)
		if b.Err() != nil {
			return ""
		}
		return w.take(g.Dense)
	}
	value := w.loop.vars[i].merge.Output(0)
	return w.zeros(exit, value, graphbuild.TypeOf(value))
}

// zeros returns zeros of the outer graph in the shape of a tensor. like is another tensor of this
// shape, which may be known better; o may be missing.
func (w *loopWriter) zeros(o, like output, dt dtype.DataType) string {
	if dims, ok := fullShape(like.Shape()); ok && dt != dtype.Variant && graphbuild.TypeOf(like) != dtype.Resource {
		wide := make([]int64, len(dims))
		for i, d := range dims {
			wide[i] = int64(d)
		}
		return w.fill("zeros", dt, 0, wide, w.gate)
	}
	if o.Op == nil {
		w.fail(fmt.Errorf("the shape of %s is not known", graphbuild.TensorName(like)))
		return ""
	}
	var z output
	if graphbuild.TypeOf(o) == dtype.Resource {
		z = w.outer.variableZeros(o, dt)
	} else {
		z = w.outer.zerosLike(o, dt)
	}
	if w.outer.Err() != nil {
		return ""
	}
	return w.take(z)
}
