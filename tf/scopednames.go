package tf

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/namescope"
)

// inScope returns a copy of a message of a collection (a VariableDef, QueueRunnerDef,
// SaverDef, CondContextDef or WhileContextDef) with all its names in a scope. Every string
// in these messages is a name.
func inScope(m proto.Message, scope string) proto.Message {
	return renamed(m, func(name string) string { return namescope.Prepend(name, scope) })
}

// outOfScope returns a copy of such a message without a scope in its names.
func outOfScope(m proto.Message, scope string) proto.Message {
	return renamed(m, func(name string) string { return namescope.Strip(name, scope) })
}

func renamed(m proto.Message, rename func(string) string) proto.Message {
	m = proto.Clone(m)
	renameAll(m.ProtoReflect(), func(name string) string {
		if name == "" {
			return ""
		}
		return rename(name)
	})
	return m
}

func renameAll(m protoreflect.Message, rename func(string) string) {
	value := func(fd protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
		switch {
		case fd.Kind() == protoreflect.StringKind:
			return protoreflect.ValueOfString(rename(v.String()))
		case fd.Message() != nil:
			renameAll(v.Message(), rename)
		}
		return v
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsList():
			for i := range v.List().Len() {
				v.List().Set(i, value(fd, v.List().Get(i)))
			}
		case fd.IsMap():
			entries := map[string]protoreflect.Value{}
			v.Map().Range(func(k protoreflect.MapKey, item protoreflect.Value) bool {
				entries[k.String()] = value(fd.MapValue(), item)
				return true
			})
			for k := range entries {
				v.Map().Clear(protoreflect.ValueOfString(k).MapKey())
			}
			for k, item := range entries {
				v.Map().Set(protoreflect.ValueOfString(rename(k)).MapKey(), item)
			}
		case fd.Kind() == protoreflect.StringKind:
			m.Set(fd, value(fd, v))
		default:
			value(fd, v)
		}
		return true
	})
}

// messageName returns the name that decides whether a message of a collection is in an
// export scope.
func messageName(m proto.Message) string {
	switch m := m.(type) {
	case *graphdef.VariableDef:
		return m.GetVariableName()
	case interface{ GetQueueName() string }:
		return m.GetQueueName()
	case interface{ GetContextName() string }:
		return m.GetContextName()
	case *graphdef.SaverDef:
		return m.GetFilenameTensorName()
	}
	return ""
}

// hasScope reports whether name starts with scope. As in TensorFlow "hidden2" starts with
// "hidden".
func hasScope(name, scope string) bool { return scope == "" || strings.HasPrefix(name, scope) }
