package ndtext

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
)

// newFormat returns the function that prints one element. NumPy prints all elements in
// one width and notation, which depend on those that will be shown. A scalar is not
// aligned.
func newFormat(dt dtype.DataType, data []byte, values [][]byte, scalar bool, shown iter.Seq[int64]) (func(int64) string, error) {
	size := int64(dtype.Size(dt))
	at := func(i int64) []byte { return data[i*size : (i+1)*size] }
	// each returns a number of each element that will be shown.
	each := func(number func(int64) float64) iter.Seq[float64] {
		return func(yield func(float64) bool) {
			for i := range shown {
				if !yield(number(i)) {
					return
				}
			}
		}
	}
	switch {
	case dt == dtype.Bool:
		return func(i int64) string {
			switch {
			case data[i] == 0:
				return "False"
			case scalar:
				return "True"
			}
			return " True"
		}, nil
	case dtype.IsInteger(dt):
		width := 0
		for i := range shown {
			width = max(width, len(integer(dt, at(i))))
		}
		return func(i int64) string { return fmt.Sprintf("%*s", width, integer(dt, at(i))) }, nil
	case dtype.IsFloat(dt):
		number := func(i int64) float64 {
			var v [1]float64
			dtype.Float64s(dt, at(i), v[:])
			return v[0]
		}
		f := newFloats(dt, scalar, each(number), false)
		return func(i int64) string { return f.format(number(i)) }, nil
	case dtype.IsComplex(dt):
		realPart := func(i int64) float64 { return float(dt, at(i)[:size/2]) }
		imaginaryPart := func(i int64) float64 { return float(dt, at(i)[size/2:]) }
		re := newFloats(dt, scalar, each(realPart), false)
		im := newFloats(dt, scalar, each(imaginaryPart), true)
		return func(i int64) string { return re.format(realPart(i)) + im.imaginary(imaginaryPart(i)) }, nil
	case dt == dtype.String:
		return func(i int64) string { return quote(values[i]) }, nil
	}
	return nil, &tfkeep.Error{Op: "print", Err: tfkeep.ErrUnsupported, Detail: "a " + dtype.Name(dt) + " array has no text"}
}

func integer(dt dtype.DataType, b []byte) string {
	switch dt {
	case dtype.Int64:
		return strconv.FormatInt(int64(binary.LittleEndian.Uint64(b)), 10)
	case dtype.Uint64:
		return strconv.FormatUint(binary.LittleEndian.Uint64(b), 10)
	}
	var v [1]float64
	dtype.Float64s(dt, b, v[:]) // exact: 32 bits or fewer
	return strconv.FormatInt(int64(v[0]), 10)
}

// float decodes one part of a complex number.
func float(dt dtype.DataType, part []byte) float64 {
	if dt == dtype.Complex64 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(part)))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(part))
}

// maxQuoted is the number of bytes that are printed of a longer string.
const maxQuoted = 200

func quote(s []byte) string {
	if len(s) <= maxQuoted {
		return strconv.Quote(string(s))
	}
	cut := maxQuoted
	for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%q… (%d bytes)", s[:cut], len(s))
}
