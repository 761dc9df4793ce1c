package graphdef

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// MarshalText returns a message as protobuf text, byte for byte as Python's
// text_format.MessageToString writes it: two spaces per level, maps sorted by key,
// floats with the fewest digits. (Go's prototext changes its white space from build to
// build on purpose, so that its output cannot be compared or committed.)
//
// An Any is written as its message if that type is known and nothing is lost, and as
// type_url and value otherwise. Fields that the message definitions of this build do not
// know are left out, as in Python.
func MarshalText(m proto.Message) []byte {
	p := &textPrinter{}
	p.message(m.ProtoReflect())
	return p.buf.Bytes()
}

type textPrinter struct {
	buf    bytes.Buffer
	indent int
}

func (p *textPrinter) message(m protoreflect.Message) {
	if a, ok := m.Interface().(*anypb.Any); ok {
		if packed := unpack(a); packed != nil {
			p.blanks()
			p.buf.WriteString("[" + a.GetTypeUrl() + "] {\n")
			p.indent += 2
			p.message(packed.ProtoReflect())
			p.close()
			return
		}
	}
	for _, fd := range populated(m) {
		v := m.Get(fd)
		switch {
		case fd.IsMap():
			p.mapField(fd, v.Map())
		case fd.IsList():
			for i := 0; i < v.List().Len(); i++ {
				p.field(fd, v.List().Get(i))
			}
		default:
			p.field(fd, v)
		}
	}
}

// unpack returns the message in an Any, or nil if its type is not known or if marshaling
// it again would produce other bytes.
func unpack(a *anypb.Any) proto.Message {
	if !strings.Contains(a.GetTypeUrl(), "/") {
		return nil
	}
	m, err := anypb.UnmarshalNew(a, proto.UnmarshalOptions{RecursionLimit: maxNesting})
	if err != nil {
		return nil
	}
	if again, err := MarshalBinary(m); err != nil || !bytes.Equal(again, a.GetValue()) {
		return nil
	}
	return m
}

// populated returns the fields that are set, by number.
func populated(m protoreflect.Message) []protoreflect.FieldDescriptor {
	var fields []protoreflect.FieldDescriptor
	m.Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		fields = append(fields, fd)
		return true
	})
	slices.SortFunc(fields, func(a, b protoreflect.FieldDescriptor) int { return cmp.Compare(a.Number(), b.Number()) })
	return fields
}

func (p *textPrinter) mapField(fd protoreflect.FieldDescriptor, m protoreflect.Map) {
	var keys []protoreflect.MapKey
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	slices.SortFunc(keys, func(a, b protoreflect.MapKey) int {
		switch fd.MapKey().Kind() {
		case protoreflect.StringKind:
			return cmp.Compare(a.String(), b.String())
		case protoreflect.BoolKind:
			if a.Bool() == b.Bool() {
				return 0
			} else if b.Bool() {
				return -1
			}
			return 1
		case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
			return cmp.Compare(a.Uint(), b.Uint())
		}
		return cmp.Compare(a.Int(), b.Int())
	})
	for _, k := range keys {
		p.open(fd)
		p.entryField(fd.MapKey(), k.Value())
		p.entryField(fd.MapValue(), m.Get(k))
		p.close()
	}
}

// entryField prints the key or the value of a map's entry unless it is zero.
func (p *textPrinter) entryField(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
	if fd.Message() == nil && v.Equal(fd.Default()) {
		return
	}
	p.field(fd, v)
}

func (p *textPrinter) field(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
	if fd.Message() != nil {
		p.open(fd)
		p.message(v.Message())
		p.close()
		return
	}
	p.name(fd)
	p.buf.WriteString(": ")
	p.scalar(fd, v)
	p.buf.WriteByte('\n')
}

func (p *textPrinter) open(fd protoreflect.FieldDescriptor) {
	p.name(fd)
	p.buf.WriteString(" {\n")
	p.indent += 2
}

func (p *textPrinter) close() {
	p.indent -= 2
	p.blanks()
	p.buf.WriteString("}\n")
}

func (p *textPrinter) name(fd protoreflect.FieldDescriptor) {
	p.blanks()
	p.buf.WriteString(fd.TextName())
}

func (p *textPrinter) blanks() {
	for range p.indent {
		p.buf.WriteByte(' ')
	}
}

func (p *textPrinter) scalar(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
	b := p.buf.AvailableBuffer()
	switch fd.Kind() {
	case protoreflect.BoolKind:
		b = strconv.AppendBool(b, v.Bool())
	case protoreflect.EnumKind:
		if e := fd.Enum().Values().ByNumber(v.Enum()); e != nil {
			b = append(b, e.Name()...)
		} else {
			b = strconv.AppendInt(b, int64(v.Enum()), 10)
		}
	case protoreflect.StringKind:
		b = appendQuoted(b, v.String(), false)
	case protoreflect.BytesKind:
		b = appendQuoted(b, string(v.Bytes()), true)
	case protoreflect.FloatKind:
		b = appendFloat(b, shortestFloat32(float32(v.Float())))
	case protoreflect.DoubleKind:
		b = appendFloat(b, v.Float())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		b = strconv.AppendUint(b, v.Uint(), 10)
	default:
		b = strconv.AppendInt(b, v.Int(), 10)
	}
	p.buf.Write(b)
}

// appendQuoted escapes as Python does: unprintable characters become octal numbers, and
// so does everything outside ASCII if the field holds bytes.
func appendQuoted(b []byte, s string, isBytes bool) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf && !isBytes {
			if r, n := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || n > 1 {
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

// appendFloat writes f as Python's repr does: the fewest digits, always a point or an
// exponent, and an exponent only below 1e-4 and from 1e16 on.
func appendFloat(b []byte, f float64) []byte {
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
