package checkpoint_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/oracle"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/internal/vfs/crashfs"
)

// trainDir makes a directory with the checkpoints m-1, m-2, m-3 and their state.
func trainDir(t *testing.T, relative bool) string {
	dir := filepath.Join(t.TempDir(), "train")
	var all []string
	for i, name := range []string{"m-1", "m-2", "m-3"} {
		prefix := filepath.Join(dir, name)
		write(t, prefix, nil, []checkpoint.Tensor{filled(uint64(i), "v", dtype.Float32, 100), text("s", nil, "hello")})
		stamp := time.Now().Add(time.Duration(i-10) * time.Hour)
		require.NoError(t, os.Chtimes(prefix+".index", stamp, stamp))
		all = append(all, prefix)
	}
	err := checkpoint.UpdateState(context.Background(), dir, checkpoint.State{ModelCheckpointPath: all[2], AllModelCheckpointPaths: all},
		&checkpoint.StateOptions{SaveRelativePaths: relative})
	require.NoError(t, err)
	return dir
}

func damage(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	data[min(10, len(data)-1)] ^= 1
	require.NoError(t, os.WriteFile(file, data, 0o644))
}

func TestLatestIsWhatTensorFlowFinds(t *testing.T) {
	for _, relative := range []bool{false, true} {
		dir := trainDir(t, relative)
		got, err := checkpoint.Latest(dir, nil)
		require.NoError(t, err)
		assert.Equal(t, oracle.Value[string](t, `result = tf.train.latest_checkpoint(args[0])`, dir), got)
	}
}

func TestLatestFindsAMovedDirectory(t *testing.T) {
	for _, relative := range []bool{false, true} {
		dir := trainDir(t, relative)
		moved := filepath.Join(t.TempDir(), "elsewhere")
		require.NoError(t, os.Rename(dir, moved))
		got, err := checkpoint.Latest(moved, nil)
		require.NoError(t, err)
		assert.Equal(t, filepath.Join(moved, "m-3"), got)
	}
}

func TestLatestNeverSaysNoneForADamagedState(t *testing.T) {
	f := crashfs.New()
	require.NoError(t, f.MkdirAll("/d", 0o755))
	ctx := context.Background()
	state := checkpoint.State{ModelCheckpointPath: "/d/m-3", AllModelCheckpointPaths: []string{"/d/m-1", "/d/m-2", "/d/m-3"}}
	for i, prefix := range state.AllModelCheckpointPaths {
		write(t, prefix, &checkpoint.WriterOptions{FS: f}, []checkpoint.Tensor{filled(uint64(i), "v", dtype.Float32, 10)})
	}
	require.NoError(t, checkpoint.UpdateState(ctx, "/d", state, &checkpoint.StateOptions{SaveRelativePaths: true, FS: f}))
	data := f.Files("/d")["/d/checkpoint"]
	for i := range len(data) * 8 {
		flipped := append([]byte(nil), data...)
		flipped[i/8] ^= 1 << (i % 8)
		require.NoError(t, vfs.WriteFileAtomic(f, "/d/checkpoint", flipped, false))
		got, err := checkpoint.Latest("/d", &checkpoint.LatestOptions{FS: f})
		if err == nil {
			require.Contains(t, state.AllModelCheckpointPaths, got, "bit %d", i)
		} else {
			// Either the text is damaged, or it names a checkpoint that is not there.
			require.True(t, errors.Is(err, checkpoint.ErrCorrupt) || errors.Is(err, checkpoint.ErrNotFound), "bit %d: %v", i, err)
		}
		got, err = checkpoint.Latest("/d", &checkpoint.LatestOptions{Verified: true, FS: f})
		require.NoError(t, err, "bit %d", i)
		require.Contains(t, state.AllModelCheckpointPaths, got, "bit %d", i)
	}
}

func TestLatestVerifiedSkipsAndReportsDamage(t *testing.T) {
	dir := trainDir(t, false)
	find := func() (string, map[string]error, error) {
		skipped := map[string]error{}
		got, err := checkpoint.Latest(dir, &checkpoint.LatestOptions{Verified: true,
			OnSkip: func(prefix string, err error) { skipped[filepath.Base(prefix)] = err }})
		return filepath.Base(got), skipped, err
	}
	got, skipped, err := find()
	require.NoError(t, err)
	assert.Equal(t, "m-3", got)
	assert.Empty(t, skipped)

	damage(t, filepath.Join(dir, "m-3.data-00000-of-00001"))
	got, skipped, err = find()
	require.NoError(t, err)
	assert.Equal(t, "m-2", got)
	assert.ErrorIs(t, skipped["m-3"], checkpoint.ErrCorrupt)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), nil, 0o644))
	got, skipped, err = find()
	require.NoError(t, err)
	assert.Equal(t, "m-2", got)
	assert.ErrorIs(t, skipped["checkpoint"], checkpoint.ErrCorrupt)

	require.NoError(t, os.Remove(filepath.Join(dir, "checkpoint")))
	damage(t, filepath.Join(dir, "m-2.index"))
	got, _, err = find()
	require.NoError(t, err)
	assert.Equal(t, "m-1", got)

	damage(t, filepath.Join(dir, "m-1.data-00000-of-00001"))
	_, skipped, err = find()
	require.ErrorIs(t, err, checkpoint.ErrCorrupt)
	assert.Len(t, skipped, 3)
}

