package checkpoint

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
)

// v1Encoding describes how V1 stores values of a type: the field of TensorProto that
// has the elements, the number of bytes that TensorFlow expects for each at most, and
// their encoding. Without a varint function the elements are copied.
type v1Encoding struct {
	field  protowire.Number
	bound  int64
	varint func(b []byte) uint64 // decodes one element
}

func unsigned8(b []byte) uint64  { return uint64(b[0]) }
func signed8(b []byte) uint64    { return uint64(int64(int8(b[0]))) }
func unsigned16(b []byte) uint64 { return uint64(binary.LittleEndian.Uint16(b)) }
func signed16(b []byte) uint64   { return uint64(int64(int16(binary.LittleEndian.Uint16(b)))) }
func signed32(b []byte) uint64   { return uint64(int64(int32(binary.LittleEndian.Uint32(b)))) }
func signed64(b []byte) uint64   { return binary.LittleEndian.Uint64(b) }

// v1Encodings has the types that TensorFlow saves in V1 (TensorFlow aborts on others):
// float_val, double_val, int_val, string_val, scomplex_val, int64_val, bool_val,
// dcomplex_val and half_val.
var v1Encodings = map[dtype.DataType]v1Encoding{
	dtype.Float32:    {5, 4, nil},
	dtype.Float64:    {6, 8, nil},
	dtype.Int32:      {7, 10, signed32},
	dtype.Uint8:      {7, 2, unsigned8},
	dtype.Int16:      {7, 10, signed16},
	dtype.Int8:       {7, 10, signed8},
	dtype.String:     {8, 10, nil},
	dtype.Complex64:  {9, 8, nil},
	dtype.Int64:      {10, 10, signed64},
	dtype.Bool:       {11, 1, unsigned8},
	dtype.QInt8:      {7, 10, signed8},
	dtype.QUint8:     {7, 2, unsigned8},
	dtype.QInt32:     {7, 10, signed32},
	dtype.Uint16:     {7, 3, unsigned16},
	dtype.Complex128: {12, 16, nil},
	dtype.Float16:    {13, 3, unsigned16},
}

// V1Holds reports whether the V1 format can have values of a type. For other types,
// such as bfloat16, a [Writer] returns a tfkeep.ErrUnsupported.
func V1Holds(dt dtype.DataType) bool {
	_, ok := v1Encodings[dt]
	return ok
}

// encodeV1Value encodes the SavedTensorSlices with the value of one slice: its name,
// the slice, and a TensorProto without type and shape, which are in the table of
// contents.
func encodeV1Value(t *Tensor, shape []int64) ([]byte, error) {
	enc, ok := v1Encodings[t.DType]
	if !ok {
		return nil, &tfkeep.Error{Op: "write", Item: "tensor", Name: t.Name, Err: tfkeep.ErrUnsupported,
			Detail: "the V1 format has no " + dtype.Name(t.DType) + "; write V2"}
	}
	head := wire.AppendBytes(nil, 1, []byte(t.Name))
	if t.Name == "" {
		head = nil
	}
	head = wire.AppendMessage(head, 2, func(b []byte) []byte { return appendSlice(b, t.v1Slice()) })
	if err := checkV1Size(t, t.v1Estimate(shape, enc, len(head))); err != nil {
		return nil, err
	}
	data := enc.encode(t)
	return wire.AppendMessage(nil, 2, func(b []byte) []byte {
		b = append(b, head...)
		return wire.AppendBytes(b, 3, data)
	}), nil
}

// v1Estimate is TensorFlow's estimate of the encoded size, which decides what is too
// large.
func (t *Tensor) v1Estimate(shape []int64, enc v1Encoding, head int) int64 {
	const slack = 1 << 10
	n, _ := dtype.NumElements(shape)
	if n > math.MaxInt64/64 {
		return math.MaxInt64
	}
	estimate := int64(head) + slack + n*enc.bound
	for _, s := range t.Strings {
		estimate += int64(len(s))
	}
	return estimate
}

// encode encodes the elements as a TensorProto.
func (enc v1Encoding) encode(t *Tensor) []byte {
	if t.DType == dtype.String {
		var b []byte
		for _, s := range t.Strings {
			b = wire.AppendBytes(b, enc.field, s)
		}
		return b
	}
	if len(t.Data) == 0 {
		return nil
	}
	packed := t.Data
	if enc.varint != nil {
		size := dtype.Size(t.DType)
		packed = make([]byte, 0, len(t.Data))
		for rest := t.Data; len(rest) > 0; rest = rest[size:] {
			packed = protowire.AppendVarint(packed, enc.varint(rest))
		}
	}
	return wire.AppendBytes(nil, enc.field, packed)
}
