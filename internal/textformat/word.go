package textformat

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// parseWord parses a number, a truth value or the name of an enum's value. what says what is
// wrong with it, and is "" if it is right.
func parseWord(f *field, word string) (v protoreflect.Value, what string) {
	switch f.kind {
	case protoreflect.BoolKind:
		switch word {
		case "true", "t", "1", "True":
			return protoreflect.ValueOfBool(true), ""
		case "false", "f", "0", "False":
			return protoreflect.ValueOfBool(false), ""
		}
		return v, "is neither true nor false"
	case protoreflect.EnumKind:
		return parseEnum(f, word)
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		d, ok := parseFloat(word)
		if !ok {
			return v, "is no number"
		}
		if f.kind == protoreflect.FloatKind {
			return protoreflect.ValueOfFloat32(float32(d)), ""
		}
		return protoreflect.ValueOfFloat64(d), ""
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		n, what := parseUint(word, 32)
		return protoreflect.ValueOfUint32(uint32(n)), what
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, what := parseUint(word, 64)
		return protoreflect.ValueOfUint64(n), what
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		n, what := parseInt(word, 64)
		return protoreflect.ValueOfInt64(n), what
	default:
		n, what := parseInt(word, 32)
		return protoreflect.ValueOfInt32(int32(n)), what
	}
}

func parseEnum(f *field, word string) (protoreflect.Value, string) {
	values := f.Enum().Values()
	if e := values.ByName(protoreflect.Name(word)); e != nil {
		return protoreflect.ValueOfEnum(e.Number()), ""
	}
	if isLetter(word[0]) {
		return protoreflect.Value{}, "is no value of the enum " + string(f.Enum().FullName()) + " in TensorFlow 2.21"
	}
	n, what := parseInt(word, 32)
	if what == "" && f.Enum().IsClosed() && values.ByNumber(protoreflect.EnumNumber(n)) == nil {
		what = "is no value of the enum " + string(f.Enum().FullName()) + " in TensorFlow 2.21"
	}
	return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)), what
}

const (
	notInteger = "is no whole number"
	outOfRange = "is out of range"
)

// integerBase returns digits without their prefix, and their base: hexadecimal after "0x",
// octal after "0".
func integerBase(digits string) (string, int) {
	switch {
	case len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x':
		return digits[2:], 16
	case len(digits) > 1 && digits[0] == '0':
		return digits[1:], 8
	}
	return digits, 10
}

func parseUint(word string, bits int) (uint64, string) {
	if rest, negative := strings.CutPrefix(word, "-"); negative {
		if n, what := parseUint(rest, bits); what != "" || n != 0 {
			return 0, outOfRange
		}
		return 0, ""
	}
	digits, base := integerBase(word)
	n, err := strconv.ParseUint(digits, base, 64)
	switch {
	case strings.HasPrefix(digits, "+") || err != nil && !isRange(err):
		return 0, notInteger
	case err != nil || bits < 64 && n>>bits != 0:
		return 0, outOfRange
	}
	return n, ""
}

func parseInt(word string, bits int) (int64, string) {
	digits, negative := strings.CutPrefix(word, "-")
	n, what := parseUint(digits, 64)
	limit := uint64(1) << (bits - 1)
	switch {
	case what != "" || strings.HasPrefix(digits, "-"):
		if what == "" {
			what = notInteger
		}
		return 0, what
	case negative && n <= limit:
		return -int64(n), "" // also the least number, which wraps around to itself
	case n >= limit:
		return 0, outOfRange
	}
	return int64(n), ""
}

func isRange(err error) bool {
	e, ok := err.(*strconv.NumError) //nolint:errorlint // strconv returns it itself
	return ok && errors.Is(e.Err, strconv.ErrRange)
}

// quietNaN is the NaN that C and Python make of the text "nan". Go's has another bit set.
const quietNaN = 0x7ff8 << 48

// parseFloat parses a number as Python's text_format does: decimal, with an "f" at its end
// or without, inf and nan.
func parseFloat(word string) (float64, bool) {
	switch strings.ToLower(strings.TrimPrefix(word, "-")) {
	case "inf", "inff", "infinity", "infinityf":
		if word[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	case "nan", "nanf":
		return math.Float64frombits(quietNaN), true
	}
	number := strings.TrimRight(word, "fF")
	for _, c := range []byte(number) {
		if c != '-' && c != '+' && c != '.' && c|0x20 != 'e' && !isDigit(c) {
			return 0, false
		}
	}
	if digits := strings.TrimPrefix(number, "-"); len(digits) > 1 && digits[0] == '0' && isDigit(digits[1]) {
		return 0, false // octal, which is no float
	}
	d, err := strconv.ParseFloat(number, 64)
	if err != nil && !isRange(err) {
		return 0, false
	}
	return d, true
}
