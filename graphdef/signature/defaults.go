package signature

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/argcheck"
)

// defaultsField is the number of the field SignatureDef.defaults, a map of names to
// TensorProtos, which the Go type lacks. So it is among the unknown fields.
const defaultsField = 4

// Defaults returns the values that inputs of a signature have if a caller does not give
// them, by the name of the input. It is nil if there are none. Python writes them for the
// optional arguments of a tf.function. Bytes that are no such values are a
// tfkeep.ErrCorrupt.
func Defaults(s *graphdef.SignatureDef) (map[string]*graphdef.TensorProto, error) {
	var defaults map[string]*graphdef.TensorProto
	for b := s.ProtoReflect().GetUnknown(); len(b) > 0; {
		number, typ, size := protowire.ConsumeField(b)
		if size < 0 {
			return nil, badDefaults()
		}
		if number == defaultsField && typ == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(b)
			entry, _ := protowire.ConsumeBytes(b[tag:])
			name, value, err := defaultEntry(entry)
			if err != nil {
				return nil, err
			}
			if defaults == nil {
				defaults = map[string]*graphdef.TensorProto{}
			}
			defaults[name] = value
		}
		b = b[size:]
	}
	return defaults, nil
}

// defaultEntry parses an entry of the map.
func defaultEntry(b []byte) (name string, value *graphdef.TensorProto, err error) {
	value = &graphdef.TensorProto{}
	for len(b) > 0 {
		number, typ, tag := protowire.ConsumeTag(b)
		if tag < 0 || typ != protowire.BytesType {
			return "", nil, badDefaults()
		}
		field, size := protowire.ConsumeBytes(b[tag:])
		if size < 0 {
			return "", nil, badDefaults()
		}
		switch number {
		case 1:
			name = string(field)
		case 2:
			if proto.Unmarshal(field, value) != nil {
				return "", nil, badDefaults()
			}
		}
		b = b[tag+size:]
	}
	return name, value, nil
}

func badDefaults() error {
	return &tfkeep.Error{Op: "read the defaults of a signature", Err: tfkeep.ErrCorrupt, Detail: "they are no TensorProtos"}
}

// SetDefaults sets the values that inputs have if a caller does not give them, by the name
// of the input. Nil removes them. A name that is no input of the signature, and a value of
// another type than the input's, are a tfkeep.ErrArgument.
func SetDefaults(s *graphdef.SignatureDef, defaults map[string]*graphdef.TensorProto) error {
	if s == nil {
		return argcheck.Nil("set defaults", "", "SignatureDef")
	}
	var kept []byte
	for b := s.ProtoReflect().GetUnknown(); len(b) > 0; {
		number, _, size := protowire.ConsumeField(b)
		if size < 0 {
			return badDefaults()
		}
		if number != defaultsField {
			kept = append(kept, b[:size]...)
		}
		b = b[size:]
	}
	if fault := defaultFault(s, defaults); fault != "" {
		return invalid("%s", fault)
	}
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		value, err := graphdef.MarshalBinary(defaults[name])
		if err != nil {
			return err
		}
		entry := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), name)
		entry = protowire.AppendBytes(protowire.AppendTag(entry, 2, protowire.BytesType), value)
		kept = protowire.AppendBytes(protowire.AppendTag(kept, defaultsField, protowire.BytesType), entry)
	}
	s.ProtoReflect().SetUnknown(kept)
	return nil
}

// defaultFault returns what is wrong with the defaults of a signature, or "".
func defaultFault(s *graphdef.SignatureDef, defaults map[string]*graphdef.TensorProto) string {
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		input := s.GetInputs()[name]
		switch {
		case input == nil:
			return fmt.Sprintf("the default value %q belongs to no input", name)
		case defaults[name] == nil:
			return fmt.Sprintf("the default value of input %q is nil", name)
		case input.Dtype != 0 && input.Dtype != defaults[name].Dtype:
			return fmt.Sprintf("the default value of input %q is of another type than the input", name)
		}
	}
	return ""
}
