package npy

import (
	"strconv"

	"github.com/tfkeep/tfkeep/dtype"
)

// StoredType returns the type with which NumPy stores one of TensorFlow's types: the same
// type if NumPy has it, otherwise float32 or an integer type that holds every value.
// Types other than numbers, booleans and strings are tfkeep.ErrUnsupported.
func StoredType(dt dtype.DataType) (dtype.DataType, error) {
	switch dt {
	case dtype.QInt8, dtype.Int4, dtype.Int2:
		return dtype.Int8, nil
	case dtype.QUint8, dtype.Uint4, dtype.Uint2:
		return dtype.Uint8, nil
	case dtype.QInt16:
		return dtype.Int16, nil
	case dtype.QUint16:
		return dtype.Uint16, nil
	case dtype.QInt32:
		return dtype.Int32, nil
	case dtype.Float16, dtype.String:
		return dt, nil
	}
	if isSmallFloat(dt) {
		return dtype.Float32, nil
	}
	if dtype.Size(dt) == 0 {
		return 0, unsupported("write", "NumPy has no type for %s", dtype.Name(dt))
	}
	return dt, nil
}

// letters are NumPy's codes for the types that NumPy and TensorFlow have.
var letters = []struct {
	dtype dtype.DataType
	code  string
}{
	{dtype.Bool, "b1"},
	{dtype.Int8, "i1"}, {dtype.Int16, "i2"}, {dtype.Int32, "i4"}, {dtype.Int64, "i8"},
	{dtype.Uint8, "u1"}, {dtype.Uint16, "u2"}, {dtype.Uint32, "u4"}, {dtype.Uint64, "u8"},
	{dtype.Float16, "f2"}, {dtype.Float32, "f4"}, {dtype.Float64, "f8"},
	{dtype.Complex64, "c8"}, {dtype.Complex128, "c16"},
	{dtype.BFloat16, "V2"}, {dtype.Float8E5M2, "f1"}, // as ml_dtypes writes them
}

// descr returns NumPy's notation of a stored type with width bytes per element.
func descr(dt dtype.DataType, width int) string {
	if dt == dtype.String {
		return "|S" + strconv.Itoa(width)
	}
	for _, l := range letters {
		if l.dtype == dt {
			if dtype.Size(dt) == 1 {
				return "|" + l.code
			}
			return "<" + l.code
		}
	}
	return ""
}

// element describes the elements of an array, as its descr does.
type element struct {
	dtype     dtype.DataType
	width     int  // bytes per element in the file
	word      int  // bytes in the unit of byte order
	bigEndian bool // words have to be reversed
	unicode   bool // strings as 4-byte code points
}

// maxStringWidth is the largest width in bytes of fixed-width strings.
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
		return e, unsupported("read", "dtype %q", s)
	}
	code := s[1:]
	if code[0] == 'O' {
		return e, unsupported("read", "the array holds Python objects, a pickle that could run code; save it with a plain dtype")
	}
	if code[0] == 'S' || code[0] == 'U' {
		n, err := strconv.ParseUint(code[1:], 10, 31)
		if err != nil {
			return e, corrupt("dtype %q", s)
		}
		e.dtype, e.width, e.word = dtype.String, int(n), 1
		if code[0] == 'U' {
			if n > maxStringWidth/4 {
				return e, unsupported("read", "strings of %d characters", n)
			}
			e.width, e.word, e.unicode = 4*int(n), 4, true
		}
		if e.width > maxStringWidth {
			return e, unsupported("read", "strings of %d bytes", n)
		}
		return e, nil
	}
	for _, l := range letters {
		if l.code != code {
			continue
		}
		e.dtype, e.width = l.dtype, dtype.Size(l.dtype)
		e.word = e.width
		if dtype.IsComplex(l.dtype) {
			e.word = e.width / 2
		}
		return e, nil
	}
	return e, unsupported("read", "dtype %q", s)
}

// isSmallFloat reports whether dt is a float of 16 or fewer bits.
func isSmallFloat(dt dtype.DataType) bool { return dtype.IsFloat(dt) && dtype.Size(dt) <= 2 }
