package decide

import (
	"slices"

	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// dropConstantControls removes control edges to constants and to what is computed from
// constants alone, outside of loops: there is nothing to wait for.
func (b *body) dropConstantControls() {
	e := newEvaluator(b)
	isPlain := func(c string) bool { return e.isPlain(c[1:], 0) }
	for i, n := range b.nodes {
		if slices.ContainsFunc(controls(n), isPlain) {
			n = b.mutable(i)
			n.Input = append(slices.Clone(data(n)), slices.DeleteFunc(slices.Clone(controls(n)), isPlain)...)
		}
	}
}

// maxDepth bounds how far computations from constants are followed.
const maxDepth = 64

// isPlain reports whether a node is computed from constants alone, outside of conditionals
// and loops, and waits for nothing else.
func (e *evaluator) isPlain(name string, depth int) bool {
	if known, ok := e.plain[name]; ok || depth > maxDepth {
		return known
	}
	e.plain[name] = false
	n := e.byName[name]
	if n == nil || n.Op == "Enter" || n.Op == "Switch" || n.Op == "Merge" || n.Op != "Const" && n.Op != "NoOp" && e.eval(name) == nil {
		return false
	}
	e.plain[name] = !slices.ContainsFunc(n.Input, func(in string) bool { return !e.isPlain(nodedef.NodeName(in), depth+1) })
	return e.plain[name]
}

// after returns a control input for what a known tensor decided, if the computation of the
// tensor waits for something or may not run at all. It returns nil if it does not matter.
func (e *evaluator) after(t string) []string {
	name := nodedef.NodeName(t)
	if e.waits(name, map[string]bool{}) {
		return []string{"^" + name}
	}
	return nil
}

func (e *evaluator) waits(name string, seen map[string]bool) bool {
	n := e.byName[name]
	if n == nil || seen[name] || e.isPlain(name, 0) {
		return false
	}
	seen[name] = true
	if n.Op == "Switch" && e.input(n, 1) == nil {
		return true
	}
	return slices.ContainsFunc(n.Input, func(in string) bool {
		if nodedef.IsControl(in) {
			return !e.isPlain(in[1:], 0) && !e.isDecided(in[1:], seen)
		}
		return e.waits(nodedef.NodeName(in), seen)
	})
}

// isDecided reports whether a node only marks the side of a Switch that will be taken.
func (e *evaluator) isDecided(name string, seen map[string]bool) bool {
	n := e.byName[name]
	for hops := 0; n != nil && n.Op == "Identity" && len(n.Input) == 1 && hops < maxDepth; hops++ {
		n = e.byName[parse(n.Input[0]).node]
	}
	return n != nil && n.Op == "Switch" && e.input(n, 1) != nil && e.input(n, 0) != nil && !e.waits(n.Name, seen)
}

// runsForEffect reports whether a tensor needs nodes that do more than compute.
func (d *decider) runsForEffect(b *body, t string) bool {
	seen := map[string]bool{}
	queue := []string{nodedef.NodeName(t)}
	for len(queue) > 0 {
		n := b.byName[queue[0]]
		queue = queue[1:]
		if n == nil || seen[n.Name] {
			continue
		}
		seen[n.Name] = true
		if n.Op != argumentOp && n.Op != "Placeholder" && d.hasEffect(n) {
			return true
		}
		for _, in := range n.Input {
			queue = append(queue, nodedef.NodeName(in))
		}
	}
	return false
}
