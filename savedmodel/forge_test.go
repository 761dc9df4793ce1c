package savedmodel_test

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// Helpers that forge hostile models.

func stringConst(name, value string) *graphdef.NodeDef {
	const dtype = types_go_proto.DataType_DT_STRING
	return &graphdef.NodeDef{Name: name, Op: "Const", Attr: map[string]*graphdef.AttrValue{
		"dtype": {Value: &attr_value_go_proto.AttrValue_Type{Type: dtype}},
		"value": {Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: &tensor_go_proto.TensorProto{
			Dtype: dtype, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}, StringVal: [][]byte{[]byte(value)}}}},
	}}
}

func function(name string, nodes ...*graphdef.NodeDef) *function_go_proto.FunctionDef {
	f := &function_go_proto.FunctionDef{Signature: &op_def_go_proto.OpDef{Name: name, IsStateful: true}, NodeDef: nodes, ControlRet: map[string]string{}}
	for _, n := range nodes {
		f.Signature.ControlOutput = append(f.Signature.ControlOutput, n.Name)
		f.ControlRet[n.Name] = n.Name
	}
	return f
}

func nodeOf(mg *graphdef.MetaGraphDef, name string) *graphdef.NodeDef {
	for _, n := range mg.GraphDef.Node {
		if n.Name == name {
			return n
		}
	}
	return nil
}

func assetDef(t *testing.T, tensor, file string) []byte {
	t.Helper()
	raw, err := proto.Marshal(&for_core_protos_go_proto.AssetFileDef{
		TensorInfo: &for_core_protos_go_proto.TensorInfo{Encoding: &for_core_protos_go_proto.TensorInfo_Name{Name: tensor}}, Filename: file,
	})
	require.NoError(t, err)
	return raw
}

// predictWords looks up words in a model with the table a, b, c.
func predictWords(t *testing.T, m *savedmodel.Model) {
	t.Helper()
	x, err := tf.NewTensor([]string{"c", "none", "a"})
	require.NoError(t, err)
	defer tf.Release(x)
	out, err := m.Predict(ctx, "serving_default", map[string]*tf.Tensor{"x": x})
	require.NoError(t, err)
	defer tf.Release(out["y"])
	assert.Equal(t, []int64{2, -1, 0}, out["y"].Value())
}
