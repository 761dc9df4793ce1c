package savedmodel_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

var ctx = context.Background()

// linear is the model y = x*w + b with initialized variables.
type linear struct {
	g    *tf.Graph
	sess *tf.Session
	x, y tf.Output
	w    *tf.Variable
}

func newLinear(t *testing.T) *linear {
	t.Helper()
	m := &linear{g: tf.NewGraph()}
	s := m.g.Scope()
	m.x = op.Placeholder(s.Sub("in"), tensorflow.Float, op.PlaceholderShape(tf.MakeShape(-1)))
	var err error
	m.w, err = tf.NewVariable(m.g, "w", tf.Constant(float32(3)), nil)
	require.NoError(t, err)
	b, err := tf.NewVariable(m.g, "b", tf.Constant(float32(0.5)), nil)
	require.NoError(t, err)
	m.y = op.Add(s.Sub("out"), op.Mul(s.Sub("mul"), m.x, m.w.Value()), b.Value())
	require.NoError(t, s.Err())
	init, err := tf.GlobalVariablesInitializer(m.g)
	require.NoError(t, err)
	m.sess, err = tf.NewSession(m.g, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.sess.Close()) })
	require.NoError(t, m.sess.RunOps(ctx, init))
	return m
}

func (m *linear) signatures(t *testing.T) map[string]*graphdef.SignatureDef {
	t.Helper()
	sig, err := savedmodel.PredictSignature(map[string]tf.Output{"x": m.x}, map[string]tf.Output{"y": m.y})
	require.NoError(t, err)
	return map[string]*graphdef.SignatureDef{signature.DefaultServingKey: sig}
}

func floats(t *testing.T, v ...float32) *tf.Tensor {
	t.Helper()
	x, err := tf.NewTensor(v)
	require.NoError(t, err)
	return x
}

func TestPredictInGoCppAndPython(t *testing.T) {
	m := newLinear(t)
	dir := filepath.Join(t.TempDir(), "1")
	require.NoError(t, savedmodel.SimpleSave(ctx, m.sess, dir, map[string]tf.Output{"x": m.x}, map[string]tf.Output{"y": m.y}, nil))
	want := []float32{0.5, 3.5, 6.5}

	t.Run("Go", func(t *testing.T) {
		model, err := savedmodel.Open(ctx, dir, nil)
		require.NoError(t, err)
		defer model.Close()
		x := floats(t, 0, 1, 2)
		defer tf.Release(x)
		out, err := model.Predict(ctx, signature.DefaultServingKey, map[string]*tf.Tensor{"x": x})
		require.NoError(t, err)
		defer tf.Release(out["y"])
		assert.Equal(t, want, out["y"].Value())
		assert.Len(t, model.Graph().GlobalVariables(), 2, "the variables are variables of the graph")
	})
	t.Run("C++ loader", func(t *testing.T) {
		bundle, err := tensorflow.LoadSavedModel(dir, []string{"serve"}, nil)
		require.NoError(t, err)
		defer bundle.Session.Close()
		sig := bundle.Signatures["serving_default"]
		x, y := bundle.Graph.Operation("in/Placeholder").Output(0), bundle.Graph.Operation("out/Add").Output(0)
		assert.Equal(t, "out/Add:0", sig.Outputs["y"].Name)
		got, err := bundle.Session.Run(map[tensorflow.Output]*tensorflow.Tensor{x: floats(t, 0, 1, 2)}, []tensorflow.Output{y}, nil)
		require.NoError(t, err)
		assert.Equal(t, want, got[0].Value())
	})
	t.Run("Python loaders", func(t *testing.T) {
		got := oracle.Value[[][]float32](t, `
with tf1.Session() as s:
    mg = tf1.saved_model.loader.load(s, ["serve"], args[0])
    sig = mg.signature_def["serving_default"]
    assert sig.method_name == "tensorflow/serving/predict"
    a = s.run(sig.outputs["y"].name, {sig.inputs["x"].name: [0., 1., 2.]})
    assert [v.op.name for v in tf1.global_variables()] == ["w", "b"], tf1.global_variables()
result = [a.tolist()]
`, dir)
		eager := oracle.RunEager(t, `
f = tf.saved_model.load(args[0]).signatures["serving_default"]
result = f(x=tf.constant([0., 1., 2.]))["y"].numpy().tolist()
`, dir)
		var two []float32
		eager.Decode(t, &two)
		assert.Equal(t, want, got[0])
		assert.Equal(t, want, two)
	})
}

