package convert_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/convert"
	"github.com/tfkeep/tfkeep/checkpoint/diff"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func save(t *testing.T, tensors ...checkpoint.Tensor) string {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "in")
	tftest.WriteCheckpoint(t, prefix, &checkpoint.WriterOptions{NoSync: true}, tensors)
	return prefix
}

// numbers returns a tensor of random valid values of each type.
func numbers(types ...dtype.DataType) []checkpoint.Tensor {
	rng := rand.New(rand.NewPCG(1, 2))
	var list []checkpoint.Tensor
	for _, dt := range types {
		data := make([]byte, 6*dtype.Size(dt))
		for i := range data {
			switch data[i] = byte(rng.Uint32()); {
			case dt == dtype.Bool:
				data[i] &= 1
			case i%dtype.Size(dt) == dtype.Size(dt)-1:
				data[i] &= 0x3f // no NaN, whose bits need not survive, and small integers
			}
			switch dt {
			case dtype.Int4, dtype.Int2:
				data[i] &= 1
			case dtype.Uint4, dtype.Uint2, dtype.Float4E2M1FN:
				data[i] &= 3
			}
		}
		list = append(list, checkpoint.Tensor{Name: "of/" + dtype.Name(dt), DType: dt, Shape: []int64{2, 3}, Data: data})
	}
	return list
}

var inSafeTensors = []dtype.DataType{
	dtype.Bool, dtype.Int8, dtype.Int16, dtype.Int32, dtype.Int64,
	dtype.Uint8, dtype.Uint16, dtype.Uint32, dtype.Uint64, dtype.Complex64,
	dtype.Float16, dtype.BFloat16, dtype.Float32, dtype.Float64, dtype.Float8E5M2, dtype.Float8E4M3FN,
}

var inNPZ = append([]dtype.DataType{
	dtype.Complex128, dtype.QInt8, dtype.QUint8, dtype.QInt16, dtype.QUint16, dtype.QInt32,
	dtype.Int4, dtype.Uint4, dtype.Int2, dtype.Uint2,
	dtype.Float8E4M3FNUZ, dtype.Float8E4M3B11FNUZ, dtype.Float8E5M2FNUZ, dtype.Float4E2M1FN,
}, inSafeTensors...)

func requireSame(t *testing.T, a, b string) {
	t.Helper()
	x, err := checkpoint.Open(t.Context(), a, nil)
	require.NoError(t, err)
	defer x.Close()
	y, err := checkpoint.Open(t.Context(), b, nil)
	require.NoError(t, err)
	defer y.Close()
	for d, err := range diff.Compare(t.Context(), x, y, nil) {
		require.NoError(t, err)
		assert.Equal(t, diff.Same, d.Kind, d.Name)
	}
}

func TestConvertRoundTrip(t *testing.T) {
	t.Parallel()
	strings := checkpoint.Tensor{Name: "s", DType: dtype.String, Shape: []int64{2}, Strings: [][]byte{[]byte("a\x00b"), nil}}
	extra := []checkpoint.Tensor{
		{Name: "scalar", DType: dtype.Int64, Data: []byte{1, 2, 3, 4, 5, 6, 7, 0}},
		{Name: "empty", DType: dtype.Float32, Shape: []int64{3, 0}, Data: []byte{}},
	}
	for _, c := range []struct {
		tensors []checkpoint.Tensor
		out     string
		to      convert.Format
	}{
		{append(numbers(inSafeTensors...), extra...), "x.safetensors", convert.SafeTensors},
		{append(append(numbers(inNPZ...), extra...), strings), "x.npz", convert.NPZ},
		{append(append(numbers(dtype.Float32, dtype.Int64, dtype.Bool, dtype.Float16), extra[0]), strings), "x.ckpt", convert.V1},
		{append(append(numbers(inNPZ...), extra...), strings), "x", convert.V2},
	} {
		t.Run(string(c.to), func(t *testing.T) {
			in, dir := save(t, c.tensors...), t.TempDir()
			out, back := filepath.Join(dir, c.out), filepath.Join(dir, "back")
			var done, total int64
			res, err := convert.Convert(t.Context(), in, out, &convert.Options{To: c.to, NoSync: true, Progress: func(d, of int64) { done, total = d, of }})
			require.NoError(t, err)
			assert.Equal(t, convert.V2, res.From)
			assert.Equal(t, c.to, res.To)
			assert.Equal(t, len(c.tensors), res.Tensors)
			assert.Equal(t, res.Bytes, done)
			assert.Equal(t, res.Bytes, total)
			res, err = convert.Convert(t.Context(), out, back, nil)
			require.NoError(t, err)
			assert.Equal(t, c.to, res.From)
			requireSame(t, in, back)
		})
	}
}

