package textformat

import (
	"cmp"
	"slices"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tfkeep/tfkeep/internal/tfproto"
)

// layout has the fields of a message by TensorFlow's definition, beside those of the Go
// type that holds it.
type layout struct {
	md       protoreflect.MessageDescriptor // TensorFlow's
	fields   []*field                       // by number
	byName   map[string]*field
	byNumber map[protoreflect.FieldNumber]*field
	isAny    bool
}

// field is one field of a layout.
type field struct {
	protoreflect.FieldDescriptor // TensorFlow's
	kind                         protoreflect.Kind
	// held is the field of the Go type, or nil if the Go type does not have it: then it
	// is among the unknown fields.
	held protoreflect.FieldDescriptor
	// oneof is the oneof of which the field is a member, or nil.
	oneof protoreflect.OneofDescriptor

	message func() *layout // of the field's messages; nil if it has none
}

// layouts has the layout of each message descriptor of a Go type.
var layouts sync.Map // protoreflect.MessageDescriptor → *layout

// layoutOf returns the layout of the messages of a descriptor. A message that TensorFlow
// does not have is as its Go type says.
func layoutOf(held protoreflect.MessageDescriptor) *layout {
	if l, ok := layouts.Load(held); ok {
		return l.(*layout)
	}
	md := tfproto.Message(held.FullName())
	if md == nil {
		md = held
	}
	l := &layout{md: md, byName: map[string]*field{}, byNumber: map[protoreflect.FieldNumber]*field{},
		isAny: md.FullName() == "google.protobuf.Any"}
	for i := range md.Fields().Len() {
		l.add(md.Fields().Get(i), held.Fields())
	}
	// A field that TensorFlow dropped since keeps its old definition.
	for i := range held.Fields().Len() {
		if fd := held.Fields().Get(i); l.byNumber[fd.Number()] == nil {
			l.add(fd, held.Fields())
		}
	}
	slices.SortFunc(l.fields, func(a, b *field) int { return cmp.Compare(a.Number(), b.Number()) })
	actual, _ := layouts.LoadOrStore(held, l)
	return actual.(*layout)
}

func (l *layout) add(fd protoreflect.FieldDescriptor, held protoreflect.FieldDescriptors) {
	f := &field{FieldDescriptor: fd, kind: fd.Kind(), oneof: fd.ContainingOneof()}
	if h := held.ByNumber(fd.Number()); h != nil && h.Kind() == fd.Kind() && h.Cardinality() == fd.Cardinality() {
		f.held = h
	}
	if fd.Message() != nil {
		inner := fd.Message()
		if f.held != nil {
			inner = f.held.Message()
		}
		f.message = sync.OnceValue(func() *layout { return layoutOf(inner) })
	}
	l.fields = append(l.fields, f)
	l.byName[fd.TextName()] = f
	l.byNumber[fd.Number()] = f
}

// value returns a field's descriptor in the message that holds it: m itself, or the message
// of its unknown fields.
func (f *field) in(m, unknown protoreflect.Message) (protoreflect.Message, protoreflect.FieldDescriptor) {
	if f.held != nil {
		return m, f.held
	}
	return unknown, f.FieldDescriptor
}
