package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// Without a flag to wait, the call leaves errors of the device to the next fsync.
func startWriteback(f *os.File, offset, length int64) {
	c, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = c.Control(func(fd uintptr) {
		_ = unix.SyncFileRange(int(fd), offset, length, unix.SYNC_FILE_RANGE_WRITE)
	})
}
