package smallfloat

import (
	"math"
	"strconv"
)

// AppendDecimal appends the shortest decimal, in scientific notation ("1.5e-03"), to which
// no other value of the format is nearer than v. v is a finite value of the format.
func (f *Format) AppendDecimal(b []byte, v float64) []byte {
	if v == 0 {
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	// Half the distance to the next value below. At a power of two it is nearer than
	// the next value above.
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
