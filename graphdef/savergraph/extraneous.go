package savergraph

import (
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// scopeOps are the operations by which a Saver's scope is recognized, besides those of
// Ops: the rest of TensorFlow's own list, SAVE_AND_RESTORE_OPS in
// tensorflow/python/framework/meta_graph.py. That list misspells SaveSlices, which
// changes nothing: a RestoreV2 or RestoreSlice is in the same scope.
var scopeOps = []string{"SaveSlice", "LegacySave", "LegacySaveSlice", "LegacyRestore", "LegacyRestoreSlice"}

func marksScope(op string) bool {
	return op != "SaveSlices" &&
		(slices.Contains(saveOps, op) || slices.Contains(restoreOps, op) || slices.Contains(scopeOps, op))
}

// ExtraneousNodes returns the names of the nodes that belong to Savers other than keep's
// (nil: to any Saver): all nodes in a name scope that has operations which save or
// restore. It relies on each Saver having a scope to itself.
func ExtraneousNodes(g *graphdef.GraphDef, keep *graphdef.SaverDef) map[string]bool {
	saverNodes, scopes := map[string]bool{}, map[string]bool{}
	for _, n := range g.GetNode() {
		if marksScope(n.GetOp()) {
			saverNodes[n.GetName()] = true
		}
	}
	for name := range saverNodes {
		if scope := scopeOf(name); !saverNodes[scope] {
			scopes[scope+"/"] = true
		}
	}
	if keep != nil {
		delete(scopes, scopeOf(nodedef.NodeName(keep.GetSaveTensorName()))+"/")
		delete(scopes, scopeOf(nodedef.NodeName(keep.GetRestoreOpName()))+"/")
	}
	nodes := map[string]bool{}
	for _, n := range g.GetNode() {
		for i, c := range n.GetName() {
			if c == '/' && scopes[n.GetName()[:i+1]] {
				nodes[n.GetName()] = true
				break
			}
		}
	}
	return nodes
}

// scopeOf returns everything before a name's last slash.
func scopeOf(name string) string {
	return name[:max(strings.LastIndexByte(name, '/'), 0)]
}
