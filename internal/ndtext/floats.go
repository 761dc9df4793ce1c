package ndtext

import (
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/tfkeep/tfkeep/dtype"
)

// precision is the largest number of digits after the point.
const precision = 8

// floats prints floats in one notation, as NumPy's FloatingFormat does.
type floats struct {
	dtype      dtype.DataType
	scalar     bool
	plus       bool // write a plus sign, too: for the imaginary part of a complex number
	scientific bool
	fraction   int // digits after the point
	exponent   int // digits of the exponent
	left       int // characters before the point, sign included
}

// newFloats chooses the notation and the widths for the values that will be printed.
func newFloats(dt dtype.DataType, scalar bool, values iter.Seq[float64], plus bool) *floats {
	f := &floats{dtype: dt, scalar: scalar, plus: plus}
	smallest, largest := math.Inf(1), 0.0
	finite, special, negative := 0, 0, plus
	for v := range values {
		switch {
		case math.IsNaN(v):
			special++
		case math.IsInf(v, 0):
			special++
			negative = negative || v < 0
		default:
			finite++
			if a := math.Abs(v); a != 0 {
				smallest, largest = min(smallest, a), max(largest, a)
			}
		}
	}
	f.scientific = largest >= 1e8 || smallest < 1e-4 || largest > 0 && largest/smallest > 1000
	if scalar { // as Python prints a float
		f.scientific = largest >= 1e16 || smallest < 1e-4
	}
	right := 0
	if finite > 0 {
		for v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				continue
			}
			whole, fraction, exponent := f.digits(v)
			f.left = max(f.left, len(whole))
			f.fraction = max(f.fraction, len(fraction))
			f.exponent = max(f.exponent, len(exponent)-1)
		}
		right = f.fraction
		if f.scientific {
			right += f.exponent + 2
		}
	}
	if special > 0 {
		sign := 0
		if negative {
			sign = 1
		}
		f.left = max(f.left, 3-right-1, 3+sign-right-1)
	}
	return f
}

// digits splits a finite value into the characters before the point, the digits after it
// without trailing zeros, and the exponent with its sign.
func (f *floats) digits(v float64) (whole, fraction, exponent string) {
	text := string(dtype.AppendFloat(nil, f.dtype, v))
	mantissa, exponent, _ := strings.Cut(text, "e")
	short, _ := strconv.Atoi(exponent)
	limit := precision
	if f.scalar {
		limit = math.MaxInt32
	}
	if f.scientific {
		if len(mantissa)-strings.IndexByte(mantissa, '.')-1 > limit && strings.Contains(mantissa, ".") {
			mantissa, exponent, _ = strings.Cut(strconv.FormatFloat(v, 'e', limit, 64), "e")
		}
	} else {
		significant := len(strings.Trim(strings.Replace(mantissa, ".", "", 1), "-"))
		places := max(0, significant-1-short)
		if places <= limit {
			// The shortest digits, without an exponent.
			d, _ := strconv.ParseFloat(text, 64)
			mantissa = strconv.FormatFloat(d, 'f', places, 64)
		} else {
			mantissa = strconv.FormatFloat(v, 'f', limit, 64)
		}
		exponent = ""
	}
	whole, fraction, _ = strings.Cut(f.signed(mantissa), ".")
	return whole, strings.TrimRight(fraction, "0"), exponent
}

func (f *floats) signed(number string) string {
	if f.plus && number[0] != '-' {
		return "+" + number
	}
	return number
}

// format prints one value, padded to the common width.
func (f *floats) format(v float64) string {
	right := f.fraction
	if f.scientific {
		right += f.exponent + 2
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		text := "nan"
		switch {
		case math.IsInf(v, -1):
			text = "-inf"
		case f.plus && math.IsInf(v, 1):
			text = "+inf"
		case math.IsInf(v, 1):
			text = "inf"
		case f.plus:
			text = "+nan"
		}
		if f.scalar {
			return text
		}
		return strings.Repeat(" ", max(0, f.left+right+1-len(text))) + text
	}
	whole, fraction, exponent := f.digits(v)
	if f.scientific && len(fraction) < f.fraction {
		// NumPy pads with further digits of the value, not with zeros.
		mantissa, e, _ := strings.Cut(strconv.FormatFloat(v, 'e', f.fraction, 64), "e")
		whole, fraction, _ = strings.Cut(f.signed(mantissa), ".")
		exponent = e
	}
	if f.scalar && fraction == "" && exponent == "" {
		fraction = "0"
	}
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", max(0, f.left-len(whole))))
	b.WriteString(whole)
	if f.scientific {
		if !f.scalar || fraction != "" {
			b.WriteByte('.')
		}
		b.WriteString(fraction)
		b.WriteByte('e')
		b.WriteByte(exponent[0])
		b.WriteString(strings.Repeat("0", f.exponent-len(exponent)+1))
		b.WriteString(exponent[1:])
		return b.String()
	}
	b.WriteByte('.')
	b.WriteString(fraction)
	b.WriteString(strings.Repeat(" ", max(0, f.fraction-len(fraction))))
	return b.String()
}

// imaginary prints one value with the j of Python's complex numbers before the padding.
func (f *floats) imaginary(v float64) string {
	text := f.format(v)
	bare := strings.TrimRight(text, " ")
	return bare + "j" + text[len(bare):]
}
