package textformat

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/tfkeep/tfkeep/internal/tfproto"
)

// MaxNesting is the depth to which messages may nest, text or binary. It is the limit of
// TensorFlow's C++ and Python, so that they can read what is read and written here.
const MaxNesting = 100

// Marshal returns a message as text, byte for byte as Python's
// text_format.MessageToString writes it: two spaces per level, fields by number, maps
// sorted by key, floats with the fewest digits.
//
// An Any is written as its message if TensorFlow has that type, nothing would be lost and the
// text can be parsed, and as type_url and value otherwise. (Python also writes URLs as text that
// it cannot parse, or that it parses as another URL.) A field that TensorFlow 2.21 does not have is an
// [UnknownFieldError].
func Marshal(m proto.Message) ([]byte, error) {
	p := &printer{}
	r := m.ProtoReflect()
	if err := p.message(r, layoutOf(r.Descriptor())); err != nil {
		return nil, err
	}
	return p.buf, nil
}

// UnknownFieldError is the error for a field that text cannot hold, because TensorFlow 2.21
// has no name for it.
type UnknownFieldError struct {
	Message protoreflect.FullName
	Number  protoreflect.FieldNumber
}

func (e *UnknownFieldError) Error() string {
	return fmt.Sprintf("the message %s has field %d, which TensorFlow 2.21 does not know; text cannot hold it, binary can", e.Message, e.Number)
}

type printer struct {
	buf    []byte
	indent int
}

func (p *printer) message(m protoreflect.Message, l *layout) error {
	if l.isAny && p.any(m, l) {
		return nil
	}
	unknown, err := unknownFields(m, l)
	if err != nil {
		return err
	}
	for _, f := range l.fields {
		from, fd := f.in(m, unknown)
		if from == nil || !from.Has(fd) {
			continue
		}
		if err := p.values(f, from.Get(fd)); err != nil {
			return err
		}
	}
	return nil
}

// unknownFields returns a message with the fields that m's Go type does not have, or nil.
func unknownFields(m protoreflect.Message, l *layout) (protoreflect.Message, error) {
	raw := m.GetUnknown()
	if len(raw) == 0 {
		return nil, nil
	}
	d := dynamicpb.NewMessage(l.md)
	if err := (proto.UnmarshalOptions{RecursionLimit: MaxNesting, AllowPartial: true}).Unmarshal(raw, d); err != nil {
		return nil, err
	}
	if left := d.GetUnknown(); len(left) > 0 {
		number, _, _ := protowire.ConsumeField(left)
		return nil, &UnknownFieldError{l.md.FullName(), number}
	}
	return d, nil
}

// any prints an Any as the message in it, and reports whether it could.
func (p *printer) any(m protoreflect.Message, l *layout) bool {
	url := m.Get(l.fields[0].heldOrOwn()).String()
	packed := newPacked(url)
	if packed == nil || !isTextURL(url) {
		return false
	}
	opts := proto.UnmarshalOptions{RecursionLimit: MaxNesting, AllowPartial: true}
	if err := opts.Unmarshal(m.Get(l.fields[1].heldOrOwn()).Bytes(), packed.Interface()); err != nil {
		return false
	}
	start, indent := len(p.buf), p.indent
	p.blanks()
	p.buf = append(append(append(p.buf, '['), url...), "] {\n"...)
	p.indent += 2
	if err := p.message(packed, layoutOf(packed.Descriptor())); err != nil {
		// Its bytes hold what its text cannot.
		p.buf, p.indent = p.buf[:start], indent
		return false
	}
	p.close()
	return true
}

// isTextURL reports whether Python's text_format reads a URL between brackets as it is.
func isTextURL(url string) bool {
	for i := 0; i < len(url); i++ {
		switch c := url[i]; {
		case isLetter(c) || isDigit(c) || strings.IndexByte("-.~!$&()*+,;=/", c) >= 0:
		case c == '%' && i+2 < len(url) && hexDigit(url[i+1]) >= 0 && hexDigit(url[i+2]) >= 0:
		default:
			return false
		}
	}
	return url[0] != '/'
}

