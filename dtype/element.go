package dtype

// Element is a Go type for the elements of a tensor. Each type holds the data type of
// the same name, and:
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
