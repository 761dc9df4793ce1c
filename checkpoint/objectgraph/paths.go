package objectgraph

import "slices"

// SlotSegment stands between the path of a variable and that of the optimizer
// in the names of slot variables.
const SlotSegment = ".OPTIMIZER_SLOT"

// Paths knows how the objects of a graph are reached from its root.
type Paths struct {
	ways []way
}

// way is the last step to an object: a name in its parent, or a slot's name in
// an optimizer, for a variable.
type way struct {
	known     bool
	parent    int // -1: the root itself
	name      string
	slot      bool
	optimizer int // parent is the variable then
}

// Paths finds, for every object, the path by which [Graph.Walk] reaches it
// first.
func (g *Graph) Paths() *Paths {
	p := &Paths{ways: make([]way, len(g.Objects))}
	parents := []int{}
	_ = g.Walk(func(s Step) error { // this visit does not fail
		parents = append(parents[:s.Depth], s.Object)
		if s.Again {
			return nil
		}
		w := way{known: true, parent: -1}
		if s.Depth > 0 {
			w.parent, w.name = parents[s.Depth-1], s.Path[s.Depth-1]
		}
		p.ways[s.Object] = w
		return nil
	})
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

// reached tells whether children lead to an object.
func (p *Paths) reached(object int) bool { return p.ways[object].known && !p.ways[object].slot }

// Of gives an object's path, the names from the root, which has none. A slot
// variable that no name leads to has the path that its key has in the
// checkpoint: the variable's, [SlotSegment], the optimizer's and the slot's
// name. False means that the object is not reached at all.
func (p *Paths) Of(object int) ([]string, bool) {
	w := p.ways[object]
	if !w.known {
		return nil, false
	}
	if w.slot {
		path, _ := p.Of(w.parent)
		optimizer, _ := p.Of(w.optimizer)
		return append(append(append(path, SlotSegment), optimizer...), w.name), true
	}
	path := []string{}
	for ; w.parent >= 0; w = p.ways[w.parent] {
		path = append(path, w.name)
	}
	slices.Reverse(path)
	return path, true
}
