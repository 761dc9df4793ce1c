package dtype

// Element is a Go type for the elements of a tensor. Each holds the data type
// of its name and, further:
//
//   - F16 holds float16, BF16 bfloat16;
//   - int8, uint8, int16, uint16 and int32 hold the quantized types, as their bits;
//   - int8 holds int2 and int4; uint8 holds uint2, uint4 and, as their bits, the
//     floats of 4 and 8 bits;
//   - string holds string.
type Element interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 |
		bool | complex64 | complex128 | F16 | BF16 | string
}

// Holds reports whether T is the Go type for elements of type dt.
func Holds[T Element](dt DataType) bool {
	var zero T
	switch any(zero).(type) {
	case float32:
		return dt == Float32
	case float64:
		return dt == Float64
	case int8:
		return dt == Int8 || dt == QInt8 || dt == Int4 || dt == Int2
	case int16:
		return dt == Int16 || dt == QInt16
	case int32:
		return dt == Int32 || dt == QInt32
	case int64:
		return dt == Int64
	case uint8:
		return dt == Uint8 || dt == QUint8 || dt == Uint4 || dt == Uint2 || IsFloat(dt) && Size(dt) == 1
	case uint16:
		return dt == Uint16 || dt == QUint16
	case uint32:
		return dt == Uint32
	case uint64:
		return dt == Uint64
	case bool:
		return dt == Bool
	case complex64:
		return dt == Complex64
	case complex128:
		return dt == Complex128
	case F16:
		return dt == Float16
	case BF16:
		return dt == BFloat16
	case string:
		return dt == String
	}
	return false
}

// Normalize makes the bytes of booleans 0 or 1, as Go requires (C++ takes any
// other byte for true), and sign-extends integers of 2 and 4 bits to the whole
// byte. It leaves the bytes of other types as they are.
func Normalize(dt DataType, b []byte) {
	switch dt {
	case Bool:
		for i, c := range b {
			b[i] = min(c, 1)
		}
	case Int4, Uint4, Int2, Uint2:
		for i, c := range b {
			b[i] = byte(smallInt(dt, c))
		}
	}
}

// smallInt returns the value of an integer of 2 or 4 bits.
func smallInt(dt DataType, b byte) int8 {
	switch dt {
	case Int4:
		return int8(b<<4) >> 4
	case Uint4:
		return int8(b & 15)
	case Int2:
		return int8(b<<6) >> 6
	case Uint2:
		return int8(b & 3)
	}
	return int8(b)
}
