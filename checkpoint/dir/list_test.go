package dir_test

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
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// prefixes returns the base names of checkpoints.
func prefixes(list []dir.Checkpoint) []string {
	var names []string
	for _, c := range list {
		names = append(names, filepath.Base(c.Prefix))
	}
	return names
}

func TestListTakesTheOrderOfTheState(t *testing.T) {
	t.Parallel()
	folder := trainDir(t, false)
	tftest.WriteCheckpoint(t, filepath.Join(folder, "kept-9"), nil, []checkpoint.Tensor{tftest.RandomTensor(9, "v", dtype.Int8, 1)})
	list, err := dir.List(t.Context(), folder, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"m-3", "m-2", "m-1", "kept-9"}, prefixes(list))
	for _, c := range list {
		assert.NoError(t, c.Err)
		assert.Equal(t, checkpoint.V2, c.Version)
		assert.False(t, c.Time.IsZero())
	}
	assert.Equal(t, int64(3), list[0].Step)
	assert.True(t, list[0].Listed)
	assert.False(t, list[3].Listed)

	list, err = dir.List(t.Context(), folder, &dir.ListOptions{IgnoreState: true})
	require.NoError(t, err)
	assert.Equal(t, []string{"kept-9", "m-3", "m-2", "m-1"}, prefixes(list))
}

func TestListReportsWhatIsIncomplete(t *testing.T) {
	t.Parallel()
	folder := trainDir(t, true)
	require.NoError(t, os.Remove(filepath.Join(folder, "m-3.data-00000-of-00001")))
	damage(t, filepath.Join(folder, "m-2.index"))
	require.NoError(t, os.Remove(filepath.Join(folder, "m-1.index")))
	list, err := dir.List(t.Context(), folder, nil)
	require.NoError(t, err)
	require.Len(t, list, 3)
	assert.ErrorIs(t, list[0].Err, tfkeep.ErrNotFound)
	assert.ErrorContains(t, list[0].Err, "m-3.data-00000-of-00001")
	assert.ErrorIs(t, list[1].Err, tfkeep.ErrCorrupt)
	assert.ErrorIs(t, list[2].Err, tfkeep.ErrNotFound)
	assert.Zero(t, list[2].Version)
}

func TestListOfACopy(t *testing.T) {
	t.Parallel()
	original := trainDir(t, false)
	folder := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(folder, os.DirFS(original)))
	list, err := dir.List(t.Context(), folder, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(original, "m-3"), list[0].Prefix, "the state file has absolute paths")
	list, err = dir.List(t.Context(), folder, &dir.ListOptions{PreferFolder: true})
	require.NoError(t, err)
	require.Len(t, list, 3)
	assert.Equal(t, filepath.Join(folder, "m-3"), list[0].Prefix)
}

// TensorFlow takes the paths in a state file as patterns. A checkpoint whose name is a
// pattern that does not match itself is found by its index.
func TestListFindsNamesThatArePatterns(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "train [1]")
	prefix := filepath.Join(folder, "m")
	tftest.WriteCheckpoint(t, prefix, nil, []checkpoint.Tensor{tftest.RandomTensor(1, "v", dtype.Int8, 1)})
	require.NoError(t, dir.UpdateState(t.Context(), folder, dir.State{ModelCheckpointPath: prefix}, nil))
	list, err := dir.List(t.Context(), folder, nil)
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.NoError(t, list[0].Err)
	assert.Equal(t, checkpoint.V2, list[0].Version)
	latest, err := dir.Latest(t.Context(), folder, &dir.LatestOptions{Verified: true})
	require.NoError(t, err)
	assert.Equal(t, prefix, latest)
}

func TestListWithoutCheckpoints(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, path := range []string{folder, filepath.Join(folder, "missing")} {
		list, err := dir.List(t.Context(), path, nil)
		require.NoError(t, err)
		assert.Empty(t, list)
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), []byte("junk"), 0o644))
	_, err := dir.List(t.Context(), folder, nil)
	assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
	list, err := dir.List(t.Context(), folder, &dir.ListOptions{IgnoreState: true})
	require.NoError(t, err)
	assert.Empty(t, list)
}

func TestLatestVerifiedStopsWithTheContext(t *testing.T) {
	t.Parallel()
	folder := trainDir(t, false)
	damage(t, filepath.Join(folder, "m-3.data-00000-of-00001"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	skipped := 0
	_, err := dir.Latest(ctx, folder, &dir.LatestOptions{Verified: true, OnSkip: func(string, error) { skipped++; cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, skipped, "nothing is read after the cancellation")
	for _, call := range []func() error{
		func() error { _, err := dir.Latest(ctx, folder, nil); return err },
		func() error { _, err := dir.List(ctx, folder, nil); return err },
		func() error { _, err := dir.Sweep(ctx, folder, nil); return err },
		func() error { _, err := dir.ReadState(ctx, folder, nil); return err },
		func() error { _, err := dir.Open(ctx, folder, nil); return err },
		func() error { return dir.Remove(ctx, filepath.Join(folder, "m-1"), nil) },
	} {
		assert.ErrorIs(t, call(), context.Canceled)
	}
}
