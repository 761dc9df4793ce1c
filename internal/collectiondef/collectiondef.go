// Package collectiondef knows what a meta graph's collections hold.
package collectiondef

import (
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/variable_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// UnboundInputs is the collection in which a scoped export lists the inputs that an import
// has to provide.
const UnboundInputs = "unbound_inputs"

// NewMessage returns an empty message of the type that TensorFlow has registered for a
// collection's items (a VariableDef for "variables", a QueueRunnerDef for
// "queue_runners", …), or nil if its items are plain.
func NewMessage(key string) proto.Message {
	switch {
	case OfVariables(key):
		return &variable_go_proto.VariableDef{}
	case key == "queue_runners":
		return &for_core_protos_go_proto.QueueRunnerDef{}
	case key == "savers":
		return &for_core_protos_go_proto.SaverDef{}
	case key == "cond_context":
		return &for_core_protos_go_proto.CondContextDef{}
	case key == "while_context":
		return &for_core_protos_go_proto.WhileContextDef{}
	}
	return nil
}

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
