package graphdef

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/textformat"
	"github.com/tfkeep/tfkeep/internal/tfproto"
)

// MarshalText returns a message as protobuf text, byte for byte as Python's
// text_format.MessageToString writes it: two spaces per level, maps sorted by key, floats
// with the fewest digits. (Go's prototext changes its white space from build to build on
// purpose, so that its output cannot be compared or committed.)
//
// All fields and enum values of TensorFlow 2.21 are written under their names, also those
// that the Go types lack and keep among their unknown fields. A field that TensorFlow 2.21
// does not have either is a tfkeep.ErrUnsupported that names the message and the number of
// the field: text cannot hold it. An enum's value without a name is written as its number.
//
// An Any is written as its message if TensorFlow has that type and nothing is lost, and as
// type_url and value otherwise.
func MarshalText(m proto.Message) ([]byte, error) {
	if m == nil {
		return nil, argcheck.Nil("marshal", "", "message")
	}
	text, err := textformat.Marshal(m)
	if err != nil {
		return nil, &tfkeep.Error{Op: "write as text", Err: tfkeep.ErrUnsupported, Cause: err}
	}
	return text, nil
}

// UnmarshalText parses protobuf text into a message, which it empties first. It accepts
// what Python's text_format.Parse accepts, with all fields and enum values of TensorFlow
// 2.21. Those that the message's Go type lacks become unknown fields, which every function
// of this package carries on. The error is a tfkeep.ErrCorrupt with the line and column.
func UnmarshalText(text []byte, m proto.Message) error {
	if m == nil || !m.ProtoReflect().IsValid() {
		return argcheck.Nil("parse", "", "message")
	}
	if err := textformat.Unmarshal(text, m); err != nil {
		return &tfkeep.Error{Op: "parse", Err: tfkeep.ErrCorrupt, Cause: err,
			Detail: fmt.Sprintf("not a %s in text", m.ProtoReflect().Descriptor().Name())}
	}
	return nil
}

// NewMessage returns an empty message of TensorFlow 2.21, such as
// "tensorflow.CheckpointState" or "tensorflow.Event", with all of its fields. It is for
// messages, fields and enum values that the Go types lack, and is used by reflection. A
// name that TensorFlow does not have is a tfkeep.ErrNotFound.
func NewMessage(name string) (proto.Message, error) {
	if n := protoreflect.FullName(name); n.IsValid() {
		if md := tfproto.Message(n); md != nil {
			return dynamicpb.NewMessage(md), nil
		}
	}
	return nil, &tfkeep.Error{Op: "make", Item: "message", Name: name, Err: tfkeep.ErrNotFound,
		Detail: "TensorFlow 2.21 has no message of that name"}
}
