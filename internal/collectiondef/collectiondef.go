// Package collectiondef knows what a meta graph's collections hold.
package collectiondef

import "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

// Len returns the number of items in a collection.
func Len(c *for_core_protos_go_proto.CollectionDef) int {
	return len(c.GetNodeList().GetValue()) + len(c.GetBytesList().GetValue()) +
		len(c.GetInt64List().GetValue()) + len(c.GetFloatList().GetValue()) + len(c.GetAnyList().GetValue())
}

var variables = map[string]bool{
	"variables": true, "trainable_variables": true, "local_variables": true, "model_variables": true,
	"moving_average_variables": true, "metric_variables": true, "global_step": true,
}

// OfVariables reports whether a key is that of a collection of variables. The items of
// such a collection are serialized VariableDefs, and equal ones are one variable.
func OfVariables(key string) bool { return variables[key] }
