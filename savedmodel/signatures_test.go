package savedmodel_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// placeholder adds a placeholder with exactly the given name.
func placeholder(t *testing.T, g *tf.Graph, name string, dt dtype.DataType, dims ...int64) tf.Output {
	t.Helper()
	o, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Name: name, Attrs: map[string]any{"dtype": dt, "shape": tf.MakeShape(dims...)}})
	require.NoError(t, err)
	return o.Output(0)
}

// TestSignaturesEqualPython makes each kind of signature in Go and in Python.
// signatureGraph has the tensors that the signatures of these tests name.
type signatureGraph struct {
	g                                *tf.Graph
	examples, classes, scores        tf.Output
	step                             *tf.Operation
	sparse                           *graphdef.TensorInfo
	in, losses, predictions, metrics map[string]tf.Output
}

func newSignatureGraph(t *testing.T) *signatureGraph {
	t.Helper()
	g := tf.NewGraph()
	s := &signatureGraph{
		g:        g,
		examples: placeholder(t, g, "examples", dtype.String, 1),
		classes:  placeholder(t, g, "classes", dtype.String, 1),
		scores:   placeholder(t, g, "scores", dtype.Float32, -1, 3),
	}
	s.in = map[string]tf.Output{"in": s.examples}
	s.losses = map[string]tf.Output{"loss": placeholder(t, g, "loss", dtype.Float32)}
	s.predictions = map[string]tf.Output{"p": s.scores}
	s.metrics = map[string]tf.Output{"m": placeholder(t, g, "metric", dtype.Float32)}
	var err error
	s.sparse, err = savedmodel.SparseTensorInfo(savedmodel.Sparse{
		Values:     placeholder(t, g, "x/values", dtype.Float32, -1),
		Indices:    placeholder(t, g, "x/indices", dtype.Int64, -1, 2),
		DenseShape: placeholder(t, g, "x/shape", dtype.Int64, 2),
		Shape:      []int64{42, 69},
	})
	require.NoError(t, err)
	s.step, err = g.AddOp(tf.OpSpec{Type: "NoOp", Name: "step"})
	require.NoError(t, err)
	return s
}

func info(t *testing.T, out tf.Output) *graphdef.TensorInfo {
	t.Helper()
	i, err := savedmodel.TensorInfo(out)
	require.NoError(t, err)
	return i
}

func infos(t *testing.T, tensors map[string]tf.Output) map[string]*graphdef.TensorInfo {
	t.Helper()
	all := map[string]*graphdef.TensorInfo{}
	for key, out := range tensors {
		all[key] = info(t, out)
	}
	return all
}

// signatureTest makes a signature.
type signatureTest struct {
	name string
	sign func() (*graphdef.SignatureDef, error)
}

func TestSignaturesEqualPython(t *testing.T) {
	s := newSignatureGraph(t)
	examples, classes, scores := info(t, s.examples), info(t, s.classes), info(t, s.scores)
	tests := []signatureTest{
		{"regression", func() (*graphdef.SignatureDef, error) { return signature.Regress(examples, scores) }},
		{"classification", func() (*graphdef.SignatureDef, error) { return signature.Classify(examples, classes, scores) }},
		{"classification, one", func() (*graphdef.SignatureDef, error) { return signature.Classify(examples, nil, scores) }},
		{"prediction", func() (*graphdef.SignatureDef, error) {
			return savedmodel.PredictSignature(map[string]tf.Output{"a": s.examples, "b": s.scores}, map[string]tf.Output{"c": s.classes})
		}},
		{"train", func() (*graphdef.SignatureDef, error) {
			return signature.Train(infos(t, s.in), infos(t, s.losses), infos(t, s.predictions), infos(t, s.metrics))
		}},
		{"train, loss", func() (*graphdef.SignatureDef, error) {
			return signature.Train(infos(t, s.in), infos(t, s.losses), nil, nil)
		}},
		{"eval, no predictions", func() (*graphdef.SignatureDef, error) {
			return signature.Eval(infos(t, s.in), infos(t, s.losses), nil, infos(t, s.metrics))
		}},
		{"operation", func() (*graphdef.SignatureDef, error) { return signature.ForOperation(s.step.Name(), "op"), nil }},
		{"sparse", func() (*graphdef.SignatureDef, error) {
			return signature.New(map[string]*graphdef.TensorInfo{"x": s.sparse}, nil, "custom"), nil
		}},
	}
	want := oracle.Value[map[string]json.RawMessage](t, `
import json
from google.protobuf import json_format
from tensorflow.python.saved_model import signature_def_utils_impl as u, utils_impl
def p(name, dtype, *shape): return tf1.placeholder(dtype, shape, name=name)
examples, classes = p("examples", tf.string, 1), p("classes", tf.string, 1)
scores, loss, metric = p("scores", tf.float32, None, 3), p("loss", tf.float32), p("metric", tf.float32)
sparse = tf1.sparse_placeholder(tf.float32, [42, 69], name="x")
step = tf.no_op(name="step")
sigs = {
    "regression": u.regression_signature_def(examples, scores),
    "classification": u.classification_signature_def(examples, classes, scores),
    "classification, one": u.classification_signature_def(examples, None, scores),
    "prediction": u.predict_signature_def({"a": examples, "b": scores}, {"c": classes}),
    "train": u.supervised_train_signature_def({"in": examples}, {"loss": loss}, {"p": scores}, {"m": metric}),
    "train, loss": u.supervised_train_signature_def({"in": examples}, {"loss": loss}),
    "eval, no predictions": u.supervised_eval_signature_def({"in": examples}, {"loss": loss}, metrics={"m": metric}),
    "operation": u.op_signature_def(step, "op"),
    "sparse": u.build_signature_def({"x": utils_impl.build_tensor_info(sparse)}, {}, "custom"),
}
result = {k: json_format.MessageToDict(s) for k, s in sigs.items()}
`)
	require.Len(t, want, len(tests))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.sign()
			require.NoError(t, err)
			python := &graphdef.SignatureDef{}
			require.NoError(t, protojson.Unmarshal(want[tt.name], python))
			if tt.name == "sparse" { // Python chooses the names of the parts of its placeholder
				require.Equal(t, "x/values:0", python.Inputs["x"].GetCooSparse().ValuesTensorName)
			}
			assert.True(t, proto.Equal(python, got), "Python: %v\nGo: %v", python, got)
		})
	}
}

