package vfs_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

func TestReadFileRefusesLargeHoles(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("not all file systems here make holes")
	}
	name := filepath.Join(t.TempDir(), "f")
	for _, size := range []int64{65 << 20, 1 << 40} {
		require.NoError(t, os.WriteFile(name, []byte("begin"), 0o644))
		require.NoError(t, os.Truncate(name, size))
		_, err := vfs.ReadFile(vfs.OS, name, 1<<41)
		require.ErrorIs(t, err, tfkeep.ErrTooLarge)
		assert.ErrorContains(t, err, "cp --sparse=never")
	}
	require.NoError(t, os.Truncate(name, 1<<20))
	data, err := vfs.ReadFile(vfs.OS, name, 1<<41)
	require.NoError(t, err)
	assert.Len(t, data, 1<<20, "a small hole is read as zeros")
	assert.Equal(t, "begin", string(data[:5]))
}
