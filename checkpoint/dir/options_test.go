package dir_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// A state file of another name counts wherever it is named.
func TestLatestFilenameOfOptions(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	mustWriteStep(t, folder, 1, "usual-1")
	mustWriteStep(t, folder, 2, "other-2")
	mustWriteStep(t, folder, 1, "usual-1") // the usual state file names it again
	require.NoError(t, dir.UpdateState(t.Context(), folder, dir.State{ModelCheckpointPath: "other-2"}, &dir.StateOptions{LatestFilename: "newest"}))
	for name, want := range map[string]string{"": "usual-1", "newest": "other-2"} {
		got, err := dir.Latest(t.Context(), folder, &dir.LatestOptions{LatestFilename: name})
		require.NoError(t, err)
		assert.Equal(t, want, filepath.Base(got))
		list, err := dir.List(t.Context(), folder, &dir.ListOptions{LatestFilename: name})
		require.NoError(t, err)
		for _, c := range list {
			assert.Equal(t, filepath.Base(c.Prefix) == want, c.Listed, c.Prefix)
		}
		names := watched(t, folder, &dir.WatchOptions{LatestFilename: name, Poll: time.Millisecond, Ended: func() bool { return true }}, func(string) {})
		assert.Equal(t, []string{want}, names)
	}
}

func TestWatchOpensWithReaderOptions(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	mustWriteStep(t, folder, 1, "m-1")
	for _, c := range []struct {
		limit int64
		fails bool
	}{{0, false}, {1, true}} {
		for r, err := range dir.Watch(t.Context(), folder, &dir.WatchOptions{Reader: &checkpoint.ReaderOptions{MemoryLimit: c.limit}, Ended: func() bool { return true }}) {
			if c.fails {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				assert.NotNil(t, r)
			}
			break
		}
	}
	_, err := dir.Latest(t.Context(), t.TempDir(), nil)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
}

// syncCounter counts the folders that are synced.
type syncCounter struct {
	vfs.FS
	syncs int
}

func (c *syncCounter) SyncDir(name string) error {
	c.syncs++
	return c.FS.SyncDir(name)
}

func TestRemoveWithoutSync(t *testing.T) {
	t.Parallel()
	for _, noSync := range []bool{false, true} {
		folder := t.TempDir()
		mustWriteStep(t, folder, 1, "m-1")
		c := &syncCounter{FS: vfs.OS}
		require.NoError(t, dir.Remove(vfs.NewContext(t.Context(), c), filepath.Join(folder, "m-1"), &dir.RemoveOptions{NoSync: noSync}))
		assert.Equal(t, noSync, c.syncs == 0)
		_, err := os.Stat(filepath.Join(folder, "m-1.index"))
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
}
