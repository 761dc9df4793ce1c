//go:build unix

package vfs

import (
	"io/fs"
	"syscall"
)

// Allocated returns how many bytes a file takes on its disk: less than its size if it has
// holes. It returns the size of a file that is not on a disk.
func Allocated(info fs.FileInfo) int64 {
	const block = 512 // whatever the file system's blocks are
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(s.Blocks) * block //nolint:unconvert // another type on other systems
	}
	return info.Size()
}
