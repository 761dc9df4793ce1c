package decide

import (
	"slices"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// forward connects the consumers of tensors to other tensors. A node that is to be kept,
// or that others wait for, must be rewritten by the caller.
func (b *body) forward(to map[string]string) {
	if len(to) == 0 {
		return
	}
	follow := func(in string) string {
		t := tensor(in)
		for range len(to) + 1 {
			next, ok := to[t]
			if !ok {
				break
			}
			t = tensor(next)
		}
		return t
	}
	for i, n := range b.nodes {
		for k, in := range n.Input {
			if nodedef.IsControl(in) {
				break
			}
			if t := follow(in); t != tensor(in) {
				n = b.mutable(i)
				n.Input[k] = t
			}
		}
	}
	for i, r := range b.rets {
		b.rets[i] = follow(r)
	}
}

// pass turns a node into an Identity of one of its inputs, which its control inputs stay
// with. It returns what the consumers of the node should read instead: the input, if
// nothing is lost by that.
func (b *body) pass(i, input int) string {
	n := b.mutable(i)
	n.Op = "Identity"
	n.Input = append([]string{data(n)[input]}, controls(n)...)
	n.Attr = keepAttrs(n, map[string]*graphdef.AttrValue{"T": n.Attr["T"]})
	if len(n.Input) > 1 {
		return n.Name
	}
	return n.Input[0]
}

// keepAttrs returns attrs with what every operation may have: the colocation and shapes.
func keepAttrs(n *graphdef.NodeDef, attrs map[string]*graphdef.AttrValue) map[string]*graphdef.AttrValue {
	for _, name := range []string{"_class", "_output_shapes"} {
		if a, ok := n.Attr[name]; ok {
			if list := a.GetList(); name == "_output_shapes" && len(list.GetShape()) != 1 {
				continue
			}
			attrs[name] = a
		}
	}
	return attrs
}

// decideSelects replaces Select and SelectV2 with a constant predicate by one side.
func (d *decider) decideSelects(b *body) bool {
	e, s := newEvaluator(b), newShapes(b)
	to := map[string]string{}
	changed := false
	for i, n := range b.nodes {
		if n.Op != "Select" && n.Op != "SelectV2" || len(data(n)) != 3 {
			continue
		}
		p := e.input(n, 0)
		if p == nil {
			continue
		}
		side := 2
		if p.isTrue() {
			side = 1
		}
		// Select has the shape of its sides; SelectV2 broadcasts all three.
		if n.Op == "SelectV2" && !s.sameAsAll(n, side) {
			continue
		}
		if d.runsForEffect(b, data(n)[3-side]) {
			continue // the other side runs too, and may fail
		}
		changed = true
		addControls(b.mutable(i), e.after(data(n)[0]))
		if from := b.pass(i, side); from != n.Name {
			to[n.Name] = from
		}
	}
	b.forward(to)
	return changed
}

// decideSwitches removes the side of a Switch that a constant predicate does not take,
// with all that waits for it, and the Merge at its end.
func (d *decider) decideSwitches(b *body) bool {
	e := newEvaluator(b)
	dead := &deadness{body: b, tensors: map[string]bool{}, nodes: map[string]bool{}}
	decided := map[string]int{} // Switch → the output that is taken
	after := map[string][]string{}
	for _, n := range b.nodes {
		if n.Op != "Switch" || len(data(n)) != 2 {
			continue
		}
		if p := e.input(n, 1); p != nil {
			taken := 0
			if p.isTrue() {
				taken = 1
			}
			decided[n.Name] = taken
			after[n.Name] = e.after(data(n)[1])
			dead.tensors[ref{n.Name, 1 - taken}.String()] = true
		}
	}
	if len(decided) == 0 {
		return false
	}
	dead.spread()
	if !dead.removable(decided) {
		return false
	}
	to := map[string]string{}
	for i, n := range b.nodes {
		switch {
		case dead.nodes[n.Name]:
		case n.Op == "Merge":
			b.closeMerge(i, dead, to)
		default:
			if taken, ok := decided[n.Name]; ok {
				addControls(b.mutable(i), after[n.Name])
				from := b.pass(i, 0)
				to[ref{n.Name, taken}.String()] = from
			}
		}
	}
	for t, from := range to {
		if t == from {
			delete(to, t)
		}
	}
	b.set(slices.DeleteFunc(b.nodes, func(n *graphdef.NodeDef) bool { return dead.nodes[n.Name] }))
	b.forward(to)
	return true
}

// closeMerge removes the inputs of a Merge that are dead. With one input left it passes
// that on.
func (b *body) closeMerge(i int, dead *deadness, to map[string]string) {
	n := b.nodes[i]
	var live []int
	for k, in := range data(n) {
		if !dead.tensor(in) {
			live = append(live, k)
		}
	}
	waits := slices.DeleteFunc(slices.Clone(controls(n)), func(c string) bool { return dead.nodes[c[1:]] })
	if len(live) == len(data(n)) && len(waits) == len(controls(n)) {
		return
	}
	n = b.mutable(i)
	var inputs []string
	for _, k := range live {
		inputs = append(inputs, data(n)[k])
	}
	n.Input = append(inputs, waits...)
	if len(live) > 1 {
		n.Attr["N"] = &graphdef.AttrValue{Value: &attrpb.AttrValue_I{I: int64(len(live))}}
		return
	}
	index := ref{n.Name, 1}.String()
	if b.isRead(index) {
		k := nodedef.Const(b.freeName(n.Name+"/value_index"), &tensorpb.TensorProto{Dtype: dtype.Int32,
			TensorShape: &tensor_shape_go_proto.TensorShapeProto{}, IntVal: []int32{int32(live[0])}})
		k.Input = []string{"^" + n.Name} // it is in the loop that the node is in
		b.add(k)
		to[index] = k.Name
	}
	to[n.Name] = b.pass(i, 0)
}

func (b *body) add(n *graphdef.NodeDef) {
	b.nodes = append(b.nodes, n)
	b.byName[n.Name] = n
}

// isRead reports whether a node reads a tensor, or the function returns it.
func (b *body) isRead(t string) bool {
	reads := func(in string) bool { return tensor(in) == t }
	return slices.ContainsFunc(b.rets, reads) ||
		slices.ContainsFunc(b.nodes, func(n *graphdef.NodeDef) bool { return slices.ContainsFunc(data(n), reads) })
}

// deadness finds what never runs.
type deadness struct {
	*body
	tensors map[string]bool // outputs of decided switches
	nodes   map[string]bool
}

func (d *deadness) tensor(in string) bool {
	r := parse(in)
	return d.nodes[r.node] || d.tensors[r.String()]
}

// spread finds the nodes that read or wait for what is dead.
func (d *deadness) spread() {
	consumers := map[string][]*graphdef.NodeDef{}
	for _, n := range d.body.nodes {
		for _, in := range n.Input {
			from := nodedef.NodeName(in)
			consumers[from] = append(consumers[from], n)
		}
	}
	var queue []string
	for t := range d.tensors {
		queue = append(queue, parse(t).node)
	}
	for len(queue) > 0 {
		from := queue[0]
		queue = queue[1:]
		for _, n := range consumers[from] {
			if !d.nodes[n.Name] && d.isDead(n) {
				d.nodes[n.Name] = true
				queue = append(queue, n.Name)
			}
		}
	}
}

func (d *deadness) isDead(n *graphdef.NodeDef) bool {
	if n.Op == "Merge" {
		// A Merge needs one live input. That of a loop needs the one from outside.
		return len(data(n)) > 0 && !slices.ContainsFunc(data(n), func(in string) bool {
			from := d.byName[parse(in).node]
			return !d.tensor(in) && (from == nil || from.Op != "NextIteration")
		})
	}
	return slices.ContainsFunc(n.Input, func(in string) bool {
		if nodedef.IsControl(in) {
			return d.nodes[in[1:]]
		}
		return d.tensor(in)
	})
}

// removable reports whether the dead nodes can go: nothing that is kept is among them, and
// no Merge keeps several inputs and reports which of them it took.
func (d *deadness) removable(decided map[string]int) bool {
	for name := range d.keep {
		if _, isSwitch := decided[name]; d.nodes[name] || isSwitch {
			return false
		}
	}
	if slices.ContainsFunc(d.rets, d.tensor) {
		return false
	}
	for _, n := range d.body.nodes {
		if n.Op != "Merge" || d.nodes[n.Name] {
			continue
		}
		live, loops := 0, false
		for _, in := range data(n) {
			if from := d.byName[parse(in).node]; from != nil && from.Op == "NextIteration" {
				loops = true
			}
			if !d.tensor(in) {
				live++
			}
		}
		lost := live < len(data(n))
		if lost && (loops || live > 1 && d.isRead(ref{n.Name, 1}.String())) {
			return false
		}
	}
	return true
}
