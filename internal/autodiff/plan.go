package autodiff

import "github.com/tfkeep/tfkeep/dtype"

// region is a set of nodes that the library differentiates in one call.
type region struct {
	nodes []*node
	has   map[*node]bool
	x     []port // what the gradient is asked for: inputs from outside, and the caller's xs within
	y     []port // where a gradient comes in from outside
}

// goesOn says that a node of the region takes y.
func (r *region) goesOn(y port) bool {
	for _, u := range y.node.uses {
		if u.output == y.index && r.has[u.to] {
			return true
		}
	}
	return false
}

// plan decides who differentiates which node, and in which order: for each
// level from 0 up first its region, then its holes.
type plan struct {
	w       *walk
	regions []region  // by level; empty where a level has holes only
	holes   [][]*node // by level
}

func newPlan(w *walk) (*plan, error) {
	for _, n := range w.nodes {
		switch {
		case !n.between:
			continue
		case controlFlowOps[n.typ]:
			return nil, controlFlow(n)
		}
		var err error
		if n.rule, err = ruleFor(n, w); err != nil {
			return nil, err
		}
	}
	for {
		p := &plan{w: w}
		p.setLevels()
		p.cut()
		clean := true
		for _, r := range p.regions {
			for _, n := range p.leaks(r) {
				n.isolated, clean = true, false
			}
		}
		if clean {
			return p, nil
		}
	}
}

func (p *plan) setLevels() {
	for i := len(p.w.nodes) - 1; i >= 0; i-- {
		n := p.w.nodes[i]
		n.level = 0
		for _, u := range n.uses {
			if !u.to.between || !n.live[u.output] {
				continue
			}
			level := u.to.level
			if u.to.hole() {
				level++
			}
			n.level = max(n.level, level)
		}
	}
}

// cut fills the regions and the holes, both in the order of their gradients.
func (p *plan) cut() {
	levels := 0
	for _, n := range p.w.nodes {
		if n.between {
			levels = max(levels, n.level+1)
		}
	}
	p.regions = make([]region, levels)
	p.holes = make([][]*node, levels)
	for i := len(p.w.nodes) - 1; i >= 0; i-- {
		n := p.w.nodes[i]
		switch {
		case !n.between:
		case n.hole():
			p.holes[n.level] = append(p.holes[n.level], n)
		default:
			r := &p.regions[n.level]
			if r.has == nil {
				r.has = make(map[*node]bool)
			}
			r.nodes = append(r.nodes, n)
			r.has[n] = true
		}
	}
	for i := range p.regions {
		p.bound(&p.regions[i])
	}
}

// bound finds the tensors at the edges of a region.
func (p *plan) bound(r *region) {
	seen := make(map[port]bool)
	add := func(x port) {
		if !seen[x] {
			seen[x] = true
			r.x = append(r.x, x)
		}
	}
	for _, n := range r.nodes {
		for _, in := range n.in {
			if in.isLive() && !r.has[in.node] {
				add(in)
			}
		}
		for i, live := range n.live {
			out := port{n, i}
			if !live {
				continue
			}
			if p.w.isX[out] {
				add(out)
			}
			if p.w.isY[out] || leaves(out, r) {
				r.y = append(r.y, out)
			}
		}
	}
}

// leaves says whether a gradient comes back to out from outside the region.
func leaves(out port, r *region) bool {
	for _, u := range out.node.uses {
		if u.output == out.index && u.to.between && !r.has[u.to] {
			return true
		}
	}
	return false
}

// leaks gives the nodes of a region that the library must not differentiate in
// one call with the others. The call runs along every path from an x to a y,
// whatever lies on it. Where a path leaves the region it would count a gradient
// twice that comes back through a hole, follow one that Python does not (through
// integers), or end in an operation that it cannot differentiate.
func (p *plan) leaks(r region) []*node {
	n := len(p.w.nodes)
	reachesY, passesY := make([]bool, n), make([]bool, n)
	for _, y := range r.y {
		back(y.node, reachesY, func(*node) bool { return true })
		back(y.node, passesY, func(n *node) bool { return !libraryStops[n.typ] })
	}
	fromX, passesX := make([]bool, n), make([]bool, n)
	for _, x := range r.x {
		forward(x.node, fromX, func(*node) bool { return true })
		forward(x.node, passesX, func(n *node) bool { return !libraryStops[n.typ] })
	}
	outside := func(n *node) bool { return fromX[n.index] && reachesY[n.index] && !r.has[n] }

	var bad []*node
	for _, n := range p.w.nodes {
		switch {
		case !outside(n):
		case controlFlowOps[n.typ]:
			bad = append(bad, n)
		case !passesY[n.index] || libraryStops[n.typ]:
		case passesX[n.index], !libraryGradients[n.typ] && givesTrainable(n):
			bad = append(bad, n)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	// A node that the gradient passes through on its own account is reached
	// from some x with a second use: take the uses within the region out. Of
	// other paths the place where they come in is closer to the point.
	doubled, entered := make([]bool, n), make([]bool, n)
	for _, b := range bad {
		if b.between {
			back(b, doubled, func(*node) bool { return true })
		} else {
			forward(b, entered, func(n *node) bool { return !r.has[n] })
			entered[b.index] = true
		}
	}
	var isolate []*node
	for _, n := range r.nodes {
		for _, in := range n.in {
			if in.isLive() && !r.has[in.node] && doubled[in.node.index] || !r.has[in.node] && entered[in.node.index] {
				isolate = append(isolate, n)
				break
			}
		}
	}
	if len(isolate) > 0 {
		return isolate
	}
	for _, b := range bad {
		entered[b.index] = true
		forward(b, entered, func(n *node) bool { return !r.has[n] })
	}
	for _, n := range r.nodes {
		for _, in := range n.in {
			if !r.has[in.node] && entered[in.node.index] {
				isolate = append(isolate, n)
				break
			}
		}
	}
	return isolate
}

func givesTrainable(n *node) bool {
	for i := range n.live {
		if trainable(dtype.Base(n.op.Output(i).DataType())) {
			return true
		}
	}
	return false
}

// back marks what n depends on, going past a node only where pass allows it;
// n itself is marked only if it depends on itself.
func back(n *node, marks []bool, pass func(*node) bool) {
	if !pass(n) {
		return
	}
	stack := []*node{n}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, in := range n.in {
			if !marks[in.node.index] {
				marks[in.node.index] = true
				if pass(in.node) {
					stack = append(stack, in.node)
				}
			}
		}
	}
}

// forward marks what depends on n, in the same manner.
func forward(n *node, marks []bool, pass func(*node) bool) {
	stack := []*node{n}
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, u := range n.uses {
			if !marks[u.to.index] {
				marks[u.to.index] = true
				if pass(u.to) {
					stack = append(stack, u.to)
				}
			}
		}
	}
}
