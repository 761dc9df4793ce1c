package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// Without one of the flags that wait, the call leaves an error of the device for
// the next fsync to find.
func startWriteback(f *os.File, offset, length int64) {
	c, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = c.Control(func(fd uintptr) {
		_ = unix.SyncFileRange(int(fd), offset, length, unix.SYNC_FILE_RANGE_WRITE)
	})
}
