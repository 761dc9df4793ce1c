package tf

import (
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/status"
)

// checkMessage returns an error if the feeds do not fit into one message to a server.
// TensorFlow would end the process (gRPC's include/grpcpp/impl/call_op_set.h). If too much
// is fetched, TensorFlow itself returns an error of the kind status.Internal: "Protobuf is
// too large to be serialized".
func checkMessage(feeds []Output, tensors []*Tensor) error {
	var total, most int64
	var name string
	for i, t := range tensors {
		if t == nil {
			continue
		}
		size := int64(len(t.TensorData()))
		if total += size; size > most && feeds[i].Op != nil {
			most, name = size, feeds[i].Op.Name()
		}
	}
	if total <= capi.MaxMessage {
		return nil
	}
	return status.Errorf(status.ResourceExhausted, "the run feeds %d bytes, %d of them to %s, but one message to a server holds at most %d: feed them in several runs, and larger values in parts", total, most, name, capi.MaxMessage)
}
