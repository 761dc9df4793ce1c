package graphdef

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
)

// CollectionLen returns the number of items in a collection.
func CollectionLen(c *CollectionDef) int {
	return len(c.GetNodeList().GetValue()) + len(c.GetBytesList().GetValue()) +
		len(c.GetInt64List().GetValue()) + len(c.GetFloatList().GetValue()) + len(c.GetAnyList().GetValue())
}

// variableCollections are the collections of variables: their items are serialized
// VariableDefs, and equal ones are one variable.
var variableCollections = map[string]bool{
	"variables": true, "trainable_variables": true, "local_variables": true, "model_variables": true,
	"moving_average_variables": true, "metric_variables": true, "global_step": true,
}

// IsVariableCollection reports whether the items of a collection are VariableDefs.
func IsVariableCollection(key string) bool { return variableCollections[key] }

// Variables returns the variables that a meta graph lists, each once: those of
// "variables" first and then those of the other collections. A damaged entry is a
// tfkeep.ErrCorrupt that names the collection.
func Variables(mg *MetaGraphDef) ([]*VariableDef, error) {
	keys := append([]string{"variables"}, slices.Sorted(maps.Keys(mg.GetCollectionDef()))...)
	seen := map[string]bool{}
	var vars []*VariableDef
	for _, key := range keys {
		if !variableCollections[key] {
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
