package convert_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// TestPythonGoesOnWithConvertedIterator converts and merges a checkpoint with the state of
// an iterator and with lists of tensors, small ones and large ones.
func TestPythonGoesOnWithConvertedIterator(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	oracle.RunEager(t, `
dataset = tf.data.Dataset.range(100).shuffle(10, seed=3).map(lambda x: x * 2).batch(3)
it = iter(dataset)
for _ in range(4): next(it)
ckpt = tf.train.Checkpoint(it=it, v=tf.Variable([1.0, 2.0]))
kept["path"] = ckpt.write(args[0] + "/it")
kept["rest"] = [next(it).numpy().tolist() for _ in range(10)]
small = tf.raw_ops.TensorListFromTensor(tensor=tf.reshape(tf.range(6.0), [3, 2]), element_shape=[2])
large = tf.raw_ops.TensorListFromTensor(tensor=tf.random.stateless_normal([50, 1000], seed=[1, 2]), element_shape=[1000])
both = tf.stack([small, small])
tf.raw_ops.SaveV2(prefix=args[0] + "/lists", tensor_names=["small", "large", "both", "none", "n"], shape_and_slices=[""] * 5,
                  tensors=[small, large, both, both[:0], tf.constant(7)])
result = None
`, dir)
	for _, name := range []string{"it", "lists"} {
		_, err := convert.Convert(t.Context(), path(name), path(name+"-converted"), nil)
		require.NoError(t, err)
		report, err := checkpoint.Verify(t.Context(), path(name+"-converted"), nil)
		require.NoError(t, err)
		assert.Empty(t, report.Faults)
		require.NoError(t, checkpoint.Merge(t.Context(), []string{path(name)}, path(name+"-merged"), &checkpoint.MergeOptions{KeepSources: true}))
	}
	want, err := os.ReadFile(filenames.Data(path("lists"), 0, 1))
	require.NoError(t, err)
	r, err := checkpoint.Open(t.Context(), path("lists-converted"), nil)
	require.NoError(t, err)
	defer r.Close()
	lists, err := r.ReadStrings(t.Context(), "both", nil)
	require.NoError(t, err)
	require.Len(t, lists, 2)
	assert.Equal(t, lists[0], lists[1])
	_, err = r.ReadBytes(t.Context(), "both", nil)
	require.ErrorIs(t, err, tfkeep.ErrUnsupported)

	// Written in TensorFlow's order, the bytes are TensorFlow's.
	w, err := checkpoint.Create(t.Context(), path("again"), nil)
	require.NoError(t, err)
	for _, name := range []string{"small", "large", "both", "none"} {
		info, _ := r.Lookup(name)
		elems, err := r.ReadStrings(t.Context(), name, nil)
		require.NoError(t, err)
		require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: name, DType: dtype.Variant, Shape: info.Shape, Strings: elems}))
	}
	require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: "n", DType: dtype.Int32, Data: []byte{7, 0, 0, 0}}))
	require.NoError(t, w.Commit(t.Context()))
	got, err := os.ReadFile(filenames.Data(path("again"), 0, 1))
	require.NoError(t, err)
	assert.Len(t, got, len(want))

	oracle.RunEager(t, `
dataset = tf.data.Dataset.range(100).shuffle(10, seed=3).map(lambda x: x * 2).batch(3)
for name in ("it-converted", "it-merged"):
    it = iter(dataset)
    ckpt = tf.train.Checkpoint(it=it, v=tf.Variable([0.0, 0.0]))
    ckpt.read(args[0] + "/" + name).assert_consumed()
    assert ckpt.v.numpy().tolist() == [1.0, 2.0]
    assert [next(it).numpy().tolist() for _ in range(10)] == kept["rest"], name
for name in ("lists-converted", "lists-merged", "again"):
    small, large, both, none, n = tf.raw_ops.RestoreV2(prefix=args[0] + "/" + name, tensor_names=["small", "large", "both", "none", "n"],
        shape_and_slices=[""] * 5, dtypes=[tf.variant] * 4 + [tf.int32])
    stack = lambda l, e: tf.raw_ops.TensorListStack(input_handle=l, element_shape=e, element_dtype=tf.float32)
    assert stack(small, [2]).numpy().tolist() == [[0, 1], [2, 3], [4, 5]], name
    assert stack(both[1], [2]).numpy().tolist() == [[0, 1], [2, 3], [4, 5]], name
    assert np.array_equal(stack(large, [1000]).numpy(), tf.random.stateless_normal([50, 1000], seed=[1, 2]).numpy()), name
    assert none.shape == [0] and n.numpy() == 7
result = None
`, dir)

	_, err = convert.Convert(t.Context(), path("lists"), path("x.npz"), nil)
	require.ErrorIs(t, err, tfkeep.ErrUnsupported)
	res, err := convert.Convert(t.Context(), path("lists"), path("x.npz"), &convert.Options{SkipUnsupported: true})
	require.NoError(t, err)
	assert.Len(t, res.Skipped, 4)
	assert.Equal(t, 1, res.Tensors)
}

// TestDamagedVariantIsFound flips each byte of a tensor of variants.
func TestDamagedVariantIsFound(t *testing.T) {
	t.Parallel()
	prefix := filepath.Join(t.TempDir(), "m")
	w, err := checkpoint.Create(t.Context(), prefix, nil)
	require.NoError(t, err)
	require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: "v", DType: dtype.Variant, Shape: []int64{2}, Strings: [][]byte{[]byte("ab"), {}}}))
	require.NoError(t, w.Commit(t.Context()))
	file := filenames.Data(prefix, 0, 1)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	for i := range data {
		bad := append([]byte(nil), data...)
		bad[i] ^= 1
		require.NoError(t, os.WriteFile(file, bad, 0o666))
		r, err := checkpoint.Open(t.Context(), prefix, nil)
		require.NoError(t, err)
		_, err = r.ReadStrings(t.Context(), "v", nil)
		require.ErrorIs(t, err, tfkeep.ErrCorrupt, "byte %d", i)
		require.NoError(t, r.Close())
	}
}
