package npy

import (
	"strconv"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/elem"
)

// StoredType gives the type that NumPy gets for one of TensorFlow's: the same
// where NumPy has it, float32 or an integer that holds every value otherwise.
// Types that are no numbers, bools or strings are [ErrUnsupported].
func StoredType(dt checkpoint.DataType) (checkpoint.DataType, error) {
	switch dt {
	case checkpoint.QInt8, checkpoint.Int4, checkpoint.Int2:
		return checkpoint.Int8, nil
	case checkpoint.QUint8, checkpoint.Uint4, checkpoint.Uint2:
		return checkpoint.Uint8, nil
	case checkpoint.QInt16:
		return checkpoint.Int16, nil
	case checkpoint.QUint16:
		return checkpoint.Uint16, nil
	case checkpoint.QInt32:
		return checkpoint.Int32, nil
	case checkpoint.Float16, checkpoint.String:
		return dt, nil
	}
	if elem.SmallFloat(dt) {
		return checkpoint.Float32, nil
	}
	if elem.KindOf(dt) == elem.Other {
		return 0, unsupported("NumPy has no type for %s", checkpoint.DataTypeName(dt))
	}
	return dt, nil
}

// letters are NumPy's codes for the types that both sides have.
var letters = []struct {
	dtype checkpoint.DataType
	code  string
}{
	{checkpoint.Bool, "b1"},
	{checkpoint.Int8, "i1"}, {checkpoint.Int16, "i2"}, {checkpoint.Int32, "i4"}, {checkpoint.Int64, "i8"},
	{checkpoint.Uint8, "u1"}, {checkpoint.Uint16, "u2"}, {checkpoint.Uint32, "u4"}, {checkpoint.Uint64, "u8"},
	{checkpoint.Float16, "f2"}, {checkpoint.Float32, "f4"}, {checkpoint.Float64, "f8"},
	{checkpoint.Complex64, "c8"}, {checkpoint.Complex128, "c16"},
	{checkpoint.BFloat16, "V2"}, {checkpoint.Float8E5M2, "f1"}, // ml_dtypes' way
}

// descr writes a stored type, of width bytes an element, in NumPy's notation.
func descr(dt checkpoint.DataType, width int) string {
	if dt == checkpoint.String {
		return "|S" + strconv.Itoa(width)
	}
	for _, l := range letters {
		if l.dtype == dt {
			if checkpoint.DataTypeSize(dt) == 1 {
				return "|" + l.code
			}
			return "<" + l.code
		}
	}
	return ""
}

// element is what a descr says about the elements of an array.
type element struct {
	dtype     checkpoint.DataType
	width     int  // bytes an element in the file
	word      int  // bytes in the unit of byte order
	bigEndian bool // words are to be reversed
	unicode   bool // strings as 4-byte code points
}

// maxStringWidth bounds the width of fixed-width strings, in bytes.
const maxStringWidth = 1 << 30

func parseDescr(s string) (element, error) {
	var e element
	if len(s) < 2 {
		return e, corrupt("dtype %q", s)
	}
	switch s[0] {
	case '<', '|', '=':
	case '>':
		e.bigEndian = true
	default:
		return e, unsupported("dtype %q", s)
	}
	code := s[1:]
	if code[0] == 'O' {
		return e, unsupported("the array holds Python objects, a pickle that could run code; save it with a plain dtype")
	}
	if code[0] == 'S' || code[0] == 'U' {
		n, err := strconv.ParseUint(code[1:], 10, 31)
		if err != nil {
			return e, corrupt("dtype %q", s)
		}
		e.dtype, e.width, e.word = checkpoint.String, int(n), 1
		if code[0] == 'U' {
			if n > maxStringWidth/4 {
				return e, unsupported("strings of %d characters", n)
			}
			e.width, e.word, e.unicode = 4*int(n), 4, true
		}
		if e.width > maxStringWidth {
			return e, unsupported("strings of %d bytes", n)
		}
		return e, nil
	}
	for _, l := range letters {
		if l.code != code {
			continue
		}
		e.dtype, e.width = l.dtype, checkpoint.DataTypeSize(l.dtype)
		e.word = e.width
		if elem.KindOf(l.dtype) == elem.Complex {
			e.word = e.width / 2
		}
		return e, nil
	}
	return e, unsupported("dtype %q", s)
}
