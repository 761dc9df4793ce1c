package textformat

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Unmarshal parses text into a message, which it empties first. It accepts what Python's
// text_format.Parse accepts, except underscores in numbers. Fields that the message's Go
// type does not have become unknown fields. An error has the place in the text: it is an
// [*Error].
func Unmarshal(text []byte, m proto.Message) error {
	proto.Reset(m)
	p := &parser{scanner: scanner{text: text}}
	r := m.ProtoReflect()
	return p.message(r, layoutOf(r.Descriptor()), 0, 0)
}

type parser struct {
	scanner
	depth int
}

// message parses fields up to the closing bracket, which is 0 at the end of the text. start
// is the place of the message.
func (p *parser) message(m protoreflect.Message, l *layout, closing byte, start int) error {
	if p.depth++; p.depth > MaxNesting {
		return p.failAt(start, "messages nest deeper than %d (recursion limit)", MaxNesting)
	}
	var unknown *dynamicpb.Message // the fields that m's Go type does not have
	for {
		switch p.next() {
		case 0:
			if p.at < len(p.text) {
				return p.fail("a field")
			}
			if closing != 0 {
				return p.fail("'" + string(closing) + "'")
			}
		case closing:
			p.at++
		default:
			if err := p.field(m, &unknown, l); err != nil {
				return err
			}
			if !p.take(',') {
				p.take(';')
			}
			continue
		}
		break
	}
	p.depth--
	if unknown == nil {
		return nil
	}
	raw, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(unknown)
	if err != nil {
		return p.failAt(start, "%v", err)
	}
	m.SetUnknown(append(m.GetUnknown(), raw...))
	return nil
}

// field parses one field with its name and all of its values.
func (p *parser) field(m protoreflect.Message, unknown **dynamicpb.Message, l *layout) error {
	at := p.at
	if p.take('[') {
		return p.any(m, l, at)
	}
	name := p.name()
	if name == nil {
		return p.fail("the name of a field")
	}
	f := l.byName[string(name)]
	if f == nil {
		return p.failAt(at, "unknown field: the message %s has no field %q in TensorFlow 2.21", l.md.FullName(), name)
	}
	if f.held == nil && *unknown == nil {
		*unknown = dynamicpb.NewMessage(l.md)
	}
	into, fd := m, f.held
	if f.held == nil {
		into, fd = *unknown, f.FieldDescriptor
	}
	if err := p.checkOneof(m, *unknown, l, f, at); err != nil {
		return err
	}
	if !p.take(':') && f.message == nil {
		return p.fail("':'")
	}
	if f.IsList() || f.IsMap() {
		return p.repeated(into, f, fd)
	}
	if into.Has(fd) {
		return p.failAt(at, "the message %s has several values for its field %q", l.md.FullName(), name)
	}
	v, err := p.value(f, func() protoreflect.Value { return into.NewField(fd) })
	if err != nil {
		return err
	}
	into.Set(fd, v)
	return nil
}

// checkOneof refuses a second member of a oneof.
func (p *parser) checkOneof(m protoreflect.Message, unknown *dynamicpb.Message, l *layout, f *field, at int) error {
	if f.oneof == nil || f.oneof.IsSynthetic() {
		return nil
	}
	members := f.oneof.Fields()
	for i := range members.Len() {
		other := l.byNumber[members.Get(i).Number()]
		if other == f {
			continue
		}
		var held protoreflect.Message
		if unknown != nil {
			held = unknown
		}
		in, fd := other.in(m, held)
		if in != nil && in.Has(fd) {
			return p.failAt(at, "the field %q of %s is given along with %q; both are members of the oneof %q",
				f.Name(), l.md.FullName(), other.Name(), f.oneof.Name())
		}
	}
	return nil
}

// repeated parses the values of a list or a map: one, or several in brackets.
func (p *parser) repeated(m protoreflect.Message, f *field, fd protoreflect.FieldDescriptor) error {
	if !p.take('[') {
		return p.element(m, f, fd)
	}
	if p.take(']') {
		return nil
	}
	for {
		if err := p.element(m, f, fd); err != nil {
			return err
		}
		if p.take(']') {
			return nil
		}
		if !p.take(',') {
			return p.fail("',' or ']'")
		}
	}
}

// element parses one element of a list or one entry of a map.
func (p *parser) element(m protoreflect.Message, f *field, fd protoreflect.FieldDescriptor) error {
	if f.IsMap() {
		return p.entry(m.Mutable(fd).Map(), f)
	}
	list := m.Mutable(fd).List()
	v, err := p.value(f, list.NewElement)
	if err != nil {
		return err
	}
	list.Append(v)
	return nil
}

