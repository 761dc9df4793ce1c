package dir_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/internal/vfs/crashfs"
)

// trainDir makes a folder with the checkpoints m-1, m-2 and m-3, and a state file.
func trainDir(t *testing.T, relative bool) string {
	folder := filepath.Join(t.TempDir(), "train")
	var all []string
	for i, name := range []string{"m-1", "m-2", "m-3"} {
		prefix := filepath.Join(folder, name)
		tftest.WriteCheckpoint(t, prefix, nil, []checkpoint.Tensor{tftest.RandomTensor(uint64(i), "v", dtype.Float32, 100), tftest.StringTensor("s", nil, "hello")})
		stamp := time.Now().Add(time.Duration(i-10) * time.Hour)
		require.NoError(t, os.Chtimes(prefix+".index", stamp, stamp))
		all = append(all, prefix)
	}
	err := dir.UpdateState(context.Background(), folder, dir.State{ModelCheckpointPath: all[2], AllModelCheckpointPaths: all},
		&dir.StateOptions{SaveRelativePaths: relative})
	require.NoError(t, err)
	return folder
}

func damage(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	data[min(10, len(data)-1)] ^= 1
	require.NoError(t, os.WriteFile(file, data, 0o644))
}

func TestLatestIsWhatTensorFlowFinds(t *testing.T) {
	t.Parallel()
	for _, relative := range []bool{false, true} {
		folder := trainDir(t, relative)
		got, err := dir.Latest(t.Context(), folder, nil)
		require.NoError(t, err)
		assert.Equal(t, oracle.Value[string](t, `result = tf.train.latest_checkpoint(args[0])`, folder), got)
	}
}

func TestLatestFindsAMovedDirectory(t *testing.T) {
	t.Parallel()
	for _, relative := range []bool{false, true} {
		folder := trainDir(t, relative)
		moved := filepath.Join(t.TempDir(), "elsewhere")
		require.NoError(t, os.Rename(folder, moved))
		got, err := dir.Latest(t.Context(), moved, nil)
		require.NoError(t, err)
		assert.Equal(t, filepath.Join(moved, "m-3"), got)
	}
}

func TestLatestWithDamagedState(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	require.NoError(t, f.MkdirAll("/d", 0o755))
	ctx := context.Background()
	state := dir.State{ModelCheckpointPath: "/d/m-3", AllModelCheckpointPaths: []string{"/d/m-1", "/d/m-2", "/d/m-3"}}
	for i, prefix := range state.AllModelCheckpointPaths {
		tftest.WriteCheckpointIn(vfs.NewContext(t.Context(), f), t, prefix, nil, []checkpoint.Tensor{tftest.RandomTensor(uint64(i), "v", dtype.Float32, 10)})
	}
	require.NoError(t, dir.UpdateState(vfs.NewContext(ctx, f), "/d", state, &dir.StateOptions{SaveRelativePaths: true}))
	data := f.Files("/d")["/d/checkpoint"]
	for i := range len(data) * 8 {
		flipped := append([]byte(nil), data...)
		flipped[i/8] ^= 1 << (i % 8)
		require.NoError(t, vfs.WriteFileAtomic(f, "/d/checkpoint", flipped, false))
		got, err := dir.Latest(vfs.NewContext(ctx, f), "/d", nil)
		if err == nil {
			require.Contains(t, state.AllModelCheckpointPaths, got, "bit %d", i)
		} else {
			// Either the text is damaged, or it names a checkpoint that does not exist.
			require.True(t, errors.Is(err, tfkeep.ErrCorrupt) || errors.Is(err, tfkeep.ErrNotFound), "bit %d: %v", i, err)
		}
		got, err = dir.Latest(vfs.NewContext(ctx, f), "/d", &dir.LatestOptions{Verified: true})
		require.NoError(t, err, "bit %d", i)
		require.Contains(t, state.AllModelCheckpointPaths, got, "bit %d", i)
	}
}

func TestLatestVerifiedSkipsAndReportsDamage(t *testing.T) {
	t.Parallel()
	folder := trainDir(t, false)
	find := func() (string, map[string]error, error) {
		skipped := map[string]error{}
		got, err := dir.Latest(t.Context(), folder, &dir.LatestOptions{Verified: true,
			OnSkip: func(prefix string, err error) { skipped[filepath.Base(prefix)] = err }})
		return filepath.Base(got), skipped, err
	}
	got, skipped, err := find()
	require.NoError(t, err)
	assert.Equal(t, "m-3", got)
	assert.Empty(t, skipped)

	damage(t, filepath.Join(folder, "m-3.data-00000-of-00001"))
	got, skipped, err = find()
	require.NoError(t, err)
	assert.Equal(t, "m-2", got)
	assert.ErrorIs(t, skipped["m-3"], tfkeep.ErrCorrupt)

	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), nil, 0o644))
	got, skipped, err = find()
	require.NoError(t, err)
	assert.Equal(t, "m-2", got)
	assert.ErrorIs(t, skipped["checkpoint"], tfkeep.ErrCorrupt)

	require.NoError(t, os.Remove(filepath.Join(folder, "checkpoint")))
	damage(t, filepath.Join(folder, "m-2.index"))
	got, _, err = find()
	require.NoError(t, err)
	assert.Equal(t, "m-1", got)

	damage(t, filepath.Join(folder, "m-1.data-00000-of-00001"))
	_, skipped, err = find()
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	assert.Len(t, skipped, 3)
}

