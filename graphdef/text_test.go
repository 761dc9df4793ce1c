package graphdef_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

const twoPlaceholders = `node {
  name: "Placeholder"
  op: "Placeholder"
  attr {
    key: "dtype"
    value {
      type: DT_FLOAT
    }
  }
  attr {
    key: "shape"
    value {
      shape {
        unknown_rank: true
      }
    }
  }
}
node {
  name: "mul"
  op: "Mul"
  input: "Placeholder"
  input: "Placeholder"
  attr {
    key: "T"
    value {
      type: DT_FLOAT
    }
  }
}
versions {
  producer: 24
}
`

// marshalText returns a message that text can hold as text.
func marshalText(t testing.TB, m proto.Message) []byte {
	t.Helper()
	text, err := graphdef.MarshalText(m)
	require.NoError(t, err)
	return text
}

func TestTextLayout(t *testing.T) {
	t.Parallel()
	assert.Equal(t, twoPlaceholders, string(marshalText(t, tftest.ParseGraph(t, twoPlaceholders))))
}

func awkwardGraph(t testing.TB) *graphdef.MetaGraphDef {
	t.Helper()
	floats := []float32{0, 1, -1, 0.1, 0.9, 1e-7, 3.4e38, 1.1754944e-38, 1e-45, 16777216, 123456.7, 1e10, 1e16,
		float32(math.Inf(1)), float32(math.Inf(-1)), 0.0001, 0.00012345, 33554432.5, float32(math.Copysign(0, -1))}
	doubles := []float64{0, 0.1, 1e15, 1e16, 123456789.123456789, 1e-5, 5e-324, math.MaxFloat64, math.Pi}
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	saver, err := anypb.New(&graphdef.SaverDef{KeepCheckpointEveryNHours: 10000, MaxToKeep: 5})
	require.NoError(t, err)
	attr := func(v *graphdef.AttrValue) map[string]*graphdef.AttrValue {
		return map[string]*graphdef.AttrValue{"value": v, "a": v, "Z": v}
	}
	tensor := &tensor_go_proto.TensorProto{FloatVal: floats, DoubleVal: doubles, StringVal: [][]byte{every, []byte("it's \"ß\"\t")},
		TensorContent: every, Uint64Val: []uint64{math.MaxUint64}, Int64Val: []int64{math.MinInt64}, Dtype: 99}
	return &graphdef.MetaGraphDef{
		MetaInfoDef: &graphdef.MetaInfoDef{AnyInfo: saver, Tags: []string{"größe\x01\x7f", ""}, StrippedDefaultAttrs: true,
			FunctionAliases: map[string]string{"": "x", "b": "", "a": "y"}},
		GraphDef: &graphdef.GraphDef{Node: []*graphdef.NodeDef{
			{Name: "n", Op: "Const", Attr: attr(&graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: tensor}})},
			{Name: "f", Op: "F", Attr: attr(&graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_F{F: 0.3}})},
			{Name: "s", Op: "S", Attr: attr(&graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_S{}})},
			{Name: "l", Op: "L", Attr: attr(&graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: &attr_value_go_proto.AttrValue_ListValue{}}})},
		}},
		CollectionDef: map[string]*for_core_protos_go_proto.CollectionDef{
			"any": {Kind: &for_core_protos_go_proto.CollectionDef_AnyList_{AnyList: &for_core_protos_go_proto.CollectionDef_AnyList{
				Value: []*anypb.Any{{TypeUrl: "unknown.type/no.such.Type", Value: every}, {}},
			}}},
		},
		ObjectGraphDef: &for_core_protos_go_proto.SavedObjectGraph{Nodes: []*for_core_protos_go_proto.SavedObject{
			{SaveableObjects: map[string]*for_core_protos_go_proto.SaveableObject{"": {}, "b": {SaveFunction: 3}}},
		}},
	}
}

func TestTextEqualsPython(t *testing.T) {
	t.Parallel()
	mg := awkwardGraph(t)
	data, err := graphdef.MarshalBinary(mg)
	require.NoError(t, err)
	want := oracle.Value[[]byte](t, `
from google.protobuf import text_format
from tensorflow.core.protobuf import meta_graph_pb2
m = meta_graph_pb2.MetaGraphDef()
m.ParseFromString(args[0])
result = text_format.MessageToString(m).encode()
`, data)
	assert.Equal(t, string(want), string(marshalText(t, mg)))
}

func TestTextRoundTripWithPython(t *testing.T) {
	t.Parallel()
	mg := awkwardGraph(t)
	data, err := graphdef.MarshalBinary(mg)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "m.pbtxt")
	require.NoError(t, graphdef.Write(path, mg, &graphdef.WriteOptions{Text: true}))

	same := oracle.Value[bool](t, `
from tensorflow.python.framework import meta_graph
from tensorflow.core.protobuf import meta_graph_pb2
m = meta_graph_pb2.MetaGraphDef()
m.ParseFromString(args[1])
tf1.train.write_graph(m, os.path.dirname(args[0]), "python.pbtxt")
result = meta_graph.read_meta_graph_file(args[0]) == m
`, path, data)
	assert.True(t, same)

	back, err := graphdef.ReadMetaGraphDef(filepath.Join(filepath.Dir(path), "python.pbtxt"), nil)
	require.NoError(t, err)
	assert.True(t, proto.Equal(mg, back))
}

func TestMarshalIsDeterministic(t *testing.T) {
	t.Parallel()
	mg := awkwardGraph(t)
	first := marshalText(t, mg)
	firstBinary, err := graphdef.MarshalBinary(mg)
	require.NoError(t, err)
	for range 20 {
		again := proto.Clone(mg)
		assert.Equal(t, string(first), string(marshalText(t, again)))
		data, err := graphdef.MarshalBinary(again)
		require.NoError(t, err)
		assert.Equal(t, firstBinary, data)
	}
}
