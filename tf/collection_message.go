package tf

import (
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/collectiondef"
)

// unboundInputs is the collection in which a scoped export lists the inputs that an
// import has to provide.
const unboundInputs = "unbound_inputs"

// unboundInputPrefix marks an input in a scoped export that came from outside the
// scope.
const unboundInputPrefix = "$unbound_inputs_"

// newCollectionMessage returns an empty message of the type that TensorFlow has
// registered for a collection's items (a VariableDef for "variables", a QueueRunnerDef
// for "queue_runners", …), or nil if its items are plain.
func newCollectionMessage(key string) proto.Message {
	switch {
	case collectiondef.OfVariables(key):
		return &graphdef.VariableDef{}
	case key == queueRunners:
		return &for_core_protos_go_proto.QueueRunnerDef{}
	case key == Savers:
		return &graphdef.SaverDef{}
	case key == condContext:
		return &for_core_protos_go_proto.CondContextDef{}
	case key == whileContext:
		return &for_core_protos_go_proto.WhileContextDef{}
	}
	return nil
}
