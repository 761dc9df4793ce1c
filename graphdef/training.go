package graphdef

import "google.golang.org/protobuf/proto"

// RemoveTrainingNodes gives a copy of a graph without the nodes that only
// training needs: every CheckNumerics, and each Identity and StopGradient that
// takes no part in ordering, its consumers being connected to its input. Nodes
// in protected are kept, and so is one that has control inputs, is a control
// input of another, or has something colocated with it. It is TensorFlow's
// remove_training_nodes, except that the function library and the versions stay.
func RemoveTrainingNodes(g *GraphDef, protected []string) *GraphDef {
	keep := map[string]bool{}
	for _, name := range protected {
		keep[name] = true
	}
	// What a removed node's consumers get instead: its own first input, or
	// nothing where it has none.
	instead := map[string]string{}
	checks := map[string]bool{}
	for _, n := range g.GetNode() {
		if n.GetOp() == "CheckNumerics" && !keep[n.GetName()] {
			checks[n.GetName()] = true
			if len(n.GetInput()) > 0 {
				instead[n.GetName()] = n.GetInput()[0]
			}
		}
	}
	for _, n := range g.GetNode() {
		if checks[n.GetName()] {
			continue
		}
		for _, input := range n.GetInput() {
			if IsControl(input) && !checks[NodeName(input)] {
				keep[NodeName(input)], keep[n.GetName()] = true, true
			}
		}
		for _, name := range Colocations(n) {
			keep[name] = true
		}
	}
	spliced := map[string]bool{}
	for _, n := range g.GetNode() {
		switch n.GetOp() {
		case "Identity", "StopGradient":
			if !keep[n.GetName()] && len(n.GetInput()) > 0 {
				spliced[n.GetName()] = true
				instead[n.GetName()] = n.GetInput()[0]
			}
		}
	}

	var nodes []*NodeDef
	for _, n := range g.GetNode() {
		if checks[n.GetName()] || spliced[n.GetName()] {
			continue
		}
		n = proto.Clone(n).(*NodeDef)
		inputs := n.Input
		n.Input = nil
		for _, input := range inputs {
			if IsControl(input) && checks[NodeName(input)] {
				continue
			}
			if input = follow(input, instead); input != "" {
				n.Input = append(n.Input, input)
			}
		}
		nodes = append(nodes, n)
	}
	return WithNodes(g, nodes)
}

// follow replaces an input by what stands in for it, over chains of removed
// nodes. A ring of them, which no sound graph has, ends where it began.
func follow(input string, instead map[string]string) string {
	for range len(instead) + 1 {
		next, ok := instead[NodeName(input)]
		if !ok || IsControl(input) {
			return input
		}
		input = next
	}
	return input
}
