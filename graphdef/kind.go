package graphdef

import (
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/tfkeep/tfkeep/internal/modeldir"
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

// promised returns the kind that a file's name promises, or "".
func promised(path string) kind {
	base := strings.ToLower(filepath.Base(path))
	switch {
	case strings.HasSuffix(base, ".meta"):
		return kindMetaGraphDef
	case base == modeldir.FilenamePB, base == modeldir.FilenamePBText:
		return kindSavedModel
	case strings.Contains(base, "graph"), strings.Contains(base, "frozen"):
		return kindGraphDef
	}
	return ""
}

// inOrder returns all kinds, the given one first. Few bytes can be several kinds, and then
// the file's name decides.
func inOrder(first kind) []kind {
	if first == "" {
		return kinds
	}
	return append([]kind{first}, slices.DeleteFunc(slices.Clone(kinds), func(k kind) bool { return k == first })...)
}

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

// fits reports whether the outermost fields of serialized data can be those of a kind. It
// reads only their tags, and so refuses most messages of another kind before they are parsed.
func fits(data []byte, k kind) bool {
	last := map[kind]protowire.Number{kindSavedModel: 2, kindMetaGraphDef: 7, kindGraphDef: 5}[k]
	number := map[kind]protowire.Number{kindSavedModel: 1, kindGraphDef: 3}[k] // the field that is no message
	infos := 0
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeField(data)
		if n < 0 {
			return false
		}
		data = data[n:]
		want := protowire.BytesType
		if num == number {
			want = protowire.VarintType
		}
		if num <= last && typ != want { // others are of a newer TensorFlow
			return false
		}
		if num == 1 {
			infos++
		}
	}
	// A meta graph has one MetaInfoDef. A graph has as many of this field as it has nodes.
	return k != kindMetaGraphDef || infos <= 1
}

// sensible reports whether what a binary message says makes sense: names that a program
// or a person can have given. Bytes of another kind that parse by chance do not.
func sensible(m proto.Message) bool {
	switch m := m.(type) {
	case *GraphDef:
		return sensibleGraph(m)
	case *MetaGraphDef:
		return sensibleMetaGraph(m)
	case *SavedModel:
		for _, mg := range m.MetaGraphs {
			if !sensibleMetaGraph(mg) {
				return false
			}
		}
	}
	return true
}

// sensibleGraph reports whether the first nodes of a graph can be nodes. The bytes of an op
// definition parse as a node as well, but have a message where the node has its op.
func sensibleGraph(g *GraphDef) bool {
	const enough = 100
	named := false
	for i, n := range g.Node {
		if i == enough {
			break
		}
		named = named || n.Op != ""
		if !printable(n.Name, n.Op, n.Device) {
			return false
		}
	}
	return named || len(g.Node) == 0
}

func sensibleMetaGraph(mg *MetaGraphDef) bool {
	if info := mg.MetaInfoDef; info != nil {
		if !printable(append(slices.Clone(info.Tags), info.MetaGraphVersion, info.TensorflowVersion, info.TensorflowGitVersion)...) {
			return false
		}
		// The op of a node parses as an op list without an op.
		if ops := info.StrippedOpList; ops != nil && len(ops.Op) == 0 && len(ops.ProtoReflect().GetUnknown()) > 0 {
			return false
		}
		for _, op := range info.GetStrippedOpList().GetOp() {
			if op.Name == "" || !printable(op.Name) {
				return false
			}
		}
		// An op definition that is only a name parses as a version that is only a name.
		if mg.GraphDef == nil && mg.SaverDef == nil && onlyVersion(info) {
			return false
		}
		if packed := info.AnyInfo; packed != nil && len(packed.ProtoReflect().GetUnknown()) > 0 {
			return false
		}
	}
	return mg.GraphDef == nil || sensibleGraph(mg.GraphDef)
}

// onlyVersion reports whether a MetaInfoDef has its first field at most.
func onlyVersion(info *MetaInfoDef) bool {
	only := true
	info.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		only = fd.Number() == 1
		return only
	})
	return only
}

// printable reports whether no text has control characters.
func printable(texts ...string) bool {
	for _, s := range texts {
		for i := range len(s) {
			if s[i] < ' ' {
				return false
			}
		}
	}
	return true
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
// which is then of another wire type. Fields that a newer TensorFlow added do not count.
func misread(m proto.Message) bool {
	r := m.ProtoReflect()
	fields := r.Descriptor().Fields()
	for b := r.GetUnknown(); len(b) > 0; {
		num, _, n := protowire.ConsumeField(b)
		if n < 0 {
			return true
		}
		if fields.ByNumber(num) != nil {
			return true
		}
		b = b[n:]
	}
	return false
}
