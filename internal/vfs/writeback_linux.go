package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Without a flag to wait, the call leaves errors of the device to the next fsync.
func (f osFile) StartWriteback(offset, length int64) {
	_ = control(f.File, func(fd int) error { return unix.SyncFileRange(fd, offset, length, unix.SYNC_FILE_RANGE_WRITE) })
}

func (f osFile) FinishWriteback(offset, length int64) error {
	const wait = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	err := control(f.File, func(fd int) error {
		if err := unix.SyncFileRange(fd, offset, length, wait); err != nil {
			return err
		}
		_ = unix.Fadvise(fd, offset, length, unix.FADV_DONTNEED)
		return nil
	})
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ESPIPE) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil // There is no such call here.
	}
	if err != nil {
		return &os.PathError{Op: "sync_file_range", Path: f.Name(), Err: err}
	}
	return nil
}

func control(f *os.File, do func(fd int) error) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var called error
	if err := c.Control(func(fd uintptr) { called = do(int(fd)) }); err != nil {
		return err
	}
	return called
}
