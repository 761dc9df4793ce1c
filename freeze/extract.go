package freeze

import (
	"fmt"
	"strings"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
)

const colocated = "loc:@"

// extract keeps the nodes of b that roots need, in their order.
func (b *body) extract(roots []string) error {
	sub, err := edit.Extract(&graphpb.GraphDef{Node: b.nodes}, roots)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadGraph, err)
	}
	ours := make(map[string]bool, len(b.cloned))
	for i, mine := range b.cloned {
		if mine {
			ours[b.nodes[i].Name] = true
		}
	}
	kept := newBody(sub.Node, b.fn)
	for i, n := range kept.nodes {
		kept.cloned[i] = ours[n.Name]
	}
	*b = *kept
	return nil
}

// dropLostColocations forgets colocation with nodes that are not there any
// more; TensorFlow refuses to import it.
func (b *body) dropLostColocations() {
	for i, n := range b.nodes {
		lost := false
		for _, c := range graphdef.Colocations(n) {
			if _, ok := b.index[c]; !ok {
				lost = true
			}
		}
		if !lost {
			continue
		}
		list := b.mutable(i).Attr["_class"].GetList()
		kept := list.S[:0:0]
		for _, s := range list.S {
			name, ok := strings.CutPrefix(string(s), colocated)
			if _, there := b.index[name]; !ok || there {
				kept = append(kept, s)
			}
		}
		if list.S = kept; len(kept) == 0 {
			delete(b.nodes[i].Attr, "_class")
		}
	}
}
