package graphdef

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Kind tells the three files of a graph apart.
type Kind int

// The kinds of graph file.
const (
	KindUnknown Kind = iota
	KindGraphDef
	KindMetaGraphDef
	KindSavedModel
)

var kindNames = [...]string{"unknown file", "GraphDef", "MetaGraphDef", "SavedModel"}

// String gives the message's name, "GraphDef" for one.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return kindNames[0]
	}
	return kindNames[k]
}

func (k Kind) new() proto.Message {
	switch k {
	case KindGraphDef:
		return &GraphDef{}
	case KindMetaGraphDef:
		return &MetaGraphDef{}
	case KindSavedModel:
		return &SavedModel{}
	}
	return nil
}

// KindOf gives the kind of a message, KindUnknown for one that is no graph.
func KindOf(m proto.Message) Kind {
	switch m.(type) {
	case *GraphDef:
		return KindGraphDef
	case *MetaGraphDef:
		return KindMetaGraphDef
	case *SavedModel:
		return KindSavedModel
	}
	return KindUnknown
}

// plausible says whether a message that parsed as binary is what its bytes
// meant. Protocol buffers carry no type: nearly any message parses as nearly
// any other, what does not fit being kept as unknown fields, and text can parse
// as binary by chance. A graph's nodes have names and ops, though, and a field
// that its own definition knows by number never ends up among the unknown.
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
	// Nothing but a foreign message gives a graph with no field of its own.
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

// blank says whether a message is absent or has no field.
func blank(m proto.Message) bool {
	return len(m.ProtoReflect().GetUnknown()) == 0 && !hasFields(m)
}

// hasFields says whether any of the fields that a message's definition knows is
// set.
func hasFields(m proto.Message) bool {
	found := false
	m.ProtoReflect().Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool {
		found = true
		return false
	})
	return found
}

// misread says whether m has an unknown field whose number its definition does
// know, that is one of another wire type, or a number far beyond anything that
// TensorFlow's graph messages use. Fields that a newer TensorFlow added do not
// count.
func misread(m proto.Message) bool {
	const beyond = 100
	r := m.ProtoReflect()
	fields := r.Descriptor().Fields()
	for b := r.GetUnknown(); len(b) > 0; {
		num, _, n := protowire.ConsumeField(b)
		if n < 0 {
			return true
		}
		if fields.ByNumber(protoreflect.FieldNumber(num)) != nil || num > beyond {
			return true
		}
		b = b[n:]
	}
	return false
}