// newPacked returns a new message of the type that the URL of an Any names, or nil if
// TensorFlow has no such type.
func newPacked(url string) protoreflect.Message {
	at := strings.LastIndexByte(url, '/')
	if at < 0 {
		return nil
	}
	name := protoreflect.FullName(url[at+1:])
	if !name.IsValid() {
		return nil
	}
	if md := tfproto.Message(name); md != nil {
		return dynamicpb.NewMessage(md)
	}
	return nil
}

func (f *field) heldOrOwn() protoreflect.FieldDescriptor {
	if f.held != nil {
		return f.held
	}
	return f.FieldDescriptor
}

// values prints all values of a field.
func (p *printer) values(f *field, v protoreflect.Value) error {
	switch {
	case f.IsMap():
		return p.mapField(f, v.Map())
	case f.IsList():
		list := v.List()
		for i := range list.Len() {
			if err := p.field(f, list.Get(i)); err != nil {
				return err
			}
		}
		return nil
	default:
		return p.field(f, v)
	}
}

func (p *printer) mapField(f *field, m protoreflect.Map) error {
	keys := make([]protoreflect.MapKey, 0, m.Len())
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	slices.SortFunc(keys, keyOrder(f.MapKey().Kind()))
	entry := f.message()
	key, value := entry.fields[0], entry.fields[1]
	for _, k := range keys {
		p.open(f)
		if err := p.entryField(key, k.Value()); err != nil {
			return err
		}
		if err := p.entryField(value, m.Get(k)); err != nil {
			return err
		}
		p.close()
	}
	return nil
}

func keyOrder(kind protoreflect.Kind) func(a, b protoreflect.MapKey) int {
	switch kind {
	case protoreflect.StringKind:
		return func(a, b protoreflect.MapKey) int { return strings.Compare(a.String(), b.String()) }
	case protoreflect.BoolKind:
		order := func(k protoreflect.MapKey) int {
			if k.Bool() {
				return 1
			}
			return 0
		}
		return func(a, b protoreflect.MapKey) int { return cmp.Compare(order(a), order(b)) }
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return func(a, b protoreflect.MapKey) int { return cmp.Compare(a.Uint(), b.Uint()) }
	}
	return func(a, b protoreflect.MapKey) int { return cmp.Compare(a.Int(), b.Int()) }
}

// entryField prints the key or the value of a map's entry unless it is zero and has no
// presence.
func (p *printer) entryField(f *field, v protoreflect.Value) error {
	if !f.HasPresence() && v.Equal(f.Default()) {
		return nil
	}
	return p.field(f, v)
}

func (p *printer) field(f *field, v protoreflect.Value) error {
	if f.message != nil {
		p.open(f)
		if err := p.message(v.Message(), f.message()); err != nil {
			return err
		}
		p.close()
		return nil
	}
	p.name(f)
	p.buf = append(p.buf, ": "...)
	p.scalar(f, v)
	p.buf = append(p.buf, '\n')
	return nil
}

func (p *printer) open(f *field) {
	p.name(f)
	p.buf = append(p.buf, " {\n"...)
	p.indent += 2
}

func (p *printer) close() {
	p.indent -= 2
	p.blanks()
	p.buf = append(p.buf, "}\n"...)
}

func (p *printer) name(f *field) {
	p.blanks()
	p.buf = append(p.buf, f.TextName()...)
}

func (p *printer) blanks() {
	for range p.indent {
		p.buf = append(p.buf, ' ')
	}
}

func (p *printer) scalar(f *field, v protoreflect.Value) {
	switch f.kind {
	case protoreflect.BoolKind:
		p.buf = strconv.AppendBool(p.buf, v.Bool())
	case protoreflect.EnumKind:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			p.buf = append(p.buf, e.Name()...)
		} else {
			p.buf = strconv.AppendInt(p.buf, int64(v.Enum()), 10)
		}
	case protoreflect.StringKind:
		p.buf = appendQuoted(p.buf, v.String(), false)
	case protoreflect.BytesKind:
		p.buf = appendQuoted(p.buf, v.Bytes(), true)
	case protoreflect.FloatKind:
		p.buf = AppendFloat(p.buf, shortestFloat32(float32(v.Float())))
	case protoreflect.DoubleKind:
		p.buf = AppendFloat(p.buf, v.Float())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		p.buf = strconv.AppendUint(p.buf, v.Uint(), 10)
	default:
		p.buf = strconv.AppendInt(p.buf, v.Int(), 10)
	}
}
