package inference

import (
	"fmt"
	"strings"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// net is a graph under rewriting.
type net struct {
	def    *graphpb.GraphDef
	byName map[string]*nodepb.NodeDef
	uses   map[string]int // data and control edges that leave a node
	keep   map[string]bool
}

// open copies the list of nodes of def, and counts edges. Nodes are replaced
// and never written to, so def stays as it was.
func open(def *graphpb.GraphDef, keep []string) *net {
	g := &net{
		def:    &graphpb.GraphDef{Node: append([]*nodepb.NodeDef(nil), def.Node...), Library: def.Library, Versions: def.Versions},
		byName: make(map[string]*nodepb.NodeDef, len(def.Node)),
		uses:   map[string]int{},
		keep:   map[string]bool{},
	}
	for _, n := range g.def.Node {
		g.byName[n.Name] = n
		for _, in := range n.Input {
			g.uses[nodeOf(in)]++
		}
	}
	for _, k := range keep {
		g.keep[nodeOf(k)] = true
	}
	return g
}

// nodeOf is the name of the node that an input comes from.
func nodeOf(in string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(in, "^"), ":")
	return name
}

// input returns the node whose first output is input i of n.
func (g *net) input(n *nodepb.NodeDef, i int) *nodepb.NodeDef {
	if i >= len(n.Input) || strings.HasPrefix(n.Input[i], "^") {
		return nil
	}
	name, port, _ := strings.Cut(n.Input[i], ":")
	if port != "" && port != "0" {
		return nil
	}
	return g.byName[name]
}

// through looks past Identity nodes, which freezing leaves where reads were.
func (g *net) through(n *nodepb.NodeDef) *nodepb.NodeDef {
	for hops := 0; n != nil && n.Op == "Identity" && hops < 64; hops++ {
		n = g.input(n, 0)
	}
	return n
}

// replace puts other in the place of the node called name, and before it the
// nodes it needs.
func (g *net) replace(name string, with ...*nodepb.NodeDef) {
	for i, n := range g.def.Node {
		if n.Name == name {
			g.def.Node = append(g.def.Node[:i], append(with, g.def.Node[i+1:]...)...)
			break
		}
	}
	delete(g.byName, name)
	for _, n := range with {
		g.byName[n.Name] = n
	}
}

// fresh is a name that the graph does not have yet.
func (g *net) fresh(name string) string {
	for i, c := 0, name; ; i++ {
		if g.byName[c] == nil {
			return c
		}
		c = fmt.Sprintf("%s_%d", name, i+1)
	}
}

// prune drops the constants that nothing uses any more.
func (g *net) prune(candidates map[string]bool) {
	for changed := true; changed; {
		changed = false
		uses := map[string]int{}
		for _, n := range g.def.Node {
			for _, in := range n.Input {
				uses[nodeOf(in)]++
			}
		}
		kept := g.def.Node[:0:0]
		for _, n := range g.def.Node {
			if candidates[n.Name] && uses[n.Name] == 0 && !g.keep[n.Name] {
				changed = true
				for _, in := range n.Input {
					candidates[nodeOf(in)] = true
				}
				continue
			}
			kept = append(kept, n)
		}
		g.def.Node = kept
	}
}

func clone(n *nodepb.NodeDef) *nodepb.NodeDef { return proto.Clone(n).(*nodepb.NodeDef) }