func TestConvertPartitions(t *testing.T) {
	t.Parallel()
	part := func(start int64, data ...byte) checkpoint.Tensor {
		return checkpoint.Tensor{Name: "p", DType: dtype.Uint8, Shape: []int64{4},
			Slice: checkpoint.Slice{{Start: start, Length: int64(len(data))}}, Data: data}
	}
	in, dir := save(t, part(0, 1), part(1, 2, 3, 4)), t.TempDir()
	for _, out := range []string{"x", "x.safetensors"} {
		_, err := convert.Convert(t.Context(), in, filepath.Join(dir, out), nil)
		require.NoError(t, err)
	}
	r, err := checkpoint.Open(t.Context(), filepath.Join(dir, "x"), nil)
	require.NoError(t, err)
	defer r.Close()
	info, _ := r.Lookup("p")
	assert.Len(t, info.Slices, 2)
	_, err = convert.Convert(t.Context(), filepath.Join(dir, "x.safetensors"), filepath.Join(dir, "back"), nil)
	require.NoError(t, err)
	requireSame(t, in, filepath.Join(dir, "back"))
}

func TestConvertRefusesUnsupportedTensors(t *testing.T) {
	t.Parallel()
	in := save(t, append(numbers(dtype.Float32, dtype.BFloat16),
		checkpoint.Tensor{Name: "s", DType: dtype.String, Strings: [][]byte{[]byte("ends in zero\x00")}})...)
	for _, name := range []string{"x.safetensors", "x.npz"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			out := filepath.Join(dir, name)
			_, err := convert.Convert(t.Context(), in, out, nil)
			require.ErrorIs(t, err, tfkeep.ErrUnsupported)
			assert.ErrorContains(t, err, `tensor "s"`)
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Empty(t, entries)

			res, err := convert.Convert(t.Context(), in, out, &convert.Options{SkipUnsupported: true})
			require.NoError(t, err)
			assert.Equal(t, 2, res.Tensors)
			require.Len(t, res.Skipped, 1)
			assert.Equal(t, "s", res.Skipped[0].Name)
		})
	}
}

func TestConvertSkipsUnsupportedTensors(t *testing.T) {
	t.Parallel()
	one := func(name string, dt dtype.DataType) checkpoint.Tensor {
		return checkpoint.Tensor{Name: name, DType: dt, Data: make([]byte, dtype.Size(dt))}
	}
	for _, c := range []struct {
		name  string
		out   string
		to    convert.Format
		unfit checkpoint.Tensor
	}{
		{"name not UTF-8 in npz", "x.npz", "", one("\xff\xfe", dtype.Float32)},
		{"name not UTF-8 in safetensors", "x.safetensors", "", one("\xff\xfe", dtype.Float32)},
		{"reserved name in safetensors", "x.safetensors", "", one("__metadata__", dtype.Float32)},
		{"type newer than V1", "x", convert.V1, one("half", dtype.BFloat16)},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, out := save(t, one("fits", dtype.Float32), c.unfit), filepath.Join(t.TempDir(), c.out)
			_, err := convert.Convert(t.Context(), in, out, &convert.Options{To: c.to})
			require.ErrorIs(t, err, tfkeep.ErrUnsupported)
			assert.NoFileExists(t, out)
			res, err := convert.Convert(t.Context(), in, out, &convert.Options{To: c.to, SkipUnsupported: true})
			require.NoError(t, err)
			assert.Equal(t, 1, res.Tensors)
			require.Len(t, res.Skipped, 1)
			assert.Equal(t, c.unfit.Name, res.Skipped[0].Name)
		})
	}
}

func TestConvertRefusesWrongDestinations(t *testing.T) {
	t.Parallel()
	in, dir := save(t, numbers(dtype.Float32)...), t.TempDir()
	for _, c := range []struct{ out, want string }{
		{dir, "is a directory"},
		{filepath.Join(dir, "model.h5"), "cannot convert"},
		{filepath.Join(dir, "model.index"), "prefix"},
		{filepath.Join(dir, "no", "x.npz"), "no such file"},
		{in, "is the input"},
		{in + ".index", "prefix"},
	} {
		_, err := convert.Convert(t.Context(), in, c.out, nil)
		assert.ErrorContains(t, err, c.want, c.out)
	}
	_, err := convert.Convert(t.Context(), in, filepath.Join(dir, "x"), &convert.Options{To: "v9"})
	assert.ErrorIs(t, err, tfkeep.ErrUnsupported)
	_, err = convert.Convert(t.Context(), filepath.Join(dir, "nothing"), filepath.Join(dir, "x"), nil)
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	for _, name := range []string{"a.npz", "a.safetensors"} {
		_, err = convert.Convert(t.Context(), filepath.Join(dir, name), filepath.Join(dir, "x"), nil)
		assert.ErrorIs(t, err, os.ErrNotExist)
	}
}

