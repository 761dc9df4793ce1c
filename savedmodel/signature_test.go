package savedmodel_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// TestSignatureTrainsAsPredict prepares the training step of a module.
func TestSignatureTrainsAsPredict(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	trainableModel(t, dir)
	open := func() *savedmodel.Model {
		m, err := savedmodel.Open(t.Context(), dir, nil)
		require.NoError(t, err)
		t.Cleanup(func() { m.Close() })
		return m
	}
	want := trainSteps(t, open(), 20)

	m := open()
	train, err := m.Signature(t.Context(), "train", &savedmodel.SignatureOptions{Inputs: []string{"y", "x"}, Trains: true})
	require.NoError(t, err)
	defer train.Close()
	assert.Equal(t, []string{"y", "x"}, train.Inputs())
	assert.Equal(t, []string{"loss"}, train.Outputs())
	x, err := tf.NewTensor([][]float32{{1, 2}, {3, 4}, {-1, 1}})
	require.NoError(t, err)
	y, err := tf.NewTensor([][]float32{{1}, {-2}, {0.5}})
	require.NoError(t, err)
	for i := range want {
		out, err := train.Run(t.Context(), y, x)
		require.NoError(t, err)
		assert.Equal(t, want[i], out[0].Value(), i)
		tf.Release(out...)
	}

	loss := make([]*tf.Tensor, 1)
	again := open()
	into, err := again.Signature(t.Context(), "train", &savedmodel.SignatureOptions{Inputs: []string{"y", "x"}})
	require.NoError(t, err)
	defer into.Close()
	for i := range want {
		require.NoError(t, into.RunInto(t.Context(), loss, y, x))
		assert.Equal(t, want[i], loss[0].Value(), i)
	}
	defer tf.Release(loss...)
	require.ErrorIs(t, into.RunInto(t.Context(), nil, y, x), tfkeep.ErrArgument)

	for _, inputs := range [][]*tf.Tensor{{y}, {y, nil}, {x, x}, {y, y}, {y, {}}} {
		_, err := train.Run(t.Context(), inputs...)
		require.ErrorIs(t, err, tfkeep.ErrArgument)
	}
	_, err = train.Run(t.Context(), nil, y)
	assert.ErrorContains(t, err, `input "y" is missing; input "x": its shape is [3 1] instead of [? 2]`)
	require.NoError(t, train.Close())
	_, err = train.Run(t.Context(), y, x)
	require.Error(t, err)
}

