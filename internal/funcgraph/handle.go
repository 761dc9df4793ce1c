package funcgraph

import (
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/resource_handle_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/dtype"
)

// Handle is the type and shape of a value that a resource refers to.
type Handle = resource_handle_go_proto.ResourceHandleProto_DtypeAndShape

// Handles reads a serialized CppShapeInferenceResult.HandleData, as capi.HandleData returns
// it. The binding has no message for it. Data that cannot be read is nothing.
func Handles(raw []byte) []*Handle {
	var handles []*Handle
	const shapeAndType = 2
	eachField(raw, func(field protowire.Number, value []byte, _ uint64) {
		if field == shapeAndType {
			handles = append(handles, handle(value))
		}
	})
	return handles
}

func handle(raw []byte) *Handle {
	const shape, elementType = 1, 2
	h := &Handle{Shape: new(tensor_shape_go_proto.TensorShapeProto)}
	eachField(raw, func(field protowire.Number, value []byte, number uint64) {
		switch field {
		case shape:
			if proto.Unmarshal(value, h.Shape) != nil {
				h.Shape = &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true}
			}
		case elementType:
			h.Dtype = dtype.DataType(number)
		}
	})
	return h
}

// eachField calls f with the fields of a message.
func eachField(raw []byte, f func(field protowire.Number, value []byte, number uint64)) {
	for len(raw) > 0 {
		field, typ, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return
		}
		raw = raw[n:]
		switch typ {
		case protowire.BytesType:
			value, n := protowire.ConsumeBytes(raw)
			if n < 0 {
				return
			}
			f(field, value, 0)
			raw = raw[n:]
		case protowire.VarintType:
			number, n := protowire.ConsumeVarint(raw)
			if n < 0 {
				return
			}
			f(field, nil, number)
			raw = raw[n:]
		default:
			if n = protowire.ConsumeFieldValue(field, typ, raw); n < 0 {
				return
			}
			raw = raw[n:]
		}
	}
}
