package vfs

import (
	"errors"
	"io"
	"io/fs"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/filenames"
)

// Hold takes the lock that belongs to a path, on the operating system's file system. It
// does not wait: if another writer holds the lock, the error is tfkeep.ErrLocked. Close
// releases the lock and removes its file.
func Hold(path string) (io.Closer, error) {
	f, err := OpenLocked(OS, filenames.Lock(path))
	if errors.Is(err, tfkeep.ErrLocked) {
		return nil, &tfkeep.Error{Op: "lock", Path: path, Err: tfkeep.ErrLocked,
			Detail: "another program, or another part of this one, is writing there"}
	}
	if err != nil {
		return nil, Error("lock", path, err)
	}
	return heldLock{f}, nil
}

type heldLock struct{ file File }

// Close removes the file while it is locked. Another process that has opened it in the
// meantime notices that the file has lost its name, and tries again. A file that took the
// name since then is another owner's, and stays.
func (l heldLock) Close() error {
	ours, err := IsNamed(OS, l.file, l.file.Name())
	if ours {
		err = OS.Remove(l.file.Name())
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, l.file.Close())
}
