package autodiff

import "github.com/tfkeep/tfkeep/internal/graphbuild"

// region is a set of nodes that the library differentiates in one call.
type region struct {
	nodes []*node
	has   map[*node]bool
	x     []port // what the gradient is computed for: inputs from outside, and xs of the caller inside
	y     []port // where a gradient comes in from outside
}

// schedule is the order in which nodes are differentiated, and by whom: for each level
// from 0 on, first the nodes of its region by the library, then its separate nodes.
type schedule struct {
	graph    *subgraph
	regions  []region  // by level; a region may be empty
	separate [][]*node // by level
}

func newSchedule(g *subgraph) (*schedule, error) {
	if err := g.checkInside(); err != nil {
		return nil, err
	}
	if err := g.checkStacks(); err != nil {
		return nil, err
	}
	for _, n := range g.nodes {
		switch {
		case !n.onPath:
			continue
		case controlFlowOps[n.typ] && n.loop == nil && !isSwitch(n.typ) && !isMerge(n.typ):
			return nil, controlFlow(n)
		}
		var err error
		if n.rule, err = ruleFor(n, g); err != nil {
			return nil, err
		}
	}
	for {
		s := &schedule{graph: g}
		s.setLevels()
		s.split()
		clean := true
		for i := range s.regions {
			for _, n := range s.nodesToIsolate(&s.regions[i]) {
				n.isolated, clean = true, false
			}
		}
		if clean {
			return s, nil
		}
	}
}

func (s *schedule) setLevels() {
	for i := len(s.graph.nodes) - 1; i >= 0; i-- {
		n := s.graph.nodes[i]
		n.level = 0
		for _, u := range n.uses {
			if !u.to.onPath || !n.live[u.output] {
				continue
			}
			level := u.to.level
			if u.to.separate() {
				level++
			}
			n.level = max(n.level, level)
		}
	}
}

// split fills the regions and the lists of separate nodes, both in the order in which
// their gradients are computed.
func (s *schedule) split() {
	levels := 0
	for _, n := range s.graph.nodes {
		if n.onPath {
			levels = max(levels, n.level+1)
		}
	}
	s.regions = make([]region, levels)
	s.separate = make([][]*node, levels)
	for i := len(s.graph.nodes) - 1; i >= 0; i-- {
		n := s.graph.nodes[i]
		switch {
		case !n.onPath:
		case n.separate():
			s.separate[n.level] = append(s.separate[n.level], n)
		default:
			r := &s.regions[n.level]
			if r.has == nil {
				r.has = make(map[*node]bool)
			}
			r.nodes = append(r.nodes, n)
			r.has[n] = true
		}
	}
	for i := range s.regions {
		s.findEdges(&s.regions[i])
	}
}

// findEdges finds the tensors at the edges of a region.
func (s *schedule) findEdges(r *region) {
	seen := make(map[port]bool)
	add := func(x port) {
		if !seen[x] {
			seen[x] = true
			r.x = append(r.x, x)
		}
	}
	outside := func(n *node) bool { return n.onPath && !r.has[n] }
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
			if s.graph.isX[out] {
				add(out)
			}
			if s.graph.isY[out] || out.hasUse(outside) {
				r.y = append(r.y, out)
			}
		}
	}
}

// nodesToIsolate returns the nodes of a region that the library must not differentiate
// in one call with the others, because the call would leave the region through them.
func (s *schedule) nodesToIsolate(r *region) []*node {
	if len(r.nodes) == 0 {
		return nil
	}
	stray := s.strayNodes(r)
	if len(stray) == 0 {
		return nil
	}
	outside := func(n *node) bool { return !r.has[n] }
	// A stray node on the path of the gradient is reached from an x that has a second use
	// in the region: isolate the nodes of that use. On another path, isolate the nodes
	// where it comes back into the region.
	second, entered := s.newMarks(), s.newMarks()
	for _, n := range stray {
		if n.onPath {
			markBackward(n, second, everyNode)
		} else {
			markForward(n, entered, outside)
			entered[n.index] = true
		}
	}
	isolate := nodesFedBy(r, func(in port) bool {
		return outside(in.node) && (in.isLive() && second[in.node.index] || entered[in.node.index])
	})
	if len(isolate) > 0 {
		return isolate
	}
	for _, n := range stray {
		entered[n.index] = true
		markForward(n, entered, outside)
	}
	return nodesFedBy(r, func(in port) bool { return outside(in.node) && entered[in.node.index] })
}

// nodesFedBy returns the nodes of a region that have an input for which match returns true.
func nodesFedBy(r *region, match func(in port) bool) []*node {
	var nodes []*node
	for _, n := range r.nodes {
		for _, in := range n.in {
			if match(in) {
				nodes = append(nodes, n)
				break
			}
		}
	}
	return nodes
}

// strayNodes returns the nodes outside a region that make it wrong to differentiate the
// region in one call. The call follows every path from an x to a y, whatever lies on it.
// On a path that leaves the region, it would count a gradient twice that comes back
// through a separate node, follow a path that Python does not follow (through integers),
// or end in an operation that it cannot differentiate.
func (s *schedule) strayNodes(r *region) []*node {
	carries := func(n *node) bool { return !libraryStops[n.typ] }
	toY, carriedToY := s.newMarks(), s.newMarks()
	for _, y := range r.y {
		markBackward(y.node, toY, everyNode)
		markBackward(y.node, carriedToY, carries)
	}
	fromX, carriedFromX := s.newMarks(), s.newMarks()
	for _, x := range r.x {
		markForward(x.node, fromX, everyNode)
		markForward(x.node, carriedFromX, carries)
	}
	var stray []*node
	for _, n := range s.graph.nodes {
		switch i := n.index; {
		case r.has[n] || !fromX[i] || !toY[i]:
		case controlFlowOps[n.typ]:
			stray = append(stray, n)
		case !carriedToY[i] || libraryStops[n.typ]:
		case carriedFromX[i], !libraryGradients[n.typ] && hasDifferentiableOutput(n):
			stray = append(stray, n)
		}
	}
	return stray
}

func hasDifferentiableOutput(n *node) bool {
	for i := range n.live {
		if differentiable(graphbuild.TypeOf(port{n, i}.output())) {
			return true
		}
	}
	return false
}

// newMarks returns marks for the nodes of the subgraph, by their index.
func (s *schedule) newMarks() []bool { return make([]bool, len(s.graph.nodes)) }

func everyNode(*node) bool { return true }

// markBackward marks the nodes on which n depends. It goes past a node only if pass
// returns true for it. n itself is marked only if it depends on itself.
func markBackward(n *node, marks []bool, pass func(*node) bool) {
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

// markForward marks the nodes that depend on n. It goes past a node other than n only if
// pass returns true for it.
func markForward(n *node, marks []bool, pass func(*node) bool) {
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
