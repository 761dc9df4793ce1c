package order

import "slices"

// Graph has events, which are numbers from 0, and edges between them.
type Graph struct {
	next, prev [][]int
}

// Add adds an event.
func (g *Graph) Add() int {
	g.next, g.prev = append(g.next, nil), append(g.prev, nil)
	return len(g.next) - 1
}

// Edge says that the event to happens after the event from.
func (g *Graph) Edge(from, to int) {
	g.next[from], g.prev[to] = append(g.next[from], to), append(g.prev[to], from)
}

// After returns the events that happen after an event. The event itself is one of them
// only if it is part of a cycle.
func (g *Graph) After(event int) Events { return reach(g.next, event) }

// Before returns the events that happen before an event.
func (g *Graph) Before(event int) Events { return reach(g.prev, event) }

// Events is a set of events.
type Events []bool

func reach(edges [][]int, from int) Events {
	seen := make(Events, len(edges))
	stack := []int{from}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, to := range edges[at] {
			if !seen[to] {
				seen[to] = true
				stack = append(stack, to)
			}
		}
	}
	return seen
}

// Side is one side of a condition: what happens on it does not happen in a run in which the other
// side is taken.
type Side struct {
	Predicate string
	Taken     bool
}

// Exclusive reports whether two lists of sides never hold in the same run.
func Exclusive(a, b []Side) bool {
	return slices.ContainsFunc(a, func(s Side) bool { return slices.Contains(b, Side{s.Predicate, !s.Taken}) })
}

// Access is an access to a variable.
type Access struct {
	Event  int
	Sides  []Side // the sides of conditions on which it happens
	Writes bool

	// Uses are where what was read at Event is looked at later, in the memory of the
	// variable, which later writes change.
	Uses []Use
}

// Use is one later look at what was read.
type Use struct {
	Event int
	Sides []Side
	Last  bool // at the end of the run, or at an unknown time
}

// Race is a pair of accesses to one variable whose order is not known.
type Race struct {
	Access, Write int // positions in the list of accesses

	// Late means that the write happens while what was read is still in use.
	Late bool
}

// Find returns for each access the positions of the writes that happen before it.
func (g *Graph) Find(accesses []Access) ([][]int, *Race) {
	before := make([][]int, len(accesses))
	for w, write := range accesses {
		if !write.Writes {
			continue
		}
		after, earlier := g.After(write.Event), g.Before(write.Event)
		for a, access := range accesses {
			switch {
			case Exclusive(access.Sides, write.Sides), a == w && !after[access.Event]:
			case after[access.Event]: // in a cycle, an access happens after itself
				before[a] = append(before[a], w)
			case !earlier[access.Event] && access.Event != write.Event:
				return nil, &Race{Access: a, Write: w}
			case slices.ContainsFunc(access.Uses, func(u Use) bool { return u.late(write, earlier) }):
				return nil, &Race{Access: a, Write: w, Late: true}
			}
		}
	}
	return before, nil
}

// late reports whether a write may happen before a use. earlier are the events before the
// write.
func (u Use) late(write Access, earlier Events) bool {
	if Exclusive(u.Sides, write.Sides) {
		return false
	}
	return u.Last || u.Event != write.Event && !earlier[u.Event]
}
