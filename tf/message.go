package tf

import "github.com/tfkeep/tfkeep/tf/status"

// MaxMessage is how many bytes of values one run on a server can take, and how
// many it can give, in all: they travel in one protobuf message, which has less
// than 2 GiB, and leaves a little for what else is in it.
//
// TensorFlow ends the process that feeds more, in gRPC's
// include/grpcpp/impl/call_op_set.h; Run refuses it, with an error of the kind
// ErrResourceExhausted. Fetching more is TensorFlow's own error, of the kind
// ErrInternal: "Protobuf is too large to be serialized".
const MaxMessage = 1<<31 - 1<<20

// checkMessage refuses feeds that are too much for one message.
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
	if total <= MaxMessage {
		return nil
	}
	e := invalidf("the run feeds %d bytes, %d of them to %s, and one message to a server has room for %d: feed them in several runs, and in parts what is too large by itself", total, most, name, MaxMessage)
	e.Code = status.ResourceExhausted
	return e
}
