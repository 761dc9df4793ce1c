package graphdef

import "strings"

// cycle finds a cycle among the nodes. The way back of a while loop, from a
// NextIteration to a Merge, is the one that a graph may have. The walk keeps
// its own stack, for a graph may be a chain of any length.
func (c *checker) cycle(nodes []*NodeDef, index map[string]int) {
	const (
		unseen = iota
		open
		done
	)
	state := make([]uint8, len(nodes))
	type step struct{ node, next int }
	for start := range nodes {
		if state[start] != unseen {
			continue
		}
		stack := []step{{node: start}}
		state[start] = open
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			n := nodes[top.node]
			if top.next == len(n.GetInput()) {
				state[top.node] = done
				stack = stack[:len(stack)-1]
				continue
			}
			i, ok := index[NodeName(n.GetInput()[top.next])]
			top.next++
			if !ok || isLoopEdge(nodes[i], n) {
				continue
			}
			switch state[i] {
			case unseen:
				state[i] = open
				stack = append(stack, step{node: i})
			case open:
				var path []string
				for j := len(stack) - 1; j >= 0; j-- {
					path = append(path, nodes[stack[j].node].GetName())
					if stack[j].node == i {
						break
					}
				}
				c.fault(nodes[i].GetName(), "is part of a cycle: %s", describePath(append([]string{nodes[i].GetName()}, path...)))
				state[i] = done // one report for each way into it is enough
			}
		}
	}
}

func isLoopEdge(from, to *NodeDef) bool {
	switch to.GetOp() {
	case "Merge", "RefMerge":
		return from.GetOp() == "NextIteration" || from.GetOp() == "RefNextIteration"
	}
	return false
}

// describePath writes a long path as its two ends.
func describePath(path []string) string {
	const shown = 8
	if len(path) > shown {
		path = append(append(append([]string{}, path[:shown/2]...), "…"), path[len(path)-shown/2:]...)
	}
	return strings.Join(path, " → ")
}
