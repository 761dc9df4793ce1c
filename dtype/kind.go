package dtype

import "github.com/tfkeep/tfkeep/dtype/internal/smallfloat"

// IsInteger reports whether dt is a signed, unsigned or quantized integer.
func IsInteger(dt DataType) bool {
	switch dt {
	case Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64,
		QInt8, QUint8, QInt16, QUint16, QInt32, Int4, Uint4, Int2, Uint2:
		return true
	}
	return false
}

// IsFloat reports whether dt is a real floating-point type, of 4 to 64 bits.
func IsFloat(dt DataType) bool {
	return dt == Float32 || dt == Float64 || smallFormat(dt) != nil
}

// smallFormat returns the layout of a float of 16 or fewer bits, or nil for another type.
func smallFormat(dt DataType) *smallfloat.Format { return smallfloat.ByName(Name(dt)) }

// IsComplex reports whether dt is complex64 or complex128.
func IsComplex(dt DataType) bool { return dt == Complex64 || dt == Complex128 }
