package dtype

import "strconv"

// PutFloat32s encodes src as elements of dt, a float of 16 and fewer bits, into dst. It
// returns the index of the first value that dt cannot hold exactly, or -1. Any NaN becomes
// a NaN. Other types hold no value, and dst none that it has no room for.
func PutFloat32s(dt DataType, dst []byte, src []float32) int {
	f, room := smallFormat(dt), 0
	if f != nil {
		room = len(dst) / Size(dt)
	}
	if room >= len(src) {
		if len(src) == 0 {
			return -1
		}
		return f.Encode(dst, src)
	}
	if room > 0 {
		if bad := f.Encode(dst, src[:room]); bad >= 0 {
			return bad
		}
	}
	return room
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
