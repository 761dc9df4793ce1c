package textformat

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// appendQuoted escapes as Python does: unprintable characters become octal numbers, and
// so does everything outside ASCII if the field holds bytes.
func appendQuoted[S ~string | ~[]byte](b []byte, s S, isBytes bool) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf && !isBytes {
			if r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))])); r != utf8.RuneError || n > 1 {
				b = append(b, s[i:i+n]...)
				i += n
				continue
			}
		}
		i++
		switch c {
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case '"', '\'', '\\':
			b = append(b, '\\', c)
		default:
			if c >= ' ' && c < 0x7f {
				b = append(b, c)
			} else {
				b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
			}
		}
	}
	return append(b, '"')
}

// shortestFloat32 returns the float64 with the fewest digits, at least six, that rounds
// to f. Python prints it for a float field.
func shortestFloat32(f float32) float64 {
	if f != f || math.IsInf(float64(f), 0) {
		return float64(f)
	}
	for prec := 6; prec <= 9; prec++ {
		d, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', prec, 64), 64)
		if err == nil && float32(d) == f {
			return d
		}
	}
	return float64(f)
}

// AppendFloat writes f as Python's repr does: the fewest digits, always a point or an
// exponent, and an exponent only below 1e-4 and from 1e16 on.
func AppendFloat(b []byte, f float64) []byte {
	switch {
	case f != f:
		return append(b, "nan"...)
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return append(b, s...)
}
