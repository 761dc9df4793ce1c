package checkpoint_test

import (
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// syncCounter counts what waits for the disk.
type syncCounter struct {
	vfs.FS
	syncs atomic.Int64
}

func (c *syncCounter) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := c.FS.OpenFile(name, flag, perm)
	return countedFile{f, c}, err
}

func (c *syncCounter) SyncDir(name string) error {
	c.syncs.Add(1)
	return c.FS.SyncDir(name)
}

type countedFile struct {
	vfs.File
	c *syncCounter
}

func (f countedFile) Sync() error {
	f.c.syncs.Add(1)
	return f.File.Sync()
}

func TestMergeWithoutSync(t *testing.T) {
	t.Parallel()
	for _, noSync := range []bool{false, true} {
		dir := t.TempDir()
		parts := writeParts(t, dir, 2, []checkpoint.Tensor{tftest.RandomTensor(1, "a", dtype.Int64, 3), {Name: "b", DType: dtype.Int8, Data: []byte{1}, Shard: 1}})
		c := &syncCounter{FS: vfs.OS}
		require.NoError(t, checkpoint.Merge(vfs.NewContext(t.Context(), c), parts, filepath.Join(dir, "m"), &checkpoint.MergeOptions{NoSync: noSync}))
		assert.Equal(t, noSync, c.syncs.Load() == 0)
	}
}

// Any number of workers finds the same faults.
func TestVerifyWorkers(t *testing.T) {
	t.Parallel()
	var tensors []checkpoint.Tensor
	for _, name := range []string{"a", "b", "c", "d"} {
		tensors = append(tensors, tftest.RandomTensor(1, name, dtype.Float32, 100))
	}
	prefix := filepath.Join(t.TempDir(), "m")
	tftest.WriteCheckpoint(t, prefix, nil, tensors)
	for _, workers := range []int{1, 2, 16} {
		report, err := checkpoint.Verify(t.Context(), prefix, &checkpoint.VerifyOptions{Workers: workers})
		require.NoError(t, err)
		assert.True(t, report.OK())
		assert.Equal(t, 4, report.Tensors)
	}
}
