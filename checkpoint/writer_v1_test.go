package checkpoint_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// v1Types are the types that TensorFlow's V1 writer takes.
var v1Types = []dtype.DataType{
	dtype.Float32, dtype.Float64, dtype.Int32, dtype.Uint8, dtype.Int16, dtype.Int8,
	dtype.Complex64, dtype.Int64, dtype.Bool, dtype.QInt8, dtype.QUint8, dtype.QInt32,
	dtype.Uint16, dtype.Complex128, dtype.Float16,
}

func saveSlices(t testing.TB, file string, tensors []checkpoint.Tensor) {
	t.Helper()
	oracle.RunEager(t, pyBuild+`
tf.raw_ops.SaveSlices(filename=prefix, tensor_names=[x['name'] for x in tensors],
                      shapes_and_slices=[x['spec'] for x in tensors], data=[build(x) for x in tensors])
result = None
`, file, toPython(t, tensors))
}

func v1Cases() []writeCase {
	var all []checkpoint.Tensor
	for i, dt := range v1Types {
		n := dtype.Name(dt)
		all = append(all, tftest.RandomTensor(1, n+"/matrix", dt, 3, 50), tftest.RandomTensor(2, n+"/scalar", dt), tftest.RandomTensor(3, fmt.Sprintf("%02d/empty", i), dt, 4, 0, 2))
	}
	slices := append(slicesOf(tftest.RandomTensor(5, "part", dtype.Float64, 10, 3), 1, 5, 4), slicesOf(tftest.RandomTensor(6, "wide", dtype.Int16, 130, 70, 2), 65, 65)...)
	explicit := tftest.RandomTensor(8, "whole", dtype.Float32, 6)
	explicit.Slice = checkpoint.Slice{{Start: 0, Length: 6}}
	var large []checkpoint.Tensor
	for i := range 5 {
		large = append(large, tftest.RandomTensor(uint64(i), fmt.Sprintf("large%d", i), dtype.Float32, 100, int64(300+700*(i%2))), tftest.RandomTensor(9, fmt.Sprintf("small%d", i), dtype.Int32, 3))
	}
	return []writeCase{
		{"all types", 0, all},
		{"strings", 0, []checkpoint.Tensor{tftest.StringTensor("scalar", nil, "x"), tftest.StringTensor("none", []int64{0, 3}), tftest.StringTensor("two", []int64{2}, "", longString(300))}},
		{"slices", 0, append(slices, explicit)},
		{"many blocks", 0, large},
	}
}

func TestV1WriterEqualsSaveSlices(t *testing.T) {
	t.Parallel()
	for _, c := range v1Cases() {
		t.Run(c.name, func(t *testing.T) {
			for i := range c.tensors {
				c.tensors[i].Shard = 0
			}
			theirs, ours := t.TempDir(), t.TempDir()
			saveSlices(t, filepath.Join(theirs, "m"), c.tensors)
			tftest.WriteCheckpointV1(t, filepath.Join(ours, "m"), nil, c.tensors)
			assertSameFiles(t, theirs, ours)
		})
	}
}

func TestTensorFlowRestoresAShardedV1Checkpoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tensors := append(slicesOf(tftest.RandomTensor(1, "p", dtype.Float32, 5, 3), 2, 3), tftest.RandomTensor(2, "a", dtype.Int64, 3))
	tftest.WriteCheckpointV1(t, filepath.Join(dir, "m"), &checkpoint.WriterOptions{NumShards: 2}, tensors)
	assert.Equal(t, []string{"m-00000-of-00002", "m-00001-of-00002"}, tftest.FileNames(t, dir))
	got := oracle.Value[[]string](t, `
import base64
p = tf1.get_variable('p', [5, 3], initializer=tf1.zeros_initializer())
a = tf1.get_variable('a', [3], tf.int64, initializer=tf1.zeros_initializer())
with tf1.Session() as s:
    tf1.train.Saver(write_version=tf1.train.SaverDef.V1).restore(s, args[0])
    result = [base64.b64encode(x.tobytes()).decode() for x in s.run([p, a])]
`, filepath.Join(dir, "m-?????-of-00002"))
	whole := tftest.RandomTensor(1, "p", dtype.Float32, 5, 3)
	assert.Equal(t, base64.StdEncoding.EncodeToString(whole.Data), got[0])
	assert.Equal(t, base64.StdEncoding.EncodeToString(tensors[2].Data), got[1])
}

func TestV1WriterRefuses(t *testing.T) {
	t.Parallel()
	shape := []int64{1 << 20, 1 << 12}
	for _, c := range []struct {
		name    string
		tensors []checkpoint.Tensor
		kind    error
		text    string
	}{
		{"too large", []checkpoint.Tensor{{Name: "b", DType: dtype.Bool, Shape: shape, Data: nil}}, tfkeep.ErrMismatch, "takes 4294967296 bytes"},
		{"a type V1 lacks", []checkpoint.Tensor{tftest.RandomTensor(1, "v", dtype.BFloat16, 2)}, tfkeep.ErrUnsupported, "bfloat16"},
		{"twice", []checkpoint.Tensor{tftest.RandomTensor(1, "v", dtype.Int8, 2), tftest.RandomTensor(1, "v", dtype.Int8, 2)}, tfkeep.ErrExists, "Adding duplicate key: v"},
		{"other type", slicesWith(dtype.Int16, 4), tfkeep.ErrMismatch, "Mismatching types: existing type = int8, trying to add name v, type = int16"},
		{"other shape", slicesWith(dtype.Int8, 5), tfkeep.ErrMismatch, "Mismatching shapes: existing tensor = [4], trying to add name v, shape = [5]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			w, err := checkpoint.Create(t.Context(), filepath.Join(dir, "m"), &checkpoint.WriterOptions{Version: checkpoint.V1})
			require.NoError(t, err)
			err = w.Add(context.Background(), c.tensors...)
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.text)
			require.ErrorIs(t, w.Commit(context.Background()), c.kind)
			require.NoError(t, w.Close())
			assert.Empty(t, tftest.ReadFiles(t, dir))
		})
	}
}

// slicesWith returns two slices with one name: one of an int8 tensor of 4 elements, and one
// of a tensor with another type or size.
func slicesWith(otherType dtype.DataType, n int64) []checkpoint.Tensor {
	a, b := tftest.RandomTensor(1, "v", dtype.Int8, 4), tftest.RandomTensor(1, "v", otherType, n)
	a.Slice, a.Data = checkpoint.Slice{{Start: 0, Length: 2}}, a.Data[:2]
	b.Slice, b.Data = checkpoint.Slice{{Start: 2, Length: 2}}, b.Data[:2*dtype.Size(otherType)]
	return []checkpoint.Tensor{a, b}
}

func TestV1WriterHasTensorFlowsLimit(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 2 GiB of memory that is never touched")
	}
	dir := t.TempDir()
	w, err := checkpoint.Create(t.Context(), filepath.Join(dir, "m"), &checkpoint.WriterOptions{Version: checkpoint.V1})
	require.NoError(t, err)
	defer w.Close()
	data := make([]byte, 1<<31)
	err = w.Add(context.Background(), checkpoint.Tensor{Name: "b", DType: dtype.Bool, Shape: []int64{1 << 31}, Data: data})
	require.ErrorIs(t, err, tfkeep.ErrUnsupported)
	assert.ErrorContains(t, err, "Tensor slice is too large to serialize (conservative estimate: 2147484")
	_, err = os.Stat(filepath.Join(dir, "m"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}
