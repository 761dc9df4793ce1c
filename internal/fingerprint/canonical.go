package fingerprint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tfkeep/tfkeep/internal/textformat"
)

var errMalformed = errors.New("the message is malformed")

// values are those of one field in a message.
type values struct {
	field protoreflect.FieldDescriptor
	// items are the elements in the order of the file: the bytes of strings and messages, and
	// scalars as they are written. A field that is not repeated has one.
	items [][]byte
}

// message is a parsed message: its fields by number, and the bytes of unknown ones.
type message struct {
	fields  []*values
	unknown []byte
}

// find returns the only value of a field, or nil.
func (m *message) find(name protoreflect.Name) []byte {
	if items := m.list(name); len(items) > 0 {
		return items[len(items)-1]
	}
	return nil
}

// list returns the values of a repeated field or the entries of a map.
func (m *message) list(name protoreflect.Name) [][]byte {
	for _, v := range m.fields {
		if v.field.Name() == name {
			return v.items
		}
	}
	return nil
}

// parse splits a message into its fields, sorted by number. A message that is there twice
// is merged, and of other values the last one counts, as the format says.
func parse(md protoreflect.MessageDescriptor, data []byte) (*message, error) {
	m := &message{}
	for len(data) > 0 {
		num, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return nil, errMalformed
		}
		size := protowire.ConsumeFieldValue(num, kind, data[n:])
		if size < 0 {
			return nil, errMalformed
		}
		value := data[n : n+size]
		field := md.Fields().ByNumber(num)
		packed := field != nil && field.IsList() && kind == protowire.BytesType && wireType(field.Kind()) != protowire.BytesType
		switch {
		case field == nil || kind != wireType(field.Kind()) && !packed:
			m.unknown = append(m.unknown, data[:n+size]...)
		case packed:
			if err := m.unpack(field, value); err != nil {
				return nil, err
			}
		default:
			if err := m.add(field, value); err != nil {
				return nil, err
			}
		}
		data = data[n+size:]
	}
	m.sort()
	return m, nil
}

func (m *message) sort() {
	slices.SortFunc(m.fields, func(a, b *values) int { return cmp.Compare(a.field.Number(), b.field.Number()) })
}

// of returns the values of a field, and takes away those of other fields of a oneof.
func (m *message) of(field protoreflect.FieldDescriptor) *values {
	if one := field.ContainingOneof(); one != nil {
		m.fields = slices.DeleteFunc(m.fields, func(v *values) bool { return v.field != field && v.field.ContainingOneof() == one })
	}
	i := slices.IndexFunc(m.fields, func(v *values) bool { return v.field == field })
	if i < 0 {
		m.fields = append(m.fields, &values{field: field})
		i = len(m.fields) - 1
	}
	return m.fields[i]
}

func (m *message) unpack(field protoreflect.FieldDescriptor, value []byte) error {
	packed, _ := protowire.ConsumeBytes(value)
	v := m.of(field)
	for len(packed) > 0 {
		n := protowire.ConsumeFieldValue(field.Number(), wireType(field.Kind()), packed)
		if n < 0 {
			return errMalformed
		}
		v.items = append(v.items, scalar(field, packed[:n]))
		packed = packed[n:]
	}
	return nil
}

func (m *message) add(field protoreflect.FieldDescriptor, value []byte) error {
	switch wireType(field.Kind()) {
	case protowire.BytesType:
		value, _ = protowire.ConsumeBytes(value)
	case protowire.StartGroupType:
		return errMalformed // TensorFlow has none
	default:
		value = scalar(field, value)
	}
	if field.Kind() == protoreflect.StringKind && !utf8.Valid(value) {
		return errMalformed
	}
	v := m.of(field)
	switch {
	case field.IsList() || field.IsMap() || len(v.items) == 0:
		v.items = append(v.items, value)
	case field.Message() != nil:
		v.items[0] = slices.Concat(v.items[0], value) // two messages one after the other are their union
	default:
		v.items[0] = value
	}
	return nil
}

// scalar returns a number as it is written: a varint may be longer than it needs to be, or
// than its type.
func scalar(field protoreflect.FieldDescriptor, value []byte) []byte {
	n, size := protowire.ConsumeVarint(value)
	if wireType(field.Kind()) != protowire.VarintType || size < 0 {
		return value
	}
	switch field.Kind() {
	case protoreflect.BoolKind:
		n = min(n, 1)
	case protoreflect.Int32Kind, protoreflect.EnumKind:
		n = uint64(int64(int32(n))) //nolint:gosec // C++ cuts it
	case protoreflect.Uint32Kind, protoreflect.Sint32Kind:
		n &= math.MaxUint32
	}
	if protowire.SizeVarint(n) == size && n == must(value) {
		return value
	}
	return protowire.AppendVarint(nil, n)
}

func must(value []byte) uint64 { n, _ := protowire.ConsumeVarint(value); return n }

func wireType(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.FloatKind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protowire.Fixed32Type
	case protoreflect.DoubleKind, protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protowire.Fixed64Type
	case protoreflect.GroupKind:
		return protowire.StartGroupType
	}
	return protowire.VarintType
}

