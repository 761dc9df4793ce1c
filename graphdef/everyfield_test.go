package graphdef_test

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

//go:embed testdata/every_field.py
var everyFieldScript string

// fieldCase is a message in which Python set one field.
type fieldCase struct {
	Root    string // the message's type
	Name    string // where the field stands, and which value it has
	Message string // the message that has the field
	Field   string
	Binary  []byte
	Text    string
}

// newRoot returns an empty message: of the Go type, if there is one.
func newRoot(t testing.TB, name string) proto.Message {
	t.Helper()
	switch name {
	case "tensorflow.SavedModel":
		return &graphdef.SavedModel{}
	case "tensorflow.MetaGraphDef":
		return &graphdef.MetaGraphDef{}
	case "tensorflow.GraphDef":
		return &graphdef.GraphDef{}
	case "tensorflow.SaverDef":
		return &graphdef.SaverDef{}
	case "tensorflow.TrackableObjectGraph":
		return &for_core_protos_go_proto.TrackableObjectGraph{}
	case "tensorflow.BundleHeaderProto":
		return &for_core_protos_go_proto.BundleHeaderProto{}
	case "tensorflow.BundleEntryProto":
		return &for_core_protos_go_proto.BundleEntryProto{}
	}
	m, err := graphdef.NewMessage(name)
	require.NoError(t, err)
	return m
}

// differentOrder are the messages of which MarshalBinary writes the fields in another order
// than Python. Its documentation says so.
var differentOrder = []string{"tensorflow.Event", "tensorflow.SavedObject", "tensorflow.Summary.Value", "tensorflow.TensorInfo"}

// TestEveryFieldLikePython sets every field of TensorFlow 2.21's messages, wherever the field
// can stand, and compares text and binary with Python's, both ways.
func TestEveryFieldLikePython(t *testing.T) {
	t.Parallel()
	roots := []string{"tensorflow.SavedModel", "tensorflow.MetaGraphDef", "tensorflow.GraphDef", "tensorflow.SaverDef",
		"tensorflow.CheckpointState", "tensorflow.TrackableObjectGraph", "tensorflow.BundleHeaderProto",
		"tensorflow.BundleEntryProto", "tensorflow.Event", "tensorflow.QueueRunnerDef", "tensorflow.CondContextDef",
		"tensorflow.WhileContextDef", "tensorflow.VariableDef", "tensorflow.AssetFileDef", "tensorflow.SavedTensorSlices"}
	cases := oracle.Value[[]fieldCase](t, everyFieldScript, roots)
	require.Greater(t, len(cases), 10_000)
	fields := map[string]bool{}
	order := map[string]bool{}
	var back [][]byte
	for _, c := range cases {
		fields[c.Message+"."+c.Field] = true
		m := newRoot(t, c.Root)
		require.NoError(t, proto.Unmarshal(c.Binary, m), c.Name)
		text, err := graphdef.MarshalText(m)
		require.NoError(t, err, c.Name)
		require.Equal(t, c.Text, string(text), c.Name)

		parsed := newRoot(t, c.Root)
		require.NoError(t, graphdef.UnmarshalText([]byte(c.Text), parsed), c.Name)
		again, err := graphdef.MarshalText(parsed)
		require.NoError(t, err, c.Name)
		require.Equal(t, c.Text, string(again), "from text: %s", c.Name)
		data, err := graphdef.MarshalBinary(parsed)
		require.NoError(t, err, c.Name)
		if string(data) != string(c.Binary) && c.Field == "" {
			order[c.Message] = true
		}
		back = append(back, data)
	}
	wrong := oracle.Value[[]string](t, `
from google.protobuf import descriptor_pool, message_factory, text_format
result = []
for case, data in zip(kept["every_field"], args):
    m = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(case["root"]))()
    m.ParseFromString(data)
    if text_format.MessageToString(m) != case["text"]:
        result.append(case["name"])
    m.Clear()
    text_format.Parse(case["text"], m)
    if text_format.MessageToString(m) != case["text"]:
        raise ValueError("Python changes " + case["name"])
`, toAny(back)...)
	assert.Empty(t, wrong, "Python reads something else in binary")
	t.Logf("%d uses of %d fields", len(cases), len(fields))
	assert.Equal(t, differentOrder, slices.Sorted(maps.Keys(order)))
}

func toAny(list [][]byte) []any {
	all := make([]any, len(list))
	for i, b := range list {
		all[i] = b
	}
	return all
}

// TestFieldOfTheFuture adds a field that TensorFlow does not know to each message. Binary
// keeps it, and text names it.
func TestFieldOfTheFuture(t *testing.T) {
	t.Parallel()
	for _, number := range []protowire.Number{60, 99, 1000, 536870911} {
		future := protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), "future")
		for kind, m := range oneOfEach(t) {
			for name, change := range map[string]func(proto.Message) proto.Message{
				"root":    func(m proto.Message) proto.Message { return m },
				"node":    func(m proto.Message) proto.Message { return graphOf(m).Node[0] },
				"attr":    func(m proto.Message) proto.Message { return graphOf(m).Node[0].Attr["dtype"] },
				"graph":   func(m proto.Message) proto.Message { return graphOf(m) },
				"version": func(m proto.Message) proto.Message { return graphOf(m).Versions },
				"info": func(m proto.Message) proto.Message {
					if mg := metaGraphOf(m); mg != nil {
						return mg.MetaInfoDef
					}
					return m
				},
				"op": func(m proto.Message) proto.Message {
					if mg := metaGraphOf(m); mg != nil {
						return mg.MetaInfoDef.StrippedOpList.Op[0]
					}
					return m
				},
				"op list": func(m proto.Message) proto.Message {
					if mg := metaGraphOf(m); mg != nil {
						return mg.MetaInfoDef.StrippedOpList
					}
					return m
				},
				"saver": func(m proto.Message) proto.Message {
					if mg := metaGraphOf(m); mg != nil {
						return mg.SaverDef
					}
					return m
				},
			} {
				changed := proto.Clone(m)
				inner := change(changed)
				inner.ProtoReflect().SetUnknown(future)
				data, err := graphdef.MarshalBinary(changed)
				require.NoError(t, err)
				back, err := graphdef.Parse(data)
				require.NoError(t, err, "%s %s %d", kind, name, number)
				require.Equal(t, kind, messageName(back), "%s %d", name, number)
				again, err := graphdef.MarshalBinary(back)
				require.NoError(t, err)
				require.Equal(t, data, again)
				_, err = graphdef.MarshalText(back)
				require.ErrorIs(t, err, tfkeep.ErrUnsupported)
				require.ErrorContains(t, err, fmt.Sprintf("%s has field %d", inner.ProtoReflect().Descriptor().FullName(), number))
			}
		}
	}
}

func metaGraphOf(m proto.Message) *graphdef.MetaGraphDef {
	switch m := m.(type) {
	case *graphdef.MetaGraphDef:
		return m
	case *graphdef.SavedModel:
		return m.MetaGraphs[0]
	}
	return nil
}

func graphOf(m proto.Message) *graphdef.GraphDef {
	if mg := metaGraphOf(m); mg != nil {
		return mg.GraphDef
	}
	return m.(*graphdef.GraphDef)
}
