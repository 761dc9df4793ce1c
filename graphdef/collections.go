package graphdef

import (
	"maps"
	"slices"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
)

// The kinds of list that a CollectionDef holds one of, as its field "kind".
const (
	NodeList  = "node_list"
	BytesList = "bytes_list"
	Int64List = "int64_list"
	FloatList = "float_list"
	AnyList   = "any_list"
)

// CollectionKind gives the kind of a collection, or "" where it has none, which
// TensorFlow skips on import.
func CollectionKind(c *CollectionDef) string {
	switch c.GetKind().(type) {
	case *for_core_protos_go_proto.CollectionDef_NodeList_:
		return NodeList
	case *for_core_protos_go_proto.CollectionDef_BytesList_:
		return BytesList
	case *for_core_protos_go_proto.CollectionDef_Int64List_:
		return Int64List
	case *for_core_protos_go_proto.CollectionDef_FloatList_:
		return FloatList
	case *for_core_protos_go_proto.CollectionDef_AnyList_:
		return AnyList
	}
	return ""
}

// CollectionLen gives how many items a collection has.
func CollectionLen(c *CollectionDef) int {
	return len(c.GetNodeList().GetValue()) + len(c.GetBytesList().GetValue()) +
		len(c.GetInt64List().GetValue()) + len(c.GetFloatList().GetValue()) + len(c.GetAnyList().GetValue())
}

// UnboundInputs is the collection in which a scoped export lists the inputs
// that an import has to provide.
const UnboundInputs = "unbound_inputs"

// UnboundInputPrefix marks an input in a scoped export that came from outside
// the scope.
const UnboundInputPrefix = "$unbound_inputs_"

// variableCollections are the collections of variables: their items are
// serialized VariableDefs, and equal ones are one variable.
var variableCollections = map[string]bool{
	"variables": true, "trainable_variables": true, "local_variables": true, "model_variables": true,
	"moving_average_variables": true, "metric_variables": true, "global_step": true,
}

// IsVariableCollection says whether the items of a collection are VariableDefs.
func IsVariableCollection(key string) bool { return variableCollections[key] }

// NewCollectionProto gives an empty message of the type that TensorFlow has
// registered for a collection's items (a VariableDef for "variables", a
// QueueRunnerDef for "queue_runners", …), or nil where its items are plain.
func NewCollectionProto(key string) proto.Message {
	switch {
	case variableCollections[key]:
		return &VariableDef{}
	case key == "queue_runners":
		return &for_core_protos_go_proto.QueueRunnerDef{}
	case key == "savers":
		return &SaverDef{}
	case key == "cond_context":
		return &for_core_protos_go_proto.CondContextDef{}
	case key == "while_context":
		return &for_core_protos_go_proto.WhileContextDef{}
	}
	return nil
}

// Variables gives the variables that a meta graph lists, those of "variables"
// first and then of the other collections, each once. A damaged entry is an
// error of kind tfkeep.ErrCorrupt that names the collection.
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
				return nil, &tfkeep.Error{Op: "variables", Err: tfkeep.ErrCorrupt, Cause: err, Detail: "collection " + key}
			}
			if !seen[v.GetVariableName()] {
				seen[v.GetVariableName()] = true
				vars = append(vars, v)
			}
		}
	}
	return vars, nil
}
