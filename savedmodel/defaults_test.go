package savedmodel_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// TestPredictFillsInDefaults runs a tf.function with optional arguments.
func TestPredictFillsInDefaults(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	oracle.RunEager(t, `
class M(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.string)])
    def f(self, x, k=tf.constant(3.0), s=tf.constant("a")):
        return {"y": x * k, "s": tf.strings.join([s, "!"])}
m = M()
tf.saved_model.save(m, args[0], signatures=m.f)
result = None
`, dir)
	m, err := savedmodel.Open(t.Context(), dir, nil)
	require.NoError(t, err)
	defer m.Close()
	x, err := tf.NewTensor([]float32{1, 2})
	require.NoError(t, err)
	k, err := tf.NewTensor(float32(10))
	require.NoError(t, err)
	for range 2 {
		out, err := m.Predict(t.Context(), "serving_default", map[string]*tf.Tensor{"x": x})
		require.NoError(t, err)
		assert.Equal(t, []float32{3, 6}, out["y"].Value())
		assert.Equal(t, "a!", out["s"].Value())
	}
	out, err := m.Predict(t.Context(), "serving_default", map[string]*tf.Tensor{"x": x, "k": k})
	require.NoError(t, err)
	assert.Equal(t, []float32{10, 20}, out["y"].Value())
	_, err = m.Predict(t.Context(), "serving_default", map[string]*tf.Tensor{"k": k})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, `input "x" is missing`)
}

// TestBuildWritesDefaults builds a model with a default value in text and in binary.
func TestBuildWritesDefaults(t *testing.T) {
	for _, text := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "m")
		g := tf.NewGraph()
		x := placeholder(t, g, "x", dtype.Float32)
		y, err := g.AddOp(tf.OpSpec{Type: "Neg", Name: "y", Input: []tf.Input{x}})
		require.NoError(t, err)
		sess, err := tf.NewSession(g, nil)
		require.NoError(t, err)
		defer sess.Close()
		sig, err := savedmodel.PredictSignature(map[string]tf.Output{"x": x}, map[string]tf.Output{"y": y.Output(0)})
		require.NoError(t, err)
		value := &graphdef.TensorProto{Dtype: dtype.Float32, FloatVal: []float32{2.5}}
		require.NoError(t, signature.SetDefaults(sig, map[string]*graphdef.TensorProto{"x": value}))
		b, err := savedmodel.NewBuilder(dir, &savedmodel.BuilderOptions{Text: text})
		require.NoError(t, err)
		require.NoError(t, b.AddMetaGraphAndVariables(t.Context(), sess, []string{"serve"}, &savedmodel.GraphOptions{Signatures: map[string]*graphdef.SignatureDef{"serving_default": sig}}))
		_, err = b.Save(t.Context())
		require.NoError(t, err)
		m, err := savedmodel.Open(t.Context(), dir, nil)
		require.NoError(t, err)
		out, err := m.Predict(t.Context(), "serving_default", nil)
		require.NoError(t, err)
		assert.Equal(t, float32(-2.5), out["y"].Value())
		require.NoError(t, m.Close())
		got := oracle.Value[float64](t, `
from tensorflow.python.saved_model import loader_impl
sm = loader_impl.parse_saved_model(args[0])
result = float(sm.meta_graphs[0].signature_def["serving_default"].defaults["x"].float_val[0])
`, dir)
		assert.Equal(t, 2.5, got)
	}
}
