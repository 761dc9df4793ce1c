package elem

import "github.com/tfkeep/tfkeep/checkpoint"

// Kind sorts the element types by what can be computed with them.
type Kind int

// The kinds.
const (
	Other   Kind = iota // strings, resources, variants, unknown types
	Boolean             // one byte, 0 or 1
	Integer             // signed, unsigned and quantized integers
	Float               // 4 to 64 bits
	Complex             // complex64 and complex128
)

// KindOf gives the kind of a type.
func KindOf(dt checkpoint.DataType) Kind {
	switch dt {
	case checkpoint.Bool:
		return Boolean
	case checkpoint.Int8, checkpoint.Int16, checkpoint.Int32, checkpoint.Int64,
		checkpoint.Uint8, checkpoint.Uint16, checkpoint.Uint32, checkpoint.Uint64,
		checkpoint.QInt8, checkpoint.QUint8, checkpoint.QInt16, checkpoint.QUint16, checkpoint.QInt32,
		checkpoint.Int4, checkpoint.Uint4, checkpoint.Int2, checkpoint.Uint2:
		return Integer
	case checkpoint.Complex64, checkpoint.Complex128:
		return Complex
	case checkpoint.Float64, checkpoint.Float32:
		return Float
	}
	if _, small := smallFloats[dt]; small {
		return Float
	}
	return Other
}
