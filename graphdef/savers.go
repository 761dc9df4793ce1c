package graphdef

import "strings"

// saverOps are the ops by which a saver's scope is recognised, as in
// TensorFlow's list. (The op of the first savers is called SaveSlices, which
// that list misspells; RestoreV2 or RestoreSlice gives these away.)
var saverOps = map[string]bool{
	"SaveV2": true, "Save": true, "SaveSlice": true, "LegacySave": true, "LegacySaveSlice": true,
	"RestoreV2": true, "Restore": true, "RestoreSlice": true, "LegacyRestore": true, "LegacyRestoreSlice": true,
}

// ExtraneousSaverNodes gives the names of the nodes that belong to savers other
// than keep's (nil: to any saver): all nodes in a name scope that has ops which
// save or restore. It relies on each saver having a scope to itself.
func ExtraneousSaverNodes(g *GraphDef, keep *SaverDef) map[string]bool {
	saverNodes, scopes := map[string]bool{}, map[string]bool{}
	for _, n := range g.GetNode() {
		if saverOps[n.GetOp()] {
			saverNodes[n.GetName()] = true
		}
	}
	for name := range saverNodes {
		if scope := scopeOf(name); !saverNodes[scope] {
			scopes[scope+"/"] = true
		}
	}
	if keep != nil {
		delete(scopes, scopeOf(NodeName(keep.GetSaveTensorName()))+"/")
		delete(scopes, scopeOf(NodeName(keep.GetRestoreOpName()))+"/")
	}
	nodes := map[string]bool{}
	for _, n := range g.GetNode() {
		for scope := range scopes {
			if strings.HasPrefix(n.GetName(), scope) {
				nodes[n.GetName()] = true
				break
			}
		}
	}
	return nodes
}

// scopeOf is everything before a name's last slash.
func scopeOf(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}
