package autodiff

import (
	"strings"

	"github.com/tfkeep/tfkeep/graphdef/opdef"
)

// unit is the nodes of a scope that are computed again for the gradient, so that their results
// need not be kept. In the subgraph it is one node.
type unit struct {
	scope  string
	inside map[*node]bool
	nodes  []*node // in order
	outs   []port  // of nodes inside, which others use
}

// joinScopes joins the nodes of each scope to one node.
func (s *subgraph) joinScopes() error {
	for _, scope := range s.options.Recompute {
		if err := s.joinScope(strings.TrimSuffix(scope, "/")); err != nil {
			return err
		}
	}
	return nil
}

func (s *subgraph) joinScope(scope string) error {
	u := &unit{scope: scope, inside: make(map[*node]bool)}
	for _, n := range s.nodes {
		if strings.HasPrefix(n.name, scope+"/") && n.loop == nil && n.unit == nil && len(n.in) > 0 {
			u.inside[n] = true
			u.nodes = append(u.nodes, n)
		}
	}
	if len(u.nodes) == 0 {
		return nil
	}
	for _, x := range s.given {
		if n := s.byName[x.Op.Name()]; u.inside[n] {
			return invalid("x %s is in the scope %q, which is to be computed again; choose a scope that does not contain it", x.Op.Name(), scope)
		}
	}
	joined := &node{op: u.nodes[0].op, name: scope, typ: "scope", unit: u}
	index := make(map[port]int)
	for _, n := range s.nodes {
		for i, in := range n.in {
			if !u.inside[n] && u.inside[in.node] {
				n.in[i] = u.outPort(joined, in, index)
			}
			if u.inside[n] && !u.inside[in.node] {
				joined.in = append(joined.in, in)
			}
		}
	}
	joined.in = distinctPorts(joined.in)
	for i, y := range s.ys {
		if u.inside[y.node] {
			delete(s.isY, y)
			s.ys[i] = u.outPort(joined, y, index)
			s.isY[s.ys[i]] = true
		}
	}
	joined.live = make([]bool, len(u.outs))
	return s.sortAgain(joined, u)
}

// outPort returns the port of the joined node for one inside.
func (u *unit) outPort(joined *node, p port, index map[port]int) port {
	i, ok := index[p]
	if !ok {
		i = len(u.outs)
		index[p] = i
		u.outs = append(u.outs, p)
	}
	return port{joined, i}
}

func distinctPorts(ports []port) []port {
	seen := make(map[port]bool)
	kept := ports[:0]
	for _, p := range ports {
		if !seen[p] {
			seen[p] = true
			kept = append(kept, p)
		}
	}
	return kept
}

// sortAgain puts the nodes into order, with the joined one in place of those inside.
func (s *subgraph) sortAgain(joined *node, u *unit) error {
	all := s.nodes
	s.nodes = nil
	state := make(map[*node]int) // 1 while its inputs are visited, 2 after
	visit := func(root *node) error {
		type frame struct {
			n    *node
			next int
		}
		stack := []frame{{n: root}}
		state[root] = 1
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			if f.next == len(f.n.in) {
				state[f.n] = 2
				s.nodes = append(s.nodes, f.n)
				stack = stack[:len(stack)-1]
				continue
			}
			producer := f.n.in[f.next].node
			f.next++
			switch state[producer] {
			case 0:
				state[producer] = 1
				stack = append(stack, frame{n: producer})
			case 1:
				return invalid("the scope %q cannot be computed again as one: %q is outside of it and lies between its operations", u.scope, outsideOf(producer, f.n, joined))
			}
		}
		return nil
	}
	for _, n := range append([]*node{joined}, all...) {
		if state[n] == 0 && !u.inside[n] {
			if err := visit(n); err != nil {
				return err
			}
		}
	}
	for _, n := range s.nodes {
		n.uses = nil
	}
	for _, n := range s.nodes {
		for i, in := range n.in {
			in.node.uses = append(in.node.uses, use{in.index, n, i})
		}
	}
	return nil
}

// outsideOf returns the name of the node that is not the joined one.
func outsideOf(a, b, joined *node) string {
	if a != joined {
		return a.name
	}
	return b.name
}

// markLive follows live inputs through the unit, and returns which outputs are live.
func (u *unit) markLive(mark func(*node)) []bool {
	for _, n := range u.nodes {
		mark(n)
	}
	live := make([]bool, len(u.outs))
	for i, p := range u.outs {
		live[i] = p.isLive()
	}
	return live
}

// keepsResult reports whether an operation is not run a second time: it would have another result,
// as a random number generator has, or there is nothing to save.
func keepsResult(typ string) bool {
	def := opdef.Builtin().Get(typ)
	return def == nil || def.GetIsStateful() || typ == "Const"
}

// checkScopes refuses scopes without an operation on which the ys depend.
func (s *subgraph) checkScopes() error {
	for _, scope := range s.options.Recompute {
		prefix := strings.TrimSuffix(scope, "/") + "/"
		found := false
		for _, n := range s.nodes {
			found = found || n.unit != nil && n.unit.scope+"/" == prefix
			if n.loop == nil {
				continue
			}
			for name := range n.loop.body.byName {
				found = found || strings.HasPrefix(name, prefix)
			}
		}
		if !found {
			return invalid("recompute: the ys depend on no operation of the scope %q", scope)
		}
	}
	return nil
}
