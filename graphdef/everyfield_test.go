package graphdef_test

import (
	_ "embed"
	"maps"
	"slices"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

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
