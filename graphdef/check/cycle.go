package check

import (
	"iter"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// checkCycles finds cycles among the nodes. The back edge of a while loop, from a
// NextIteration to a Merge, is the only one that a graph may have.
func (c *checker) checkCycles(nodes []*graphdef.NodeDef, index map[string]int) {
	inputs := make([][]int, len(nodes))
	for i, n := range nodes {
		for _, input := range n.GetInput() {
			if from, ok := index[nodedef.NodeName(input)]; ok && !isLoopEdge(nodes[from], n) {
				inputs[i] = append(inputs[i], from)
			}
		}
	}
	reported := map[int]bool{} // one report for each node that closes a cycle is enough
	for path, to := range cycles(inputs) {
		if reported[to] {
			continue
		}
		reported[to] = true
		name := nodes[to].GetName()
		names := []string{name}
		for _, i := range slices.Backward(path[slices.Index(path, to):]) {
			names = append(names, nodes[i].GetName())
		}
		c.addFault(name, "is part of a cycle: %s", shortPath(names))
	}
	c.checkDepth(nodes, inputs)
}

func isLoopEdge(from, to *graphdef.NodeDef) bool {
	switch to.GetOp() {
	case "Merge", "RefMerge":
		return from.GetOp() == "NextIteration" || from.GetOp() == "RefNextIteration"
	}
	return false
}

// shortPath joins the names of a path. If it is long, only its two ends are shown.
func shortPath(path []string) string {
	const shown = 8
	if len(path) > shown {
		path = slices.Concat(path[:shown/2], []string{"…"}, path[len(path)-shown/2:])
	}
	return strings.Join(path, " → ")
}

// cycles walks a graph depth first, given the edges of each vertex. For each edge
// that leads back to a vertex on the current path it yields the path and that vertex.
// It keeps its own stack, because a graph may be a chain of any length.
func cycles(edges [][]int) iter.Seq2[[]int, int] {
	const (
		unseen = iota
		open   // on the path
		done
	)
	return func(yield func([]int, int) bool) {
		state := make([]uint8, len(edges))
		var path, next []int // the path, and how many edges of each vertex are followed
		for start := range edges {
			if state[start] != unseen {
				continue
			}
			state[start] = open
			path, next = append(path, start), append(next, 0)
			for len(path) > 0 {
				last := len(path) - 1
				v := path[last]
				if next[last] == len(edges[v]) {
					state[v] = done
					path, next = path[:last], next[:last]
					continue
				}
				to := edges[v][next[last]]
				next[last]++
				if state[to] == unseen {
					state[to] = open
					path, next = append(path, to), append(next, 0)
				} else if state[to] == open && !yield(path, to) {
					return
				}
			}
		}
	}
}
