package wire

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrDecode reports bytes that are not a protocol buffer.
var ErrDecode = errors.New("the protocol buffer does not decode")

// Field is one field of a message. Its value is Num for the numeric types and
// Bytes for a string, a message or packed numbers.
type Field struct {
	Number protowire.Number
	Wire   protowire.Type
	Num    uint64
	Bytes  []byte
}

// Each visits the fields of a message in order.
func Each(b []byte, visit func(Field) error) error {
	for len(b) > 0 {
		f, n, err := nextField(b)
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func nextField(b []byte) (f Field, size int, err error) {
	number, wire, n := protowire.ConsumeTag(b)
	if n < 0 {
		return f, 0, ErrDecode
	}
	f.Number, f.Wire = number, wire
	var m int
	switch wire {
	case protowire.VarintType:
		f.Num, m = protowire.ConsumeVarint(b[n:])
	case protowire.Fixed32Type:
		var v uint32
		v, m = protowire.ConsumeFixed32(b[n:])
		f.Num = uint64(v)
	case protowire.Fixed64Type:
		f.Num, m = protowire.ConsumeFixed64(b[n:])
	case protowire.BytesType:
		f.Bytes, m = protowire.ConsumeBytes(b[n:])
	default:
		m = protowire.ConsumeFieldValue(number, wire, b[n:])
	}
	if m < 0 {
		return f, 0, ErrDecode
	}
	return f, n + m, nil
}

// Int64 stores the value of a varint field.
func (f Field) Int64(to *int64) error {
	if f.Wire != protowire.VarintType {
		return f.TypeError()
	}
	*to = int64(f.Num)
	return nil
}

// Int32 stores the value of a varint field that must fit 32 bits.
func (f Field) Int32(to *int32) error {
	var v int64
	if err := f.Int64(&v); err != nil {
		return err
	}
	if v < math.MinInt32 || v > math.MaxInt32 {
		return fmt.Errorf("field %d does not fit 32 bits", f.Number)
	}
	*to = int32(v)
	return nil
}

// Fixed32 stores the value of a fixed32 field.
func (f Field) Fixed32(to *uint32) error {
	if f.Wire != protowire.Fixed32Type {
		return f.TypeError()
	}
	*to = uint32(f.Num)
	return nil
}

// Message visits the fields of a nested message.
func (f Field) Message(visit func(Field) error) error {
	if f.Wire != protowire.BytesType {
		return f.TypeError()
	}
	return Each(f.Bytes, visit)
}

// Text stores the value of a string field.
func (f Field) Text(to *[]byte) error {
	if f.Wire != protowire.BytesType {
		return f.TypeError()
	}
	*to = f.Bytes
	return nil
}

// TypeError reports a field of the wrong wire type.
func (f Field) TypeError() error {
	return fmt.Errorf("field %d has wire type %d", f.Number, f.Wire)
}

// AppendVarint appends a varint field unless it is 0, the default.
func AppendVarint(b []byte, number protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	b = protowire.AppendTag(b, number, protowire.VarintType)
	return protowire.AppendVarint(b, v)
}

// AppendBytes appends a field of bytes, even if it is empty.
func AppendBytes(b []byte, number protowire.Number, v []byte) []byte {
	b = protowire.AppendTag(b, number, protowire.BytesType)
	return protowire.AppendBytes(b, v)
}

// AppendMessage appends a nested message, even if it is empty.
func AppendMessage(b []byte, number protowire.Number, body func([]byte) []byte) []byte {
	return AppendBytes(b, number, body(nil))
}
