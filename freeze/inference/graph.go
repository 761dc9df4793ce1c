package inference

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// graph is a graph that is being rewritten. Nodes are replaced and never changed, so the
// graph that it was made of stays as it was.
type graph struct {
	def    *graphdef.GraphDef
	byName map[string]*graphdef.NodeDef
	uses   map[string]int // data and control edges that leave a node
	keep   map[string]bool
}

// newGraph returns a graph with the nodes of def. keep are nodes that must survive.
func newGraph(def *graphdef.GraphDef, keep []string) *graph {
	g := &graph{
		def:    edit.WithNodes(def, slices.Clone(def.GetNode())),
		byName: make(map[string]*graphdef.NodeDef, len(def.GetNode())),
		keep:   map[string]bool{},
	}
	for _, n := range g.def.Node {
		g.byName[n.Name] = n
	}
	g.uses = g.countUses()
	for _, k := range keep {
		g.keep[nodedef.NodeName(k)] = true
	}
	return g
}

func (g *graph) countUses() map[string]int {
	uses := map[string]int{}
	for _, n := range g.def.Node {
		for _, in := range n.Input {
			uses[nodedef.NodeName(in)]++
		}
	}
	return uses
}

// input returns the node whose first output is data input i of n, nil without one.
func (g *graph) input(n *graphdef.NodeDef, i int) *graphdef.NodeDef {
	if i >= len(n.Input) || nodedef.IsControl(n.Input[i]) {
		return nil
	}
	name, output, err := graphdef.ParseTensorName(n.Input[i])
	if err != nil || output != 0 {
		return nil
	}
	return g.byName[name]
}

// skipIdentities returns the node behind Identity nodes, which freezing leaves where
// variables were read.
func (g *graph) skipIdentities(n *graphdef.NodeDef) *graphdef.NodeDef {
	for hops := 0; n != nil && n.Op == "Identity" && hops < 64; hops++ {
		n = g.input(n, 0)
	}
	return n
}

// replace replaces the node called name by others.
func (g *graph) replace(name string, with ...*graphdef.NodeDef) {
	i := slices.IndexFunc(g.def.Node, func(n *graphdef.NodeDef) bool { return n.Name == name })
	if i >= 0 {
		g.def.Node = slices.Replace(g.def.Node, i, i+1, with...)
	}
	delete(g.byName, name)
	for _, n := range with {
		g.byName[n.Name] = n
	}
}

// freeName returns a name that the graph does not have yet.
func (g *graph) freeName(name string) string {
	free := name
	for i := 1; g.byName[free] != nil; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	return free
}

// prune removes the candidates that nothing uses any more, and what only they used.
func (g *graph) prune(candidates map[string]bool) {
	for changed := true; changed; {
		uses := g.countUses()
		before := len(g.def.Node)
		g.def.Node = slices.DeleteFunc(g.def.Node, func(n *graphdef.NodeDef) bool {
			unused := candidates[n.Name] && uses[n.Name] == 0 && !g.keep[n.Name]
			if unused {
				for _, in := range n.Input {
					candidates[nodedef.NodeName(in)] = true
				}
			}
			return unused
		})
		changed = len(g.def.Node) < before
	}
}

func clone(n *graphdef.NodeDef) *graphdef.NodeDef { return proto.Clone(n).(*graphdef.NodeDef) }