func TestConvertReplace(t *testing.T) {
	t.Parallel()
	in, dir := save(t, numbers(dtype.Float32)...), t.TempDir()
	for _, name := range []string{"x", "x.npz", "x.safetensors"} {
		out := filepath.Join(dir, name)
		_, err := convert.Convert(t.Context(), in, out, nil)
		require.NoError(t, err)
		_, err = convert.Convert(t.Context(), in, out, nil)
		assert.ErrorIs(t, err, tfkeep.ErrExists)
		_, err = convert.Convert(t.Context(), in, out, &convert.Options{Replace: true})
		assert.NoError(t, err)
	}
}

func TestConvertDamagedInput(t *testing.T) {
	t.Parallel()
	in := save(t, numbers(dtype.Float32)...)
	data := in + ".data-00000-of-00001"
	b, err := os.ReadFile(data)
	require.NoError(t, err)
	b[7] ^= 1
	require.NoError(t, os.WriteFile(data, b, 0o644))
	for _, name := range []string{"x", "x.npz", "x.safetensors"} {
		dir := t.TempDir()
		_, err := convert.Convert(t.Context(), in, filepath.Join(dir, name), nil)
		assert.ErrorIs(t, err, tfkeep.ErrCorrupt, name)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, entries, name)
	}
}

func TestConvertEndsWithTheContext(t *testing.T) {
	t.Parallel()
	in := save(t, numbers(dtype.Float32)...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"x", "x.npz", "x.safetensors"} {
		dir := t.TempDir()
		_, err := convert.Convert(ctx, in, filepath.Join(dir, name), nil)
		assert.ErrorIs(t, err, context.Canceled, name)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, entries, name)
	}
}

func TestTensorFlowReadsConvertedCheckpoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	oracle.Run(t, `
import ml_dtypes
from safetensors.numpy import save_file
a = {"layer/w": np.arange(6, dtype=np.float32).reshape(2, 3), "layer/h": np.array([1.5, -2], ml_dtypes.bfloat16), "n": np.array(7, np.int64)}
save_file(a, os.path.join(args[0], "m.safetensors"))
np.savez(os.path.join(args[0], "m.npz"), **a)
`, dir)
	for _, name := range []string{"m.safetensors", "m.npz"} {
		out := filepath.Join(dir, name+"-out")
		_, err := convert.Convert(t.Context(), filepath.Join(dir, name), out, nil)
		require.NoError(t, err)
		got := oracle.Value[map[string]string](t, `
r = tf.train.load_checkpoint(args[0])
result = {k: "%s %s %s" % (r.get_variable_to_dtype_map()[k].name, s, r.get_tensor(k).astype(np.float64).tolist())
          for k, s in r.get_variable_to_shape_map().items()}
`, out)
		assert.Equal(t, map[string]string{
			"layer/w": "float32 [2, 3] [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]",
			"layer/h": "bfloat16 [2] [1.5, -2.0]",
			"n":       "int64 [] 7.0",
		}, got, name)
	}
}

func TestPythonReadsConvertedFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	oracle.Run(t, `
w = tf1.get_variable("w", initializer=np.arange(6, dtype=np.float32).reshape(2, 3))
h = tf1.get_variable("h", initializer=tf.cast([1.5, -2.0], tf.bfloat16))
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    tf1.train.Saver().save(s, args[0], write_state=False, write_meta_graph=False)
`, in)
	for _, name := range []string{"m.safetensors", "m.npz"} {
		_, err := convert.Convert(t.Context(), in, filepath.Join(dir, name), nil)
		require.NoError(t, err)
	}
	got := oracle.Value[map[string][]float64](t, `
from safetensors.numpy import load_file
s, z = load_file(os.path.join(args[0], "m.safetensors")), np.load(os.path.join(args[0], "m.npz"))
assert s["h"].dtype.name == "bfloat16" and z["h"].dtype == np.float32 and sorted(s) == sorted(z.files) == ["h", "w"]
result = {"sw": s["w"].ravel(), "zw": z["w"].ravel(), "sh": s["h"].astype(np.float32), "zh": z["h"]}
`, dir)
	assert.Equal(t, map[string][]float64{"sw": {0, 1, 2, 3, 4, 5}, "zw": {0, 1, 2, 3, 4, 5}, "sh": {1.5, -2}, "zh": {1.5, -2}}, got)
}

func TestConvertLargeTensors(t *testing.T) {
	t.Parallel()
	// More bytes than are read and written together.
	big := bytes.Repeat([]byte{1, 2, 3, 4}, 12<<20)
	n := int64(len(big))
	in := save(t,
		checkpoint.Tensor{Name: "a", DType: dtype.Uint8, Shape: []int64{n}, Data: big},
		checkpoint.Tensor{Name: "b", DType: dtype.Uint8, Shape: []int64{n}, Data: big},
		checkpoint.Tensor{Name: "c", DType: dtype.Uint8, Shape: []int64{3}, Data: []byte{7, 8, 9}})
	out := filepath.Join(t.TempDir(), "out")
	_, err := convert.Convert(t.Context(), in, out, &convert.Options{NoSync: true})
	require.NoError(t, err)
	requireSame(t, in, out)
}
