package edit

import (
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// RemoveTraining returns a copy of a graph without the nodes that only training
// needs: every CheckNumerics, and each Identity and StopGradient that does not affect
// the order of other nodes. Their consumers are connected to their inputs. Nodes in
// protected are kept, and so is a node that has control inputs, is a control input of
// another node, or has a node colocated with it. It is TensorFlow's
// remove_training_nodes, except that the function library and the versions stay.
func RemoveTraining(g *graphdef.GraphDef, protected []string) *graphdef.GraphDef {
	r := findTraining(g, protected)
	var nodes []*graphdef.NodeDef
	for _, n := range g.GetNode() {
		if r.removed(n) {
			continue
		}
		n = proto.Clone(n).(*graphdef.NodeDef)
		inputs := n.Input
		n.Input = nil
		for _, input := range inputs {
			if nodedef.IsControl(input) && r.checks[nodedef.NodeName(input)] {
				continue
			}
			if input = r.follow(input); input != "" {
				n.Input = append(n.Input, input)
			}
		}
		nodes = append(nodes, n)
	}
	return WithNodes(g, nodes)
}

// trainingNodes are the nodes that RemoveTraining removes.
type trainingNodes struct {
	checks   map[string]bool   // the CheckNumerics
	bypassed map[string]bool   // the Identities and StopGradients
	source   map[string]string // the first input of each removed node that has one
}

func findTraining(g *graphdef.GraphDef, protected []string) *trainingNodes {
	r := &trainingNodes{checks: map[string]bool{}, bypassed: map[string]bool{}, source: map[string]string{}}
	keep := map[string]bool{}
	for _, name := range protected {
		keep[name] = true
	}
	for _, n := range g.GetNode() {
		if n.GetOp() == "CheckNumerics" && !keep[n.GetName()] {
			r.checks[n.GetName()] = true
			if len(n.GetInput()) > 0 {
				r.source[n.GetName()] = n.GetInput()[0]
			}
		}
	}
	for _, n := range g.GetNode() {
		if r.checks[n.GetName()] {
			continue
		}
		for _, input := range n.GetInput() {
			if nodedef.IsControl(input) && !r.checks[nodedef.NodeName(input)] {
				keep[nodedef.NodeName(input)], keep[n.GetName()] = true, true
			}
		}
		for _, name := range nodedef.Colocations(n) {
			keep[name] = true
		}
	}
	for _, n := range g.GetNode() {
		switch n.GetOp() {
		case "Identity", "StopGradient":
			if !keep[n.GetName()] && len(n.GetInput()) > 0 {
				r.bypassed[n.GetName()] = true
				r.source[n.GetName()] = n.GetInput()[0]
			}
		}
	}
	return r
}

func (r *trainingNodes) removed(n *graphdef.NodeDef) bool {
	return r.checks[n.GetName()] || r.bypassed[n.GetName()]
}

// follow returns the input that replaces input, past any number of removed nodes. In
// a cycle of removed nodes, which no valid graph has, it ends where it began.
func (r *trainingNodes) follow(input string) string {
	for range len(r.source) + 1 {
		next, ok := r.source[nodedef.NodeName(input)]
		if !ok || nodedef.IsControl(input) {
			return input
		}
		input = next
	}
	return input
}
