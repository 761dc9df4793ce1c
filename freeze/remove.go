package freeze

import (
	"maps"
	"slices"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// remove removes nodes, and the control edges that lead to them. An edge through a
// removed node keeps its meaning: what waited for the node waits for what the node
// waited for.
func (b *body) remove(dead map[string]bool) {
	if len(dead) == 0 {
		return
	}
	r := &remover{body: b, dead: dead, standIns: map[string][]string{}}
	kept := make([]*graphdef.NodeDef, 0, len(b.nodes))
	for i, n := range b.nodes {
		if dead[n.Name] {
			continue
		}
		if slices.ContainsFunc(controlInputs(n), r.isDead) {
			n = b.mutable(i)
			n.Input = r.rewired(n)
		}
		kept = append(kept, n)
	}
	b.setNodes(kept)
	if b.fn != nil {
		maps.DeleteFunc(b.fn.ControlRet, func(_, node string) bool { return dead[node] })
	}
}

type remover struct {
	*body
	dead     map[string]bool
	standIns map[string][]string // dead node → the control inputs that replace it
}

func (r *remover) isDead(in string) bool { return r.dead[r.parse(in).node] }

// rewired returns the inputs of n, with the dead nodes among its control inputs
// replaced, and each control input once.
func (r *remover) rewired(n *graphdef.NodeDef) []string {
	inputs := slices.Clone(nodedef.DataInputs(n))
	have := map[string]bool{}
	for _, in := range controlInputs(n) {
		replacements := []string{in}
		if r.isDead(in) {
			replacements = r.standIn(r.parse(in).node, map[string]bool{})
		}
		for _, in := range replacements {
			if !have[in] && r.parse(in).node != n.Name {
				have[in] = true
				inputs = append(inputs, in)
			}
		}
	}
	return inputs
}

// standIn returns the control inputs that replace an edge to a dead node. seen are the
// nodes on the way, so that a cycle ends.
func (r *remover) standIn(name string, seen map[string]bool) []string {
	if known, ok := r.standIns[name]; ok {
		return known
	}
	if seen[name] {
		return nil
	}
	seen[name] = true
	var out []string
	for _, in := range controlInputs(r.node(name)) {
		if r.isDead(in) {
			out = append(out, r.standIn(r.parse(in).node, seen)...)
		} else {
			out = append(out, in)
		}
	}
	r.standIns[name] = out
	return out
}