func TestSignatureRefusesWhatItCannotPrepare(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	oracle.RunEager(t, `
class M(tf.Module):
    def __init__(self):
        self.w = tf.Variable(2.0)
    @tf.function(input_signature=[tf.TensorSpec([]), tf.TensorSpec([])])
    def scale(self, x, k=tf.constant(3.0)):
        return {"y": x * k * self.w, "z": x}
    @tf.function(input_signature=[tf.TensorSpec([])])
    def python(self, x):
        return {"y": tf.py_function(lambda v: v + 1.0, [x], tf.float32)}
    @tf.function(input_signature=[tf.TensorSpec([])])
    def count(self, x):
        return {"w": self.w.assign_add(x)}
m = M()
tf.saved_model.save(m, args[0], signatures={"scale": m.scale, "python": m.python, "count": m.count})
`, dir)
	m, err := savedmodel.Open(t.Context(), dir, nil)
	require.NoError(t, err)
	defer m.Close()
	for _, c := range []struct {
		name, key string
		options   *savedmodel.SignatureOptions
		kind      error
		says      string
	}{
		{"no such signature", "train", nil, tfkeep.ErrNotFound, "the model has count, python, scale"},
		{"it trains nothing", "scale", &savedmodel.SignatureOptions{Trains: true}, tfkeep.ErrArgument, "changes no variable"},
		{"Python code", "python", nil, tfkeep.ErrUnsupported, "tf.py_function"},
		{"an unknown input", "scale", &savedmodel.SignatureOptions{Inputs: []string{"xs"}}, tfkeep.ErrArgument, `no input "xs" (did you mean "x"?)`},
		{"an input without a default", "scale", &savedmodel.SignatureOptions{Inputs: []string{"k"}}, tfkeep.ErrArgument, `leave out the input "x"`},
		{"an input twice", "scale", &savedmodel.SignatureOptions{Inputs: []string{"x", "x"}}, tfkeep.ErrArgument, "named twice"},
		{"an unknown output", "scale", &savedmodel.SignatureOptions{Outputs: []string{"out"}}, tfkeep.ErrArgument, `no output "out"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := m.Signature(t.Context(), c.key, c.options)
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.says)
		})
	}
	x, err := tf.NewTensor(float32(5))
	require.NoError(t, err)
	run := func(o *savedmodel.SignatureOptions, inputs ...*tf.Tensor) float32 {
		s, err := m.Signature(t.Context(), "scale", o)
		require.NoError(t, err)
		defer s.Close()
		out, err := s.Run(t.Context(), inputs...)
		require.NoError(t, err)
		return out[0].Value().(float32)
	}
	assert.Equal(t, float32(30), run(&savedmodel.SignatureOptions{Inputs: []string{"x"}}, x))
	assert.Equal(t, float32(30), run(&savedmodel.SignatureOptions{Inputs: []string{"x", "k"}}, x, nil))
	assert.Equal(t, float32(50), run(&savedmodel.SignatureOptions{Inputs: []string{"x", "k"}}, x, x))
	assert.Equal(t, float32(5), run(&savedmodel.SignatureOptions{Outputs: []string{"z"}}, nil, x))
	count, err := m.Signature(t.Context(), "count", &savedmodel.SignatureOptions{Trains: true})
	require.NoError(t, err)
	require.NoError(t, count.Close())
}

// TestCompositeInputsByTheirParts runs a graph of Python with a sparse and a ragged input.
func TestCompositeInputsByTheirParts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	oracle.Run(t, `
s = tf1.sparse_placeholder(tf.float32, [None, 3], name="s")
r = tf1.ragged.placeholder(tf.float32, 1, value_shape=(), name="r")
d = tf1.placeholder(tf.float32, [], name="d")
dense = tf.sparse.to_dense(s) * d
doubled = r * 2.0
info = tf1.saved_model.build_tensor_info
with tf1.Session() as sess:
    b = tf1.saved_model.Builder(args[0])
    sig = tf1.saved_model.build_signature_def(
        {"s": info(s), "r": info(r), "d": info(d)}, {"dense": info(dense), "ragged": info(doubled)}, "m")
    b.add_meta_graph_and_variables(sess, ["serve"], {"f": sig})
    b.save()
`, dir)
	m, err := savedmodel.Open(t.Context(), dir, nil)
	require.NoError(t, err)
	defer m.Close()
	tensor := func(v any) *tf.Tensor {
		x, err := tf.NewTensor(v)
		require.NoError(t, err)
		return x
	}
	inputs := map[string]*tf.Tensor{
		"d": tensor(float32(10)), "r/0": tensor([]float32{1, 2, 3}), "r/1": tensor([]int64{0, 2, 3}),
		"s/values": tensor([]float32{4}), "s/indices": tensor([][]int64{{1, 2}}), "s/dense_shape": tensor([]int64{2, 3}),
	}
	check := func(dense, values, splits *tf.Tensor) {
		assert.Equal(t, [][]float32{{0, 0, 0}, {0, 0, 40}}, dense.Value())
		assert.Equal(t, []float32{2, 4, 6}, values.Value())
		assert.Equal(t, []int64{0, 2, 3}, splits.Value())
	}
	out, err := m.Predict(t.Context(), "f", inputs)
	require.NoError(t, err)
	check(out["dense"], out["ragged/0"], out["ragged/1"])

	s, err := m.Signature(t.Context(), "f", nil)
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, []string{"d", "r/0", "r/1", "s/values", "s/indices", "s/dense_shape"}, s.Inputs())
	var list []*tf.Tensor
	for _, name := range s.Inputs() {
		list = append(list, inputs[name])
	}
	got, err := s.Run(t.Context(), list...)
	require.NoError(t, err)
	require.Equal(t, []string{"dense", "ragged/0", "ragged/1"}, s.Outputs())
	check(got[0], got[1], got[2])

	inputs["s/indices"] = tensor([][]int64{{1, 2, 3}})
	delete(inputs, "r/1")
	_, err = m.Predict(t.Context(), "f", inputs)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, `input "r/1" is missing; input "s/indices": its shape is [1 3] instead of [? 2]`)
}
