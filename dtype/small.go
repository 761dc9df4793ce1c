package dtype

import "strconv"

// PutFloat32s encodes src as elements of dt, a float of 16 and fewer bits, into dst. It
// returns the index of the first value that dt cannot hold exactly, or -1. Any NaN becomes
// a NaN.
func PutFloat32s(dt DataType, dst []byte, src []float32) int {
	return smallFormat(dt).Encode(dst, src)
}

// AppendFloat appends the shortest decimal, in scientific notation ("1.5e-03"), to which no
// other value of the type is nearer than v. v is a finite value of a float type, or one
// part of a complex number.
func AppendFloat(b []byte, dt DataType, v float64) []byte {
	if f := smallFormat(dt); f != nil {
		return f.AppendDecimal(b, v)
	}
	bits := 64
	if dt == Float32 || dt == Complex64 {
		bits = 32
	}
	return strconv.AppendFloat(b, v, 'e', -1, bits)
}