func TestLoadModelFromPython(t *testing.T) {
	dir := tftest.Model(t, "words")
	for _, scope := range []string{"", "inner"} {
		model, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{ImportScope: scope}})
		require.NoError(t, err)
		x, err := tf.NewTensor([]string{"c", "none", "a"})
		require.NoError(t, err)
		out, err := model.Predict(ctx, "serving_default", map[string]*tf.Tensor{"x": x})
		require.NoError(t, err)
		assert.Equal(t, []float32{40, 10, 20}, out["y"].Value())
		tf.Release(x, out["y"])
		require.NoError(t, model.Close())
	}
	t.Run("asset outside of the model", func(t *testing.T) {
		words := filepath.Join(dir, "assets")
		entries, err := os.ReadDir(words)
		require.NoError(t, err)
		name := filepath.Join(words, entries[0].Name())
		require.NoError(t, os.Rename(name, name+".moved"))
		require.NoError(t, os.Symlink("/etc/passwd", name))
		_, err = savedmodel.Open(ctx, dir, nil)
		require.ErrorIs(t, err, tfkeep.ErrUnsafe)
	})
}

func TestBuilderRefusesWrongOrder(t *testing.T) {
	m := newLinear(t)
	dir := filepath.Join(t.TempDir(), "m")
	b, err := savedmodel.NewBuilder(dir, &savedmodel.BuilderOptions{Text: true})
	require.NoError(t, err)
	defer b.Close()
	_, err = b.Save(ctx)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	require.ErrorIs(t, b.AddMetaGraph(ctx, m.g, []string{"foo"}, nil), tfkeep.ErrArgument)
	require.NoError(t, b.AddMetaGraphAndVariables(ctx, m.sess, []string{"serve"}, nil))
	require.ErrorIs(t, b.AddMetaGraphAndVariables(ctx, m.sess, []string{"serve"}, nil), tfkeep.ErrArgument)
	require.NoError(t, b.AddMetaGraph(ctx, m.g, []string{"foo", "bar"}, &savedmodel.GraphOptions{Signatures: m.signatures(t)}))
	assert.NoDirExists(t, dir, "the folder does not exist before the model is complete")
	path, err := b.Save(ctx)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "saved_model.pbtxt"), path)
	_, err = b.Save(ctx)
	require.ErrorIs(t, err, tfkeep.ErrClosed)

	_, err = savedmodel.NewBuilder(dir, nil)
	require.ErrorIs(t, err, tfkeep.ErrExists)
	model, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{Tags: []string{"bar", "foo", "bar"}})
	require.NoError(t, err)
	defer model.Close()
	_, err = savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{Tags: []string{"foo"}})
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.ErrorContains(t, err, "{serve}, {bar, foo}")
	_, err = savedmodel.Open(ctx, t.TempDir(), nil)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
}

func TestCloseRemovesUnsavedModel(t *testing.T) {
	m := newLinear(t)
	parent := t.TempDir()
	b, err := savedmodel.NewBuilder(filepath.Join(parent, "m"), nil)
	require.NoError(t, err)
	require.NoError(t, b.AddMetaGraphAndVariables(ctx, m.sess, []string{"serve"}, nil))
	require.NoError(t, b.Close())
	require.NoError(t, b.Close())
	entries, err := os.ReadDir(parent)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestPredictInputErrors(t *testing.T) {
	m := newLinear(t)
	dir := filepath.Join(t.TempDir(), "m")
	require.NoError(t, savedmodel.SimpleSave(ctx, m.sess, dir, map[string]tf.Output{"x": m.x}, map[string]tf.Output{"y": m.y}, nil))
	model, err := savedmodel.Open(ctx, dir, nil)
	require.NoError(t, err)
	defer model.Close()
	wrongType, err := tf.NewTensor([]int32{1})
	require.NoError(t, err)
	wrongRank, err := tf.NewTensor([][]float32{{1}})
	require.NoError(t, err)
	for _, test := range []struct {
		want   string
		inputs map[string]*tf.Tensor
	}{
		{`input "x" is missing; the signature has no input "X"`, map[string]*tf.Tensor{"X": wrongType}},
		{"its type is int32 instead of float32", map[string]*tf.Tensor{"x": wrongType}},
		{"its shape is [1 1] instead of [?]", map[string]*tf.Tensor{"x": wrongRank}},
	} {
		want, inputs := test.want, test.inputs
		_, err := model.Predict(ctx, "serving_default", inputs)
		require.ErrorIs(t, err, tfkeep.ErrArgument)
		assert.ErrorContains(t, err, want)
	}
	_, err = model.Predict(ctx, "nope", nil)
	assert.ErrorContains(t, err, "the model has serving_default")
}

func TestSignatureWithUnknownTensor(t *testing.T) {
	m := newLinear(t)
	b, err := savedmodel.NewBuilder(filepath.Join(t.TempDir(), "m"), nil)
	require.NoError(t, err)
	defer b.Close()
	sig := signature.New(nil, map[string]*graphdef.TensorInfo{"y": signature.Dense("gone:0", dtype.Float32, nil)}, signature.PredictMethod)
	err = b.AddMetaGraphAndVariables(ctx, m.sess, []string{"serve"}, &savedmodel.GraphOptions{Signatures: map[string]*graphdef.SignatureDef{"s": sig}})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, `"gone:0"`)
}
