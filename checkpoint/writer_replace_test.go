package checkpoint_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestTensorFlowReadsAnOverwrittenCheckpoint(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	prefix := filepath.Join(folder, "m")
	for version, want := range [][]string{
		{"m.data-00000-of-00001", "m.index"},
		{"m.data-00001-of-00002", "m.index"},
		{"m.data-00000-of-00001", "m.index"},
	} {
		tensors := []checkpoint.Tensor{tftest.RandomTensor(uint64(version), "a", dtype.Float32, 30, 40), tftest.StringTensor("s", []int64{2}, "x", "yy")}
		tensors = append(tensors, slicesOf(tftest.RandomTensor(uint64(version), "p", dtype.Int32, 6, 2), 2, 4)[:]...)
		for i := range tensors {
			tensors[i].Shard = 0
		}
		tftest.WriteCheckpoint(t, prefix, nil, tensors)
		assert.Equal(t, want, tftest.FileNames(t, folder), "after save %d", version+1)

		copied, direct := t.TempDir(), t.TempDir()
		restoreAndSaveV2(t, prefix, filepath.Join(copied, "m"), tensors)
		tftest.WriteCheckpoint(t, filepath.Join(direct, "m"), nil, tensors)
		assertSameFiles(t, direct, copied)
	}
}

func TestPythonSaverTakesAnOverwrittenCheckpoint(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	prefix := filepath.Join(folder, "m")
	v := checkpoint.Tensor{Name: "v", DType: dtype.Int32, Shape: []int64{2}, Data: []byte{1, 0, 0, 0, 2, 0, 0, 0}}
	tftest.WriteCheckpoint(t, prefix, &checkpoint.WriterOptions{NumShards: 2}, []checkpoint.Tensor{v})
	tftest.WriteCheckpoint(t, prefix, nil, []checkpoint.Tensor{v})
	tftest.WriteCheckpoint(t, prefix, nil, []checkpoint.Tensor{v})
	got := oracle.Value[map[string]any](t, `
v = tf1.get_variable('v', [2], tf.int32, initializer=tf1.zeros_initializer())
with tf1.Session() as s:
    tf1.train.Saver().restore(s, args[0])
    value = s.run(v).tolist()
listed = tf.train.list_variables(args[0])
tf1.train.remove_checkpoint(args[0])
result = {'value': value, 'listed': [[n, list(s)] for n, s in listed], 'left': os.listdir(os.path.dirname(args[0]))}
`, prefix)
	assert.Equal(t, []any{1.0, 2.0}, got["value"])
	assert.Equal(t, []any{[]any{"v", []any{2.0}}}, got["listed"])
	assert.Empty(t, got["left"])
}

func TestOldCheckpointStaysUntilCommit(t *testing.T) {
	t.Parallel()
	prefix := filepath.Join(t.TempDir(), "m")
	old := []checkpoint.Tensor{tftest.RandomTensor(1, "v", dtype.Float32, 50_000)}
	tftest.WriteCheckpoint(t, prefix, nil, old)
	w, err := checkpoint.Create(t.Context(), prefix, nil)
	require.NoError(t, err)
	require.NoError(t, w.Add(context.Background(), tftest.RandomTensor(2, "v", dtype.Float32, 50_000)))
	r, err := checkpoint.Open(t.Context(), prefix, nil)
	require.NoError(t, err)
	got, err := r.ReadBytes(context.Background(), "v", nil)
	require.NoError(t, err)
	assert.Equal(t, old[0].Data, got)
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
	assert.Equal(t, []string{"m.data-00000-of-00001", "m.index"}, tftest.FileNames(t, filepath.Dir(prefix)))
}

func TestCreateRefusesSecondWriter(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	w, err := checkpoint.Create(t.Context(), filepath.Join(folder, "m"), nil)
	require.NoError(t, err)
	_, err = checkpoint.Create(t.Context(), filepath.Join(folder, "m"), nil)
	require.ErrorIs(t, err, tfkeep.ErrLocked)
	other, err := checkpoint.Create(t.Context(), filepath.Join(folder, "n"), nil)
	require.NoError(t, err)
	require.NoError(t, other.Close())
	removed, err := dir.Sweep(t.Context(), folder, nil)
	require.NoError(t, err)
	assert.Empty(t, removed, "a writer at work is left alone")
	require.NoError(t, w.Close())
	w, err = checkpoint.Create(t.Context(), filepath.Join(folder, "m"), nil)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	assert.Empty(t, tftest.ReadFiles(t, folder))
}

func TestSweepRemovesWhatTensorFlowLeft(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	tftest.WriteCheckpoint(t, filepath.Join(folder, "m"), nil, []checkpoint.Tensor{tftest.RandomTensor(1, "v", dtype.Float32, 5)})
	touch := func(name string) {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o644))
	}
	for _, name := range []string{
		"n.data-00000-of-00001.tempstate123", "n.index.tempstate18446744073709551615", "checkpoint.tmp0123456789abcdef0123456789abcdef",
		"n_temp/part-00000-of-00002.data-00000-of-00001", "n_temp_0123456789abcdef0123456789abcdef/part-00001-of-00002.index",
		"mine_temp/notes", "n.tempstate", "checkpoint.tmp", "k.data-00000-of-00001",
	} {
		touch(name)
	}
	removed, err := dir.Sweep(t.Context(), folder, nil)
	require.NoError(t, err)
	assert.Empty(t, removed, "TensorFlow may be at work on them")
	removed, err = dir.Sweep(t.Context(), folder, &dir.SweepOptions{Idle: -1})
	require.NoError(t, err)
	assert.Len(t, removed, 7)
	assert.Equal(t, []string{"checkpoint.tmp", "k.data-00000-of-00001", "m.data-00000-of-00001", "m.index", "n.tempstate"}, tftest.FileNames(t, folder))
	assert.FileExists(t, filepath.Join(folder, "mine_temp/notes"))
	assert.NoDirExists(t, filepath.Join(folder, "n_temp"))
}

func TestSweepMissingFolder(t *testing.T) {
	t.Parallel()
	removed, err := dir.Sweep(t.Context(), filepath.Join(t.TempDir(), "none"), nil)
	require.NoError(t, err)
	assert.Empty(t, removed)
}

func TestRemoveMissingCheckpoint(t *testing.T) {
	t.Parallel()
	require.NoError(t, dir.Remove(t.Context(), filepath.Join(t.TempDir(), "none"), nil))
}

func TestLockIsExclusive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "checkpoint")
	lock, err := dir.Lock(path)
	require.NoError(t, err)
	_, err = dir.Lock(path)
	require.ErrorIs(t, err, tfkeep.ErrLocked)
	require.NoError(t, lock.Close())
	lock, err = dir.Lock(path)
	require.NoError(t, err)
	require.NoError(t, lock.Close())
	assert.Empty(t, tftest.ReadFiles(t, filepath.Dir(path)))
}
