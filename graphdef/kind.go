package graphdef

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// kind is one of the three kinds of graph file: the name of its message.
type kind string

const (
	kindGraphDef     kind = "GraphDef"
	kindMetaGraphDef kind = "MetaGraphDef"
	kindSavedModel   kind = "SavedModel"
)

// kinds are all kinds in the order in which Parse tries them. MetaGraphDef comes before
// GraphDef, because a MetaGraphDef is more easily mistaken for a GraphDef than the other
// way round.
var kinds = []kind{kindSavedModel, kindMetaGraphDef, kindGraphDef}

func (k kind) newMessage() proto.Message {
	switch k {
	case kindSavedModel:
		return &SavedModel{}
	case kindMetaGraphDef:
		return &MetaGraphDef{}
	default:
		return &GraphDef{}
	}
}

// plausible reports whether the bytes of a parsed message were a message of this
// type. Protocol buffers carry no type: nearly any message parses as nearly any
// other type, with unknown fields, and text can parse as binary by chance.
// But a graph's nodes have names and ops, and a field whose number the definition
// knows is never among the unknown fields.
func plausible(m proto.Message) bool {
	switch m := m.(type) {
	case *GraphDef:
		return plausibleGraph(m)
	case *MetaGraphDef:
		return plausibleMetaGraph(m)
	case *SavedModel:
		if misread(m) || len(m.MetaGraphs) == 0 && m.SavedModelSchemaVersion == 0 {
			return false
		}
		for _, mg := range m.MetaGraphs {
			if !plausibleMetaGraph(mg) {
				return false
			}
		}
		return true
	}
	return true
}

func plausibleGraph(g *GraphDef) bool {
	if misread(g) {
		return false
	}
	// Only a message of another type parses as a graph without any field of its own.
	if !hasFields(g) {
		return false
	}
	for _, n := range g.Node {
		if misread(n) || n.GetOp() == "" && n.GetName() == "" {
			return false
		}
	}
	if v := g.Versions; v != nil && misread(v) {
		return false
	}
	return true
}

func plausibleMetaGraph(mg *MetaGraphDef) bool {
	if misread(mg) {
		return false
	}
	if blank(mg.MetaInfoDef) && blank(mg.GraphDef) && blank(mg.SaverDef) && len(mg.CollectionDef) == 0 {
		return false
	}
	if info := mg.MetaInfoDef; info != nil {
		if misread(info) {
			return false
		}
		for _, op := range info.GetStrippedOpList().GetOp() {
			if misread(op) {
				return false
			}
		}
	}
	if g := mg.GraphDef; !blank(g) && !plausibleGraph(g) {
		return false
	}
	return mg.SaverDef == nil || !misread(mg.SaverDef)
}

// blank reports whether a message is absent or has no field.
func blank(m proto.Message) bool {
	return len(m.ProtoReflect().GetUnknown()) == 0 && !hasFields(m)
}

// hasFields reports whether a message has any field that its definition knows.
func hasFields(m proto.Message) bool {
	found := false
	m.ProtoReflect().Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool {
		found = true
		return false
	})
	return found
}

// misread reports whether m has an unknown field whose number its definition knows,
// which is then of another wire type, or whose number is far beyond those that
// TensorFlow's graph messages use. Fields that a newer TensorFlow added do not count.
func misread(m proto.Message) bool {
	const beyond = 100
	r := m.ProtoReflect()
	fields := r.Descriptor().Fields()
	for b := r.GetUnknown(); len(b) > 0; {
		num, _, n := protowire.ConsumeField(b)
		if n < 0 {
			return true
		}
		if fields.ByNumber(num) != nil || num > beyond {
			return true
		}
		b = b[n:]
	}
	return false
}
