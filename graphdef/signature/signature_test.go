package signature_test

import (
	"encoding/json"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

const (
	float  = types_go_proto.DataType_DT_FLOAT
	text   = types_go_proto.DataType_DT_STRING
	number = types_go_proto.DataType_DT_INT32
)

func dense(t dtype.DataType) *graphdef.TensorInfo { return signature.Dense("t:0", t, []int64{1}) }

type infos = map[string]*graphdef.TensorInfo

// TestCheckMethodAgreesWithPython asks TensorFlow of each signature whether it is valid.
func TestCheckMethodAgreesWithPython(t *testing.T) {
	t.Parallel()
	s, f, i := dense(text), dense(float), dense(number)
	cases := map[string]*graphdef.SignatureDef{
		"regress":                    signature.New(infos{"inputs": s}, infos{"outputs": f}, signature.RegressMethod),
		"regress, number in":         signature.New(infos{"inputs": f}, infos{"outputs": f}, signature.RegressMethod),
		"regress, string out":        signature.New(infos{"inputs": s}, infos{"outputs": s}, signature.RegressMethod),
		"regress, another input":     signature.New(infos{"inputs": s, "more": s}, infos{"outputs": f}, signature.RegressMethod),
		"regress, another output":    signature.New(infos{"inputs": s}, infos{"outputs": f, "more": f}, signature.RegressMethod),
		"regress, wrong input name":  signature.New(infos{"x": s}, infos{"outputs": f}, signature.RegressMethod),
		"regress, wrong output name": signature.New(infos{"inputs": s}, infos{"y": f}, signature.RegressMethod),
		"regress, nothing":           signature.New(nil, nil, signature.RegressMethod),
		"classify":                   signature.New(infos{"inputs": s}, infos{"classes": s, "scores": f}, signature.ClassifyMethod),
		"classify, classes":          signature.New(infos{"inputs": s}, infos{"classes": s}, signature.ClassifyMethod),
		"classify, scores":           signature.New(infos{"inputs": s}, infos{"scores": f}, signature.ClassifyMethod),
		"classify, nothing out":      signature.New(infos{"inputs": s}, nil, signature.ClassifyMethod),
		"classify, classes numbers":  signature.New(infos{"inputs": s}, infos{"classes": f}, signature.ClassifyMethod),
		"classify, scores strings":   signature.New(infos{"inputs": s}, infos{"scores": s}, signature.ClassifyMethod),
		"classify, another output":   signature.New(infos{"inputs": s}, infos{"classes": s, "scores": f, "more": f}, signature.ClassifyMethod),
		"classify, numbers in":       signature.New(infos{"inputs": f}, infos{"classes": s}, signature.ClassifyMethod),
		"predict":                    signature.New(infos{"a": s, "b": i}, infos{"c": f}, signature.PredictMethod),
		"predict, nothing in":        signature.New(nil, infos{"c": f}, signature.PredictMethod),
		"predict, nothing out":       signature.New(infos{"a": s}, nil, signature.PredictMethod),
		"wrong method":               signature.New(infos{"inputs": s}, infos{"outputs": f}, "WRONG method name"),
		"no method":                  signature.New(infos{"inputs": s}, infos{"outputs": f}, ""),
	}
	encoded := map[string]json.RawMessage{}
	for name, sig := range cases {
		raw, err := protojson.Marshal(sig)
		require.NoError(t, err)
		encoded[name] = raw
	}
	raw, err := json.Marshal(encoded)
	require.NoError(t, err)
	want := oracle.Value[map[string]bool](t, `
import json
from google.protobuf import json_format
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow.python.saved_model import signature_def_utils_impl as u
result = {k: u.is_valid_signature(json_format.ParseDict(v, meta_graph_pb2.SignatureDef())) for k, v in json.loads(args[0]).items()}
`, string(raw))
	require.Len(t, want, len(cases))
	for name, sig := range cases {
		err := signature.CheckMethod(sig)
		assert.Equal(t, want[name], err == nil, "%s: %v", name, err)
		if err != nil {
			assert.ErrorIs(t, err, tfkeep.ErrArgument, name)
		}
	}
}

func TestSupervisedSignatures(t *testing.T) {
	t.Parallel()
	in, loss := infos{"in": dense(float)}, infos{"loss": dense(float)}
	for _, c := range []struct {
		method string
		sign   func(inputs, loss, predictions, metrics infos) (*graphdef.SignatureDef, error)
	}{
		{signature.TrainMethod, signature.Train}, {signature.EvalMethod, signature.Eval},
	} {
		_, err := c.sign(nil, loss, nil, nil)
		require.ErrorIs(t, err, tfkeep.ErrArgument)
		sig, err := c.sign(in, loss, nil, nil)
		require.NoError(t, err)
		assert.Len(t, sig.Outputs, 1)
		assert.Equal(t, c.method, sig.MethodName)
		sig, err = c.sign(in, loss, infos{"p": dense(float)}, infos{"m1": dense(float), "m2": dense(float)})
		require.NoError(t, err)
		assert.Len(t, sig.Outputs, 4)
		_, err = c.sign(in, loss, infos{"loss": dense(float)}, nil)
		require.ErrorIs(t, err, tfkeep.ErrArgument, "a name of two tensors")
	}
}

func TestCheckAllListsEveryFault(t *testing.T) {
	t.Parallel()
	good := signature.New(infos{"x": signature.Sparse("v:0", "", "", float, nil)}, infos{"y": dense(float)}, "m")
	require.NoError(t, signature.CheckAll(map[string]*graphdef.SignatureDef{"good": good}))
	err := signature.CheckAll(map[string]*graphdef.SignatureDef{
		modeldir.InitOpKey: good,
		"untyped":          signature.New(infos{"x": dense(0)}, nil, "m"),
		"unnamed":          signature.New(nil, infos{"y": signature.Dense("", float, nil), "z": nil}, "m"),
	})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	for _, says := range []string{"reserved for initialization", `"x" of signature "untyped"`, `"y" of signature "unnamed"`, `"z" of signature "unnamed"`} {
		assert.ErrorContains(t, err, says)
	}
}

func TestShapesOfInfos(t *testing.T) {
	t.Parallel()
	assert.True(t, signature.Dense("t", float, nil).TensorShape.UnknownRank)
	scalar := signature.Dense("t", float, []int64{}).TensorShape
	assert.False(t, scalar.UnknownRank)
	assert.Empty(t, scalar.Dim)
	op := signature.ForOperation("init", modeldir.InitOpKey).Outputs[modeldir.InitOpKey]
	assert.Equal(t, "init", op.GetName())
	assert.True(t, op.TensorShape.UnknownRank)
	assert.Zero(t, op.Dtype)
}