func TestLatestWithoutACheckpoint(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	_, err := dir.Latest(t.Context(), folder, nil)
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	_, err = dir.Latest(t.Context(), folder, &dir.LatestOptions{Verified: true})
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), []byte(`model_checkpoint_path: "gone"`), 0o644))
	_, err = dir.Latest(t.Context(), folder, nil)
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.ErrorContains(t, err, "Couldn't match files for checkpoint")
}

func TestExistsHasTensorFlowsRule(t *testing.T) {
	t.Parallel()
	folder := trainDir(t, false)
	tftest.WriteCheckpointV1(t, filepath.Join(folder, "v1"), &checkpoint.WriterOptions{NumShards: 2}, []checkpoint.Tensor{tftest.RandomTensor(1, "v", dtype.Int8, 1)})
	var queries []string
	for _, p := range []string{"m-1", "m-?", "m-*", "m-[12]", "m-[", "n", "v1", "v1-?????-of-00002", "v1-00000-of-00002", "m-1.data-00000-of-00001", ""} {
		queries = append(queries, filepath.Join(folder, p))
	}
	queries = append(queries, filepath.Join(folder, "none", "m"), filepath.Dir(folder)+"/*/m-1")
	want := oracle.Value[[]bool](t, `result = [bool(tf1.train.checkpoint_exists(p)) for p in args[0]]`, queries)
	for i, q := range queries {
		assert.Equal(t, want[i], dir.Exists(t.Context(), q), q)
	}
	assert.False(t, dir.Exists(t.Context(), ""))
}

func TestMtime(t *testing.T) {
	t.Parallel()
	folder := trainDir(t, false)
	tftest.WriteCheckpointV1(t, filepath.Join(folder, "v1"), nil, []checkpoint.Tensor{tftest.RandomTensor(1, "v", dtype.Int8, 1)})
	want := oracle.Value[[]float64](t, `result = tf1.train.get_checkpoint_mtimes(args[0])`, []string{filepath.Join(folder, "m-1"), filepath.Join(folder, "v1")})
	for i, name := range []string{"m-1", "v1"} {
		got, err := dir.Mtime(t.Context(), filepath.Join(folder, name))
		require.NoError(t, err)
		assert.InDelta(t, want[i], float64(got.UnixNano())/1e9, 1)
	}
	_, err := dir.Mtime(t.Context(), filepath.Join(folder, "none"))
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
}

func TestRemoveRemovesEveryFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	tensors := []checkpoint.Tensor{tftest.RandomTensor(1, "v", dtype.Int8, 1)}
	prefix := filepath.Join(folder, "m")
	for _, c := range []struct {
		name   string
		make   func()
		remove string
		opts   *dir.RemoveOptions
	}{
		{"V2", func() { tftest.WriteCheckpoint(t, prefix, nil, tensors) }, prefix, nil},
		{"V2, asked for", func() { tftest.WriteCheckpoint(t, prefix, nil, tensors) }, prefix, &dir.RemoveOptions{Version: checkpoint.V2}},
		{"V2 sharded", func() { tftest.WriteCheckpoint(t, prefix, &checkpoint.WriterOptions{NumShards: 3}, tensors) }, prefix, nil},
		{"V1", func() { tftest.WriteCheckpointV1(t, prefix, nil, tensors) }, prefix, &dir.RemoveOptions{Version: checkpoint.V1}},
		{"V1 by its files", func() { tftest.WriteCheckpointV1(t, prefix, nil, tensors) }, prefix, nil},
		{"V1 sharded", func() { tftest.WriteCheckpointV1(t, prefix, &checkpoint.WriterOptions{NumShards: 2}, tensors) }, prefix + "-?????-of-00002", nil},
		{"V2 without an index", func() {
			tftest.WriteCheckpoint(t, prefix, nil, tensors)
			require.NoError(t, os.Remove(prefix+".index"))
		}, prefix, &dir.RemoveOptions{Version: checkpoint.V2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.make()
			require.NoError(t, os.WriteFile(prefix+".meta", nil, 0o644))
			require.NoError(t, dir.Remove(t.Context(), c.remove, c.opts))
			assert.Empty(t, tftest.FileNames(t, folder))
		})
	}
	tftest.WriteCheckpoint(t, prefix, nil, tensors)
	require.NoError(t, os.WriteFile(prefix+".graph", nil, 0o644))
	require.NoError(t, dir.Remove(t.Context(), prefix, &dir.RemoveOptions{MetaGraphSuffix: "graph"}))
	assert.Empty(t, tftest.FileNames(t, folder))
}
