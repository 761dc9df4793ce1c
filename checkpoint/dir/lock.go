package dir

import (
	"errors"
	"io"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/recovery"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Lock takes the lock that belongs to a path, such as that of a state file, for a
// program that wants to be the only one to write there. It does not wait: if another
// writer holds the lock, in this process or another one, the error is an ErrLocked.
// Close releases the lock, and so does the end of the process.
//
// The lock is an advisory one (flock) on the file path+".tfkeep-lock", which Close
// removes. File systems without locks always grant it.
func Lock(path string) (io.Closer, error) {
	f, err := vfs.OpenLocked(vfs.OS, filenames.Lock(path))
	if errors.Is(err, tfkeep.ErrLocked) {
		return nil, &tfkeep.Error{Op: "lock", Path: path, Err: tfkeep.ErrLocked,
			Detail: "another program, or another part of this one, is writing there"}
	}
	if err != nil {
		return nil, vfs.Error("lock", path, err)
	}
	return heldLock{f}, nil
}

type heldLock struct{ file vfs.File }

// Close removes the file while it is locked. Another process that has opened it in the
// meantime notices that the file has lost its name, and tries again.
func (l heldLock) Close() error {
	_, err := recovery.Remove(vfs.OS, l.file.Name())
	return errors.Join(err, l.file.Close())
}
