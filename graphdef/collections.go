package graphdef

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/collectiondef"
)

// Variables returns the variables that a meta graph lists, each once: those of
// "variables" first and then those of the other collections. A damaged entry is a
// tfkeep.ErrCorrupt that names the collection.
func Variables(mg *MetaGraphDef) ([]*VariableDef, error) {
	keys := append([]string{"variables"}, slices.Sorted(maps.Keys(mg.GetCollectionDef()))...)
	seen := map[string]bool{}
	var vars []*VariableDef
	for _, key := range keys {
		if !collectiondef.OfVariables(key) {
			continue
		}
		for _, data := range mg.GetCollectionDef()[key].GetBytesList().GetValue() {
			v := &VariableDef{}
			if err := proto.Unmarshal(data, v); err != nil {
				return nil, &tfkeep.Error{Op: "read variables", Item: "collection", Name: key, Err: tfkeep.ErrCorrupt, Cause: err}
			}
			if !seen[v.GetVariableName()] {
				seen[v.GetVariableName()] = true
				vars = append(vars, v)
			}
		}
	}
	return vars, nil
}
