package order

import (
	"slices"
	"strings"
)

// Graph has events, which are numbers from 0, and edges between them.
type Graph struct {
	next [][]edge
}

type edge struct {
	to   int
	loop string // the loop whose next iteration the edge leads to, "" for others
}

// Add adds an event.
func (g *Graph) Add() int {
	g.next = append(g.next, nil)
	return len(g.next) - 1
}

// Edge says that the event to happens after the event from.
func (g *Graph) Edge(from, to int) { g.next[from] = append(g.next[from], edge{to: to}) }

// Back says that the event to happens in the next iteration of a loop after the event
// from. The name of a loop begins with the name of the loop that it is in, and a slash.
func (g *Graph) Back(from, to int, loop string) {
	g.next[from] = append(g.next[from], edge{to: to, loop: loop})
}

// After returns the events that happen after an event, in the same iteration of a loop. The
// loop "" is the whole run. The event itself is one of them only if it is part of a cycle.
func (g *Graph) After(event int, loop string) Events {
	seen := Events{bits: make([]uint64, len(g.next)/64+1)}
	stack := []int{event}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, e := range g.next[at] {
			if !seen.Has(e.to) && (e.loop == "" || !Contains(e.loop, loop)) {
				seen.Add(e.to)
				stack = append(stack, e.to)
			}
		}
	}
	return seen
}

// Contains reports whether a loop is another one or has it inside.
func Contains(loop, inner string) bool {
	return inner == loop || strings.HasPrefix(inner, loop+"/") || loop == ""
}

// Events is a set of events.
type Events struct {
	bits []uint64
}

// Has reports whether an event is in the set.
func (e Events) Has(event int) bool {
	return event >= 0 && event/64 < len(e.bits) && e.bits[event/64]&(1<<(event%64)) != 0
}

// Add adds an event of the graph to the set.
func (e Events) Add(event int) { e.bits[event/64] |= 1 << (event % 64) }

// Bytes returns how much memory the set takes.
func (e Events) Bytes() int { return 8 * len(e.bits) }

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
