package ndtext

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
)

// newFormat makes the function that prints one element. NumPy gives all of
// them one width and one notation, so those that will be shown are looked at
// first; a scalar is on its own and needs no alignment.
func newFormat(dt dtype.DataType, data []byte, values [][]byte, scalar bool, shown func(func(int64))) (func(int64) string, error) {
	size := int64(dtype.Size(dt))
	number := func(i int64) float64 {
		var v [1]float64
		dtype.Float64s(dt, data[i*size:(i+1)*size], v[:])
		return v[0]
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
		text := func(i int64) string { return integer(dt, data[i*size:(i+1)*size]) }
		width := 0
		shown(func(i int64) { width = max(width, len(text(i))) })
		return func(i int64) string { return fmt.Sprintf("%*s", width, text(i)) }, nil
	case dtype.IsFloat(dt):
		f := newFloats(dt, scalar, func(visit func(float64)) { shown(func(i int64) { visit(number(i)) }) }, false)
		return func(i int64) string { return f.format(number(i)) }, nil
	case dtype.IsComplex(dt):
		part := func(i int64, imaginary bool) float64 { return complexPart(dt, data[i*size:(i+1)*size], imaginary) }
		re := newFloats(dt, scalar, func(visit func(float64)) { shown(func(i int64) { visit(part(i, false)) }) }, false)
		im := newFloats(dt, scalar, func(visit func(float64)) { shown(func(i int64) { visit(part(i, true)) }) }, true)
		return func(i int64) string { return re.format(part(i, false)) + im.imaginary(part(i, true)) }, nil
	}
	if dt == dtype.String {
		width := 0
		if !scalar {
			shown(func(i int64) { width = max(width, utf8.RuneCountInString(quote(values[i]))) })
		}
		return func(i int64) string { return quote(values[i]) }, nil
	}
	return nil, fmt.Errorf("ndtext: %s cannot be printed: %w", dtype.Name(dt), tfkeep.ErrUnsupported)
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

func complexPart(dt dtype.DataType, b []byte, imaginary bool) float64 {
	half := b[:len(b)/2]
	if imaginary {
		half = b[len(b)/2:]
	}
	if dt == dtype.Complex64 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(half)))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(half))
}

// maxQuoted is where a string is cut, in bytes.
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
