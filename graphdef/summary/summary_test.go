package summary_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/summary"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

func TestSummaryOfPythonMetaGraph(t *testing.T) {
	t.Parallel()
	data := oracle.Value[[]byte](t, `
x = tf1.placeholder(tf.float32, [None, 4], name="x")
w = tf1.get_variable("w", [4, 3], initializer=tf1.zeros_initializer(), use_resource=True)
b = tf1.get_variable("b", [3], initializer=tf1.zeros_initializer(), use_resource=False, trainable=False)
with tf1.device("/cpu:0"): y = tf1.add(tf1.matmul(x, w), b, name="y")
tf1.add_to_collection("ints", 7)
with tf1.name_scope("save"): tf1.nn.relu(y, name="z")  # the Saver's scope is another one
sig = tf1.saved_model.predict_signature_def({"in": x}, {"out": y})
m = tf1.train.export_meta_graph(saver_def=tf1.train.Saver().saver_def)
m.meta_info_def.tags.append("serve")
m.signature_def["serving_default"].CopyFrom(sig)
result = m.SerializeToString()
`)
	mg, err := graphdef.ParseMetaGraphDef(data)
	require.NoError(t, err)
	s := summary.Of(mg, nil)
	assert.Equal(t, "MetaGraphDef", s.Kind)
	require.Len(t, s.MetaGraphs, 1)
	m := s.MetaGraphs[0]
	assert.Equal(t, []string{"serve"}, m.Tags)
	assert.Equal(t, "2.21.0", m.TensorFlowVersion)
	assert.EqualValues(t, 15, m.Parameters)
	assert.Equal(t, []summary.Variable{
		{Tensor: summary.Tensor{Name: "w:0", DType: "DT_FLOAT", Shape: []int64{4, 3}, Op: "VarHandleOp"}, Trainable: true, Resource: true},
		{Tensor: summary.Tensor{Name: "b:0", DType: "DT_FLOAT", Shape: []int64{3}, Op: "VariableV2"}},
	}, m.Variables)
	assert.Equal(t, []summary.Collection{
		{Key: "ints", Kind: "int64_list", Items: 1}, {Key: "trainable_variables", Kind: "bytes_list", Items: 1}, {Key: "variables", Kind: "bytes_list", Items: 2},
	}, m.Collections)
	assert.Equal(t, "save_1/restore_all", m.Saver.RestoreOp)
	assert.Equal(t, []summary.Signature{{
		Key: "serving_default", Method: "tensorflow/serving/predict",
		Inputs:  []summary.Tensor{{Name: "x:0", DType: "DT_FLOAT", Shape: []int64{-1, 4}, Op: "in"}},
		Outputs: []summary.Tensor{{Name: "y:0", DType: "DT_FLOAT", Shape: []int64{-1, 3}, Op: "out"}},
	}}, m.Signatures)
	assert.Equal(t, []summary.Tensor{{Name: "x", DType: "DT_FLOAT", Shape: []int64{-1, 4}, Op: "Placeholder"}}, m.Graph.Inputs, "not the file name of the Saver")
	assert.Equal(t, []summary.Tensor{{Name: "save/z", DType: "DT_FLOAT", Shape: []int64{-1, 3}, Op: "Relu"}}, m.Graph.Outputs)
	require.Len(t, m.Graph.Devices, 1)
	assert.Equal(t, "/device:CPU:0", m.Graph.Devices[0].Name)
	assert.False(t, m.Graph.Frozen)
	_, err = json.Marshal(s)
	assert.NoError(t, err)

	sm := summary.Of(&graphdef.SavedModel{SavedModelSchemaVersion: 1, MetaGraphs: []*graphdef.MetaGraphDef{mg, proto.Clone(mg).(*graphdef.MetaGraphDef)}}, nil)
	assert.Equal(t, "SavedModel", sm.Kind)
	assert.Len(t, sm.MetaGraphs, 2)
}

func TestSummaryOfDamagedFile(t *testing.T) {
	t.Parallel()
	mg, err := graphdef.ParseMetaGraphDef([]byte(`
		graph_def { node { name: "v" op: "VariableV2" attr { key: "shape" value { shape { dim { size: 9000000000000000000 } dim { size: 9 } } } } } }
		collection_def { key: "variables" value { bytes_list { value: "\n\003v:0" } } }`))
	require.NoError(t, err)
	assert.Zero(t, summary.Of(mg, nil).MetaGraphs[0].Parameters, "an overflow counts as unknown")
	mg.CollectionDef["variables"].GetBytesList().Value[0] = []byte("\xff")
	assert.Empty(t, summary.Of(mg, nil).MetaGraphs[0].Variables)
	assert.Equal(t, "unknown file", summary.Of(&graphdef.SaverDef{}, nil).Kind)
}
