package capi_test

import (
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
)

func TestControlInputs(t *testing.T) {
	t.Parallel()
	g := tensorflow.NewGraph()
	first, err := capi.AddOperation(g, tensorflow.OpSpec{Type: "NoOp", Name: "first"})
	require.NoError(t, err)
	second, err := capi.AddOperation(g, tensorflow.OpSpec{Type: "NoOp", Name: "second", ControlDependencies: []*tensorflow.Operation{first}})
	require.NoError(t, err)
	none, err := capi.ControlInputs(first)
	require.NoError(t, err)
	assert.Empty(t, none)
	one, err := capi.ControlInputs(second)
	require.NoError(t, err)
	require.Len(t, one, 1)
	assert.Equal(t, "first", one[0].Name())
	_, err = capi.ControlInputs(nil)
	require.Error(t, err)
}

func TestSetShape(t *testing.T) {
	t.Parallel()
	g := tensorflow.NewGraph()
	op, err := capi.AddOperation(g, tensorflow.OpSpec{Type: "Placeholder", Name: "p", Attrs: map[string]any{"dtype": tensorflow.Float}})
	require.NoError(t, err)
	require.NoError(t, capi.SetShape(op.Output(0), tensorflow.MakeShape(2, -1)))
	assert.Equal(t, 2, op.Output(0).Shape().NumDimensions())
	require.NoError(t, capi.SetShape(op.Output(0), tensorflow.MakeShape(-1, 3)))
	assert.Equal(t, int64(3), op.Output(0).Shape().Size(1))
	require.Error(t, capi.SetShape(op.Output(0), tensorflow.MakeShape(5, 3)))
	require.Error(t, capi.SetShape(op.Output(1), tensorflow.Shape{}))
	require.Error(t, capi.SetShape(tensorflow.Output{}, tensorflow.Shape{}))
}

func TestCopyFunctions(t *testing.T) {
	t.Parallel()
	src, dst := tensorflow.NewGraph(), tensorflow.NewGraph()
	require.NoError(t, capi.CopyFunctions(dst, src), "nothing to copy")
	importText(t, src, `library { function { signature { name: "f" input_arg { name: "x" type: DT_FLOAT } output_arg { name: "y" type: DT_FLOAT } }
		ret { key: "y" value: "x" } } }`)
	for range 2 {
		require.NoError(t, capi.CopyFunctions(dst, src))
	}
	functions, _ := capi.Changes(dst)
	assert.Equal(t, 1, functions)
	other := tensorflow.NewGraph()
	importText(t, other, `library { function { signature { name: "f" input_arg { name: "x" type: DT_INT32 } output_arg { name: "y" type: DT_INT32 } }
		ret { key: "y" value: "x" } } }`)
	require.Error(t, capi.CopyFunctions(dst, other))
}

func importText(t *testing.T, g *tensorflow.Graph, text string) {
	t.Helper()
	def := new(graph_go_proto.GraphDef)
	require.NoError(t, prototext.Unmarshal([]byte(text), def))
	raw, err := proto.Marshal(def)
	require.NoError(t, err)
	_, err = capi.Import(g, raw, nil)
	require.NoError(t, err)
}