// appendCanonical appends a message as C++ writes it with deterministic serialization: fields
// by number, the entries of maps by key, and unknown fields at the end.
func appendCanonical(to []byte, md protoreflect.MessageDescriptor, data []byte, depth int) ([]byte, error) {
	if depth > textformat.MaxNesting {
		return nil, errMalformed
	}
	m, err := parse(md, data)
	if err != nil {
		return nil, err
	}
	return m.appendTo(to, depth)
}

func (m *message) appendTo(to []byte, depth int) (_ []byte, err error) {
	for _, v := range m.fields {
		if to, err = v.appendTo(to, depth); err != nil {
			return nil, err
		}
	}
	return append(to, m.unknown...), nil
}

func (v *values) appendTo(to []byte, depth int) ([]byte, error) {
	switch {
	case v.field.IsMap():
		return v.appendMap(to, depth)
	case v.field.IsPacked():
		if len(v.items) == 0 {
			return to, nil
		}
		to = protowire.AppendTag(to, v.field.Number(), protowire.BytesType)
		size := 0
		for _, item := range v.items {
			size += len(item)
		}
		to = protowire.AppendVarint(to, uint64(size)) //nolint:gosec // not negative
		for _, item := range v.items {
			to = append(to, item...)
		}
		return to, nil
	}
	for _, item := range v.items {
		if !v.field.IsList() && !v.field.HasPresence() && isZero(v.field, item) {
			continue
		}
		var err error
		if to, err = appendValue(to, v.field, item, depth); err != nil {
			return nil, err
		}
	}
	return to, nil
}

// isZero reports whether a value is the default one, which is not written.
func isZero(field protoreflect.FieldDescriptor, item []byte) bool {
	if wireType(field.Kind()) == protowire.BytesType {
		return len(item) == 0
	}
	return !slices.ContainsFunc(item, func(b byte) bool { return b != 0 })
}

// appendValue appends one value with its tag.
func appendValue(to []byte, field protoreflect.FieldDescriptor, item []byte, depth int) ([]byte, error) {
	kind := wireType(field.Kind())
	to = protowire.AppendTag(to, field.Number(), kind)
	switch {
	case field.Message() != nil:
		return appendSized(to, func(to []byte) ([]byte, error) { return appendCanonical(to, field.Message(), item, depth+1) })
	case kind == protowire.BytesType:
		return protowire.AppendBytes(to, item), nil
	}
	return append(to, item...), nil
}

// appendSized appends what add appends, with its size before it.
func appendSized(to []byte, add func([]byte) ([]byte, error)) ([]byte, error) {
	const room = 1 // most messages are small
	start := len(to)
	to, err := add(append(to, make([]byte, room)...))
	if err != nil {
		return nil, err
	}
	size := uint64(len(to) - start - room) //nolint:gosec // not negative
	if more := protowire.SizeVarint(size) - room; more > 0 {
		to = append(to, make([]byte, more)...)
		copy(to[start+room+more:], to[start+room:len(to)-more])
	}
	protowire.AppendVarint(to[:start], size)
	return to, nil
}

// appendMap appends the entries of a map. Of two with one key the last one counts.
func (v *values) appendMap(to []byte, depth int) ([]byte, error) {
	type entry struct{ key, value []byte }
	entries := make([]entry, 0, len(v.items))
	key, value := v.field.MapKey(), v.field.MapValue()
	for _, item := range v.items {
		m, err := parse(v.field.Message(), item)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{orDefault(key, m.find("key")), orDefault(value, m.find("value"))})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return compareKeys(key, a.key, b.key) })
	for i, e := range entries {
		if i+1 < len(entries) && bytes.Equal(e.key, entries[i+1].key) {
			continue
		}
		var err error
		to = protowire.AppendTag(to, v.field.Number(), protowire.BytesType)
		to, err = appendSized(to, func(to []byte) ([]byte, error) {
			to, err := appendValue(to, key, e.key, depth+1)
			if err != nil {
				return nil, err
			}
			return appendValue(to, value, e.value, depth+1)
		})
		if err != nil {
			return nil, err
		}
	}
	return to, nil
}

// orDefault returns the default value in place of a missing one: the entries of maps have both.
func orDefault(field protoreflect.FieldDescriptor, item []byte) []byte {
	if item != nil {
		return item
	}
	switch wireType(field.Kind()) {
	case protowire.VarintType:
		return []byte{0}
	case protowire.Fixed32Type:
		return make([]byte, 4)
	case protowire.Fixed64Type:
		return make([]byte, 8)
	}
	return nil
}

// compareKeys compares the keys of a map: strings by their bytes, and numbers by value.
func compareKeys(field protoreflect.FieldDescriptor, a, b []byte) int {
	switch field.Kind() {
	case protoreflect.StringKind:
		return bytes.Compare(a, b)
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return cmp.Compare(int64(must(a)), int64(must(b))) //nolint:gosec // these are their bits
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return cmp.Compare(protowire.DecodeZigZag(must(a)), protowire.DecodeZigZag(must(b)))
	case protoreflect.Fixed32Kind:
		return cmp.Compare(binary.LittleEndian.Uint32(a), binary.LittleEndian.Uint32(b))
	case protoreflect.Fixed64Kind:
		return cmp.Compare(fetch(a), fetch(b))
	}
	return cmp.Compare(must(a), must(b))
}