// entry parses an entry of a map. A key or value that is missing is zero.
func (p *parser) entry(m protoreflect.Map, f *field) error {
	at := p.at
	closing, err := p.openMessage()
	if err != nil {
		return err
	}
	keyField, valueField := f.message().fields[0], f.message().fields[1]
	var key, value protoreflect.Value
	for !p.take(closing) {
		at := p.at
		name := p.name()
		if name == nil {
			return p.fail("'key', 'value' or '" + string(closing) + "'")
		}
		part, into := keyField, &key
		switch string(name) {
		case "key":
		case "value":
			part, into = valueField, &value
		default:
			return p.failAt(at, "unknown field: an entry of the map %s has key and value, and no %q", f.FullName(), name)
		}
		if into.IsValid() {
			return p.failAt(at, "an entry of the map %s has several values for %q", f.FullName(), name)
		}
		if !p.take(':') && part.message == nil {
			return p.fail("':'")
		}
		if *into, err = p.value(part, m.NewValue); err != nil {
			return err
		}
		if !p.take(',') {
			p.take(';')
		}
	}
	if !key.IsValid() {
		key = keyField.Default()
	}
	if !value.IsValid() {
		value = m.NewValue()
	}
	if !key.IsValid() || !value.IsValid() {
		return p.failAt(at, "this is no entry of the map %s", f.FullName())
	}
	m.Set(key.MapKey(), value)
	return nil
}

// openMessage takes the opening bracket of a message and returns the closing one.
func (p *parser) openMessage() (byte, error) {
	switch {
	case p.take('{'):
		return '}', nil
	case p.take('<'):
		return '>', nil
	}
	return 0, p.fail("'{'")
}

// value parses one value of a field. made makes a message for it.
func (p *parser) value(f *field, made func() protoreflect.Value) (protoreflect.Value, error) {
	if f.message == nil {
		return p.scalar(f)
	}
	at := p.at
	closing, err := p.openMessage()
	if err != nil {
		return protoreflect.Value{}, err
	}
	v := made()
	return v, p.message(v.Message(), f.message(), closing, at)
}

// any parses the message in an Any, whose type is in brackets.
func (p *parser) any(m protoreflect.Message, l *layout, at int) error {
	end := bytes.IndexByte(p.text[p.at:], ']')
	if end < 0 {
		return p.fail("a type and ']'")
	}
	url := strings.Join(strings.Fields(string(p.text[p.at:p.at+end])), "")
	p.at += end + 1
	if !l.isAny {
		return p.failAt(at, "unknown field: the message %s has no extensions such as [%s]", l.md.FullName(), url)
	}
	packed := newPacked(url)
	if packed == nil {
		return p.failAt(at, "TensorFlow 2.21 has no type %q; give its type_url and value", url)
	}
	urlField, valueField := l.fields[0].heldOrOwn(), l.fields[1].heldOrOwn()
	if m.Has(urlField) || m.Has(valueField) {
		return p.failAt(at, "an Any has several values")
	}
	p.take(':')
	open := p.at
	closing, err := p.openMessage()
	if err != nil {
		return err
	}
	if err := p.message(packed, layoutOf(packed.Descriptor()), closing, open); err != nil {
		return err
	}
	raw, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(packed.Interface())
	if err != nil {
		return p.failAt(at, "%v", err)
	}
	m.Set(urlField, protoreflect.ValueOfString(url))
	m.Set(valueField, protoreflect.ValueOfBytes(raw))
	return nil
}

// scalar parses a value that is no message.
func (p *parser) scalar(f *field) (protoreflect.Value, error) {
	switch f.kind {
	case protoreflect.StringKind, protoreflect.BytesKind:
		p.space()
		at := p.at
		b, err := p.quoted()
		if err != nil {
			return protoreflect.Value{}, err
		}
		if f.kind == protoreflect.BytesKind {
			return protoreflect.ValueOfBytes(bytes.Clone(b)), nil
		}
		if !utf8.Valid(b) {
			return protoreflect.Value{}, p.failAt(at, "the value of %q is not UTF-8", f.Name())
		}
		return protoreflect.ValueOfString(string(b)), nil
	}
	p.space()
	at := p.at
	word := p.word()
	if word == nil {
		return protoreflect.Value{}, p.fail("the value of " + string(f.Name()))
	}
	v, what := parseWord(f, string(word))
	if what != "" {
		return protoreflect.Value{}, p.failAt(at, "%q %s (field %q)", word, what, f.Name())
	}
	return v, nil
}
