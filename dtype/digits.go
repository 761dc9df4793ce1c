package dtype

import (
	"math"
	"strconv"
)

// AppendFloat appends the shortest decimal, in scientific notation
// ("1.5e-03"), to which no other value of the type is nearer than v. v is a
// finite value of a float type, or one part of a complex number.
func AppendFloat(b []byte, dt DataType, v float64) []byte {
	f, small := smallFloats[dt]
	switch {
	case dt == Float32 || dt == Complex64:
		return strconv.AppendFloat(b, v, 'e', -1, 32)
	case !small || v == 0:
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	// Half the distance to the next value below, which at a power of two is
	// nearer than the next above.
	fraction, exponent := math.Frexp(math.Abs(v))
	lowest := 1 - f.bias
	half := math.Ldexp(1, max(exponent-1, lowest)-f.mantissa-1)
	if fraction == 0.5 && exponent-1 > lowest {
		half /= 2
	}
	for precision := 0; ; precision++ {
		short := strconv.AppendFloat(b, v, 'e', precision, 64)
		d, err := strconv.ParseFloat(string(short[len(b):]), 64)
		if err == nil && math.Abs(d-v) < half || precision == 16 {
			return short
		}
	}
}
