package vfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

func TestLargeFileLeavesPageCache(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	const size = 96 << 20
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i >> 12)
	}
	require.NoError(t, vfs.WriteFileAtomic(vfs.OS, path, data, true))
	var system unix.Statfs_t
	require.NoError(t, unix.Statfs(path, &system))
	switch system.Type {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC:
	default:
		t.Skipf("the file system, of type %#x, may keep its files in memory", system.Type)
	}
	assert.Less(t, cached(t, path), int64(48<<20))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, data, got)
}

// cached returns how many bytes of a file are in the page cache.
func cached(t *testing.T, path string) (bytes int64) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	info, err := f.Stat()
	require.NoError(t, err)
	var count unix.Cachestat_t
	err = unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{Off: 0, Len: uint64(info.Size())}, &count, 0)
	if err != nil {
		t.Skip("the system does not count the pages: ", err)
	}
	return int64(count.Cache) * int64(os.Getpagesize())
}
