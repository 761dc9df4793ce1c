package offline

import (
	"slices"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// DefaultDenylist returns the operations that saved_model_cli's scan finds: they read or
// write files of the machine, or print.
func DefaultDenylist() []string { return []string{"ReadFile", "WriteFile", "PrintV2"} }

// Finding is an operation of a denylist in a model.
type Finding struct {
	Tags     []string // of the graph
	Function string   // the library function that has the node, "" for the graph
	Node, Op string
}

// Scan finds the operations of a denylist, nil for [DefaultDenylist], in all graphs of a
// model and in their functions.
func Scan(sm *graphdef.SavedModel, denylist []string) []Finding {
	if denylist == nil {
		denylist = DefaultDenylist()
	}
	var found []Finding
	for _, mg := range sm.GetMetaGraphs() {
		for function, n := range nodedef.AllNodes(mg.GetGraphDef()) {
			if slices.Contains(denylist, n.GetOp()) {
				found = append(found, Finding{Tags: slices.Clone(mg.GetMetaInfoDef().GetTags()), Function: function, Node: n.GetName(), Op: n.GetOp()})
			}
		}
	}
	return found
}
