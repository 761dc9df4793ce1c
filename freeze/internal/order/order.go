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
	seen := make(Events, len(g.next))
	stack := []int{event}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, e := range g.next[at] {
			if !seen[e.to] && (e.loop == "" || !Contains(e.loop, loop)) {
				seen[e.to] = true
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
type Events []bool

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