func TestLatestWithoutACheckpoint(t *testing.T) {
	dir := t.TempDir()
	_, err := checkpoint.Latest(dir, nil)
	assert.ErrorIs(t, err, checkpoint.ErrNotFound)
	_, err = checkpoint.Latest(dir, &checkpoint.LatestOptions{Verified: true})
	assert.ErrorIs(t, err, checkpoint.ErrNotFound)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), []byte(`model_checkpoint_path: "gone"`), 0o644))
	_, err = checkpoint.Latest(dir, nil)
	assert.ErrorIs(t, err, checkpoint.ErrNotFound)
	assert.ErrorContains(t, err, "Couldn't match files for checkpoint")
}

func TestExistsHasTensorFlowsRule(t *testing.T) {
	dir := trainDir(t, false)
	writeV1(t, filepath.Join(dir, "v1"), &checkpoint.WriterOptions{NumShards: 2}, []checkpoint.Tensor{filled(1, "v", dtype.Int8, 1)})
	var queries []string
	for _, p := range []string{"m-1", "m-?", "m-*", "m-[12]", "m-[", "n", "v1", "v1-?????-of-00002", "v1-00000-of-00002", "m-1.data-00000-of-00001", ""} {
		queries = append(queries, filepath.Join(dir, p))
	}
	queries = append(queries, filepath.Join(dir, "none", "m"), filepath.Dir(dir)+"/*/m-1")
	want := oracle.Value[[]bool](t, `result = [bool(tf1.train.checkpoint_exists(p)) for p in args[0]]`, queries)
	for i, q := range queries {
		assert.Equal(t, want[i], checkpoint.Exists(q), q)
	}
	assert.False(t, checkpoint.Exists(""))
}

func TestMtime(t *testing.T) {
	dir := trainDir(t, false)
	writeV1(t, filepath.Join(dir, "v1"), nil, []checkpoint.Tensor{filled(1, "v", dtype.Int8, 1)})
	want := oracle.Value[[]float64](t, `result = tf1.train.get_checkpoint_mtimes(args[0])`, []string{filepath.Join(dir, "m-1"), filepath.Join(dir, "v1")})
	for i, name := range []string{"m-1", "v1"} {
		got, err := checkpoint.Mtime(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.InDelta(t, want[i], float64(got.UnixNano())/1e9, 1)
	}
	_, err := checkpoint.Mtime(filepath.Join(dir, "none"))
	assert.ErrorIs(t, err, checkpoint.ErrNotFound)
}

func TestRemoveRemovesEveryFileOfACheckpoint(t *testing.T) {
	dir := t.TempDir()
	tensors := []checkpoint.Tensor{filled(1, "v", dtype.Int8, 1)}
	prefix := filepath.Join(dir, "m")
	for _, c := range []struct {
		name   string
		make   func()
		remove string
		opts   *checkpoint.RemoveOptions
	}{
		{"V2", func() { write(t, prefix, nil, tensors) }, prefix, nil},
		{"V2, asked for", func() { write(t, prefix, nil, tensors) }, prefix, &checkpoint.RemoveOptions{Version: checkpoint.V2}},
		{"V2 sharded", func() { write(t, prefix, &checkpoint.WriterOptions{NumShards: 3}, tensors) }, prefix, nil},
		{"V1", func() { writeV1(t, prefix, nil, tensors) }, prefix, &checkpoint.RemoveOptions{Version: checkpoint.V1}},
		{"V1 by its files", func() { writeV1(t, prefix, nil, tensors) }, prefix, nil},
		{"V1 sharded", func() { writeV1(t, prefix, &checkpoint.WriterOptions{NumShards: 2}, tensors) }, prefix + "-?????-of-00002", nil},
		{"V2 without an index", func() {
			write(t, prefix, nil, tensors)
			require.NoError(t, os.Remove(prefix+".index"))
		}, prefix, &checkpoint.RemoveOptions{Version: checkpoint.V2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.make()
			require.NoError(t, os.WriteFile(prefix+".meta", nil, 0o644))
			require.NoError(t, checkpoint.Remove(c.remove, c.opts))
			assert.Empty(t, names(filesOf(t, dir)))
		})
	}
	write(t, prefix, nil, tensors)
	require.NoError(t, os.WriteFile(prefix+".graph", nil, 0o644))
	require.NoError(t, checkpoint.Remove(prefix, &checkpoint.RemoveOptions{MetaGraphSuffix: "graph"}))
	assert.Empty(t, names(filesOf(t, dir)))
}
