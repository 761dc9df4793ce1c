package objectgraph

import "slices"

// slotSegment separates the path of a variable from that of the optimizer in the
// names of slot variables.
const slotSegment = ".OPTIMIZER_SLOT"

// Paths holds the path from a graph's root to each of its objects.
type Paths struct {
	ways []way
}

// way is the last step to an object: its name in its parent or, for a slot
// variable, the slot's name in an optimizer.
type way struct {
	known     bool
	parent    int // -1: the root itself
	name      string
	slot      bool
	optimizer int // parent is the variable then
}

// Paths finds the path by which [Graph.Walk] first reaches each object.
func (g *Graph) Paths() *Paths {
	p := &Paths{ways: make([]way, len(g.Objects))}
	parents := []int{}
	for s := range g.Walk() {
		parents = append(parents[:s.Depth], s.Object)
		if s.Again {
			continue
		}
		w := way{known: true, parent: -1}
		if s.Depth > 0 {
			w.parent, w.name = parents[s.Depth-1], s.Path[s.Depth-1]
		}
		p.ways[s.Object] = w
	}
	for i, o := range g.Objects {
		if !p.reached(i) {
			continue
		}
		for _, s := range o.Slots {
			if p.reached(s.Variable) && !p.ways[s.Object].known {
				p.ways[s.Object] = way{known: true, parent: s.Variable, name: s.Name, slot: true, optimizer: i}
			}
		}
	}
	return p
}

// reached reports whether a chain of children leads to an object.
func (p *Paths) reached(object int) bool { return p.ways[object].known && !p.ways[object].slot }

// Of returns an object's path: the names from the root, whose own path is empty. A
// slot variable that no name leads to has the path that its key has in the
// checkpoint: the variable's path, ".OPTIMIZER_SLOT", the optimizer's path and the
// slot's name. Of returns false if nothing leads to the object, or if there is none.
func (p *Paths) Of(object int) ([]string, bool) {
	if p == nil || object < 0 || object >= len(p.ways) {
		return nil, false
	}
	w := p.ways[object]
	if !w.known {
		return nil, false
	}
	if w.slot {
		path, _ := p.Of(w.parent)
		optimizer, _ := p.Of(w.optimizer)
		return append(append(append(path, slotSegment), optimizer...), w.name), true
	}
	path := []string{}
	for ; w.parent >= 0; w = p.ways[w.parent] {
		path = append(path, w.name)
	}
	slices.Reverse(path)
	return path, true
}
