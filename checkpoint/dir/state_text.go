package dir

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/tfkeep/tfkeep"
)

// parseState parses the content of a state file, which has the text format of protocol
// buffers. It does not change the paths. If TensorFlow refuses the text, the error is
// an ErrCorrupt.
func parseState(text []byte) (*State, error) {
	message, err := stateMessage()
	if err != nil {
		return nil, err
	}
	m := dynamicpb.NewMessage(message)
	if err := prototext.Unmarshal(text, m); err != nil {
		// The parser changes the spaces in its message from build to build, on purpose.
		return nil, stateError(strings.ReplaceAll(err.Error(), "\u00a0", " "))
	}
	s := &State{}
	get := func(number protoreflect.FieldNumber) protoreflect.List {
		return m.Get(message.Fields().ByNumber(number)).List()
	}
	if l := get(1); l.Len() > 0 {
		s.ModelCheckpointPath = string(l.Get(l.Len() - 1).Bytes())
	}
	if s.ModelCheckpointPath == "" {
		return nil, stateError("it names no checkpoint")
	}
	for l, i := get(2), 0; i < l.Len(); i++ {
		s.AllModelCheckpointPaths = append(s.AllModelCheckpointPaths, string(l.Get(i).Bytes()))
	}
	for l, i := get(3), 0; i < l.Len(); i++ {
		s.AllModelCheckpointTimestamps = append(s.AllModelCheckpointTimestamps, l.Get(i).Float())
	}
	if l := get(4); l.Len() > 0 {
		s.LastPreservedTimestamp = l.Get(l.Len() - 1).Float()
	}
	return s, nil
}

func stateError(detail string) error {
	return &tfkeep.Error{Op: "read the checkpoint state", Err: tfkeep.ErrCorrupt,
		Detail: "Invalid checkpoint state: " + detail + "; Latest with LatestOptions.Verified works without the state file"}
}

// stateMessage returns the descriptor of tensorflow.CheckpointState for the text
// parser. It differs from the original in two points: all fields are lists, because in
// Python's parser the last of several values of a field counts, and paths are bytes,
// because not every file name is UTF-8. The descriptor is private, so it cannot collide
// with generated code.
var stateMessage = sync.OnceValues(func() (protoreflect.MessageDescriptor, error) {
	field := func(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{Name: proto.String(name), Number: proto.Int32(number),
			Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum(), Type: kind.Enum()}
	}
	const text, double = descriptorpb.FieldDescriptorProto_TYPE_BYTES, descriptorpb.FieldDescriptorProto_TYPE_DOUBLE
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name:   proto.String("checkpoint_state.proto"),
		Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("CheckpointState"),
			Field: []*descriptorpb.FieldDescriptorProto{
				field("model_checkpoint_path", 1, text),
				field("all_model_checkpoint_paths", 2, text),
				field("all_model_checkpoint_timestamps", 3, double),
				field("last_preserved_timestamp", 4, double),
			},
		}},
	}, nil)
	if err != nil {
		return nil, err
	}
	return file.Messages().Get(0), nil
})

// formatState returns the content of a state file as Python's text_format writes it. It
// does not change the paths; [UpdateState] makes them relative where necessary.
func formatState(s *State) []byte {
	var b []byte
	path := func(name, value string) {
		b = append(append(b, name...), `: "`...)
		b = append(appendEscaped(b, value), "\"\n"...)
	}
	number := func(name string, value float64) {
		b = append(append(b, name...), ": "...)
		b = append(b, formatFloat(value)...)
		b = append(b, '\n')
	}
	if s.ModelCheckpointPath != "" {
		path("model_checkpoint_path", s.ModelCheckpointPath)
	}
	for _, p := range s.AllModelCheckpointPaths {
		path("all_model_checkpoint_paths", p)
	}
	for _, t := range s.AllModelCheckpointTimestamps {
		number("all_model_checkpoint_timestamps", t)
	}
	if s.LastPreservedTimestamp != 0 || math.Signbit(s.LastPreservedTimestamp) {
		number("last_preserved_timestamp", s.LastPreservedTimestamp)
	}
	return b
}

// appendEscaped escapes a string for the text format: with the short escapes of C,
// octal numbers for other control characters, and plain UTF-8. Bytes that are not
// UTF-8, which Python would refuse, become octal numbers.
func appendEscaped(b []byte, s string) []byte {
	for len(s) > 0 {
		c := s[0]
		switch {
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '"', c == '\'', c == '\\':
			b = append(b, '\\', c)
		case c < 0x20, c == 0x7f:
			b = fmt.Appendf(b, `\%03o`, c)
		case c < utf8.RuneSelf:
			b = append(b, c)
		default:
			r, n := utf8.DecodeRuneInString(s)
			if r == utf8.RuneError && n == 1 {
				b = fmt.Appendf(b, `\%03o`, c)
			} else {
				b = append(b, s[:n]...)
			}
			s = s[n:]
			continue
		}
		s = s[1:]
	}
	return b
}

// formatFloat formats a number as Python's str does.
func formatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
