package freeze

import (
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/freeze/internal/order"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Without functions, a condition is a Switch, whose two outputs lead to the nodes of the
// two branches, and a Merge, which takes the result of the branch that ran. A loop is made of the
// same nodes, and Enter, Exit and NextIteration, which lead into its frame and out of it.

// side is one side of a condition.
type side struct {
	order.Side        // the predicate is the tensor that decides
	frame      string // the loop that the condition is in
}

func (s side) other() side { s.Taken = !s.Taken; return s }

// place says under which conditions a node runs, and in which loop.
type place struct {
	sides []side // all hold when the node runs, outer ones first
	frame string // the loop, "" outside of all
	exact bool   // the node runs whenever the sides hold

	isCond bool // the node decides whether the loop goes on
}

// places returns the place of each node of a body.
func (b *body) places() []place {
	p := &placer{body: b, places: make([]place, len(b.nodes)), waiting: make([]int, len(b.nodes)), next: make([][]int, len(b.nodes))}
	var ready []int
	for i, n := range b.nodes {
		for _, in := range n.Input {
			from, ok := b.index[b.parse(in).node]
			if ok && !isNextIteration(b.nodes[from].Op) {
				p.waiting[i]++
				p.next[from] = append(p.next[from], i)
			}
		}
		if p.waiting[i] == 0 {
			ready = append(ready, i)
		}
	}
	for len(ready) > 0 {
		i := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		p.places[i] = p.place(b.nodes[i])
		for _, k := range p.next[i] {
			if p.waiting[k]--; p.waiting[k] == 0 {
				ready = append(ready, k)
			}
		}
	}
	return p.places
}

type placer struct {
	*body
	places  []place
	waiting []int
	next    [][]int
}

func isNextIteration(op string) bool { return op == "NextIteration" || op == "RefNextIteration" }
func isMerge(op string) bool         { return op == "Merge" || op == "RefMerge" }
func isSwitch(op string) bool        { return op == "Switch" || op == "RefSwitch" }

// place returns the place of n, whose inputs have theirs.
func (p *placer) place(n *graphdef.NodeDef) place {
	if isMerge(n.Op) {
		return p.merged(n)
	}
	out := place{exact: true}
	for _, in := range n.Input {
		out = out.and(p.ofInput(in))
	}
	switch n.Op {
	case "LoopCond":
		out.isCond = true
	case "Enter", "RefEnter":
		out.frame += "/" + strings.ReplaceAll(string(n.Attr["frame_name"].GetS()), "/", "\x01")
	case "Exit", "RefExit":
		out = out.leave()
	}
	return out
}

// leave returns the place outside of the innermost loop.
func (p place) leave() place {
	inner := p.frame
	p.frame = outerFrame(inner)
	p.sides = slices.DeleteFunc(slices.Clone(p.sides), func(s side) bool { return s.frame == inner })
	return p
}

// outerFrame returns the loop that a loop is in.
func outerFrame(frame string) string { return frame[:max(0, strings.LastIndexByte(frame, '/'))] }

// and returns the place of a node that needs both.
func (p place) and(o place) place {
	if len(o.frame) > len(p.frame) {
		p.frame = o.frame
	}
	p.exact = p.exact && o.exact
	p.isCond = false
	for _, s := range o.sides {
		if !slices.Contains(p.sides, s) {
			p.sides = append(slices.Clone(p.sides), s)
		}
	}
	return p
}

// merged returns the place of a Merge, which needs only one of its data inputs.
func (p *placer) merged(n *graphdef.NodeDef) place {
	var out place
	for i, in := range nodedef.DataInputs(n) {
		from := p.ofInput(in)
		if node := p.node(p.parse(in).node); node != nil && isNextIteration(node.Op) {
			continue
		}
		if i == 0 {
			out = from
		} else {
			out = out.either(from)
		}
	}
	for _, in := range controlInputs(n) {
		out = out.and(p.ofInput(in))
	}
	return out
}

// either returns the place of a node that needs one of two.
func (p place) either(o place) place {
	out := place{frame: p.frame, exact: p.exact && o.exact}
	rest := func(a, b place) []side {
		return slices.DeleteFunc(slices.Clone(a.sides), func(s side) bool { return slices.Contains(b.sides, s) })
	}
	for _, s := range p.sides {
		if slices.Contains(o.sides, s) {
			out.sides = append(out.sides, s)
		}
	}
	mine, others := rest(p, o), rest(o, p)
	out.exact = out.exact && len(mine) == 1 && len(others) == 1 && mine[0].other() == others[0]
	return out
}

// ofInput returns the place of what comes from an input: of one side of a Switch, or of a
// node.
func (p *placer) ofInput(in string) place {
	from := p.parse(in)
	i, ok := p.index[from.node]
	if !ok {
		return place{exact: true} // an argument
	}
	out := p.places[i]
	n := p.nodes[i]
	if nodedef.IsControl(in) || !isSwitch(n.Op) || len(n.Input) < 2 {
		return out
	}
	predicate := p.origin(n.Input[1])
	if decider := p.node(predicate.node); decider != nil && decider.Op == "LoopCond" {
		return out // body and end of a loop: both run
	}
	taken := from.idx == 1 || from.arg == "output_true"
	return out.and(place{sides: []side{{order.Side{Predicate: p.nameOf(predicate), Taken: taken}, out.frame}}, frame: out.frame, exact: true})
}

// nameOf returns a tensor as an input.
func (b *body) nameOf(t tensor) string {
	if b.fn == nil || t.arg == "" {
		return nodedef.TensorName(t.node, t.idx)
	}
	return nodedef.TensorName(t.node+":"+t.arg, t.idx)
}

// origin follows a tensor through Identity to where it comes from.
func (b *body) origin(in string) tensor {
	t := b.parse(in)
	for range b.nodes {
		n := b.node(t.node)
		if n == nil || n.Op != "Identity" || len(n.Input) == 0 {
			break
		}
		t = b.parse(n.Input[0])
	}
	return t
}

// in returns the sides of the conditions in a loop, "" for those outside of all loops.
func (p place) in(frame string) []order.Side {
	var sides []order.Side
	for _, s := range p.sides {
		if s.frame == frame {
			sides = append(sides, s.Side)
		}
	}
	return sides
}