func TestFindOperation(t *testing.T) {
	s := newSignatureGraph(t)
	sig := signature.ForOperation(s.step.Name(), "op")
	found, err := savedmodel.FindOperation(s.g, sig, "op", "")
	require.NoError(t, err)
	assert.Equal(t, "step", found.Name())
	_, err = savedmodel.FindOperation(s.g, sig, "op", "elsewhere")
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	_, err = savedmodel.FindOperation(s.g, sig, "other", "")
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
}

func TestSignaturesRefuseBadTensors(t *testing.T) {
	s := newSignatureGraph(t)
	examples, classes, scores := info(t, s.examples), info(t, s.classes), info(t, s.scores)
	for _, tt := range []signatureTest{
		{"regression of numbers", func() (*graphdef.SignatureDef, error) { return signature.Regress(scores, scores) }},
		{"regression to strings", func() (*graphdef.SignatureDef, error) { return signature.Regress(examples, classes) }},
		{"regression of nothing", func() (*graphdef.SignatureDef, error) { return signature.Regress(nil, scores) }},
		{"classification of nothing", func() (*graphdef.SignatureDef, error) { return signature.Classify(examples, nil, nil) }},
		{"train without inputs", func() (*graphdef.SignatureDef, error) {
			return signature.Train(nil, infos(t, s.losses), nil, nil)
		}},
		{"eval without inputs", func() (*graphdef.SignatureDef, error) {
			return signature.Eval(nil, infos(t, s.losses), nil, nil)
		}},
		{"prediction of nothing", func() (*graphdef.SignatureDef, error) {
			return savedmodel.PredictSignature(nil, s.predictions)
		}},
		{"prediction to nothing", func() (*graphdef.SignatureDef, error) { return savedmodel.PredictSignature(s.in, nil) }},
	} {
		_, err := tt.sign()
		assert.ErrorIs(t, err, tfkeep.ErrArgument, tt.name)
	}
	_, err := savedmodel.PredictSignature(s.in, map[string]tf.Output{"y": {Op: s.step, Index: 0}})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, `"y"`)
	_, err = savedmodel.TensorInfo(tf.Output{})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
}

func TestFindTensor(t *testing.T) {
	g := tf.NewGraph()
	x := placeholder(t, g, "foo/bar/x", dtype.Float32, 1)
	info := signature.Dense("bar/x:0", dtype.Float32, []int64{1})
	got, err := savedmodel.FindTensor(g, info, "foo")
	require.NoError(t, err)
	assert.Equal(t, x.Op.Name(), got.Op.Name())

	_, err = savedmodel.FindTensor(g, info, "")
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	require.ErrorIs(t, err, status.NotFound)
	_, err = savedmodel.FindTensor(g, &graphdef.TensorInfo{}, "")
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "names no tensor")

	parts := savedmodel.Sparse{
		Values: placeholder(t, g, "s/values", dtype.Float32, -1), Indices: placeholder(t, g, "s/indices", dtype.Int64, -1, 2), DenseShape: placeholder(t, g, "s/shape", dtype.Int64, 2),
	}
	sparse, err := savedmodel.SparseTensorInfo(parts)
	require.NoError(t, err)
	back, err := savedmodel.FindSparse(g, sparse, "")
	require.NoError(t, err)
	assert.Equal(t, "s/indices", back.Indices.Op.Name())
	assert.Equal(t, []int64{-1, -1}, back.Shape, "the rank is known, but not the sizes")
	_, err = savedmodel.FindSparse(g, info, "")
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	_, err = savedmodel.FindTensor(g, sparse, "")
	assert.ErrorContains(t, err, "s/values:0, s/indices:0, s/shape:0")

	shape, err := tf.NewTensor([]int64{42, 69})
	require.NoError(t, err)
	parts.DenseShape = op.Const(g.Scope().Sub("size"), shape)
	sparse, err = savedmodel.SparseTensorInfo(parts)
	require.NoError(t, err)
	assert.Equal(t, int64(69), sparse.TensorShape.Dim[1].Size, "the shape is a constant")
}

func TestPredictRefusesEmptyTensors(t *testing.T) {
	m, err := savedmodel.Open(ctx, tftest.Model(t, "words"), nil)
	require.NoError(t, err)
	defer m.Close()
	for key, sig := range m.Signatures() {
		inputs := map[string]*tf.Tensor{}
		for name := range sig.Inputs {
			inputs[name] = &tf.Tensor{}
		}
		_, err := m.Predict(ctx, key, inputs)
		require.ErrorIs(t, err, tfkeep.ErrArgument)
		assert.ErrorContains(t, err, "empty or was released")
		_, err = m.Predict(nil, key, inputs) //nolint:staticcheck // a caller's mistake
		require.ErrorIs(t, err, tfkeep.ErrArgument)
	}
}
