package offline

import (
	"fmt"
	"slices"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/internal/modeldir"
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

// Refusal is a node that loading a model would run and refuses, or that a signature would
// run and should not in a service for strangers' models.
type Refusal struct {
	Tags []string // of the graph
	safety.Finding
}

// Refused returns what package savedmodel refuses in a model: when it imports, restores or
// initializes each graph, and, if LoadOptions.CheckSignatures is set, in its signatures.
// o has the ops that may run, and the limits, as LoadOptions.AllowOps and LoadOptions.Limits
// have; it may be nil. An error reports that a graph contradicts itself.
func Refused(sm *graphdef.SavedModel, o *safety.ImportOptions) ([]Refusal, error) {
	var all []Refusal
	for _, mg := range sm.GetMetaGraphs() {
		tags := slices.Clone(mg.GetMetaInfoDef().GetTags())
		plan, err := safety.NewPlan(mg)
		if err != nil {
			return all, fmt.Errorf("graph with tags %s: %w", modeldir.TagSet(tags), err)
		}
		for _, f := range plan.Findings(o) {
			all = append(all, Refusal{Tags: tags, Finding: f})
		}
	}
	return all, nil
}
