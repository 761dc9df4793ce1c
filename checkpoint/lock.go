package checkpoint

import (
	"errors"
	"io"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

const lockSuffix = ".tfkeep-lock"

// LockOptions tunes [Lock].
type LockOptions struct {
	FS vfs.FS // nil is the operating system's
}

// Lock takes the lock that belongs to a path, such as that of a state file, for
// a program that wants to be the only one to write there. It does not wait: when
// another holds it, in this process or another, the error is [ErrLocked]. Close
// gives it back, and so does the death of the process.
//
// The lock is an advisory one (flock) on the file path+".tfkeep-lock", which
// Close removes. File systems without locks grant it always.
func Lock(path string, o *LockOptions) (io.Closer, error) {
	fsys := vfs.OS
	if o != nil && o.FS != nil {
		fsys = o.FS
	}
	f, err := vfs.OpenLocked(fsys, path+lockSuffix)
	if errors.Is(err, ErrLocked) {
		return nil, &Error{Op: "lock", File: path, Offset: -1, Err: ErrLocked,
			Detail: "another program, or another part of this one, is writing there"}
	}
	if err != nil {
		return nil, fileError("lock", path, err)
	}
	return &heldLock{fs: fsys, file: f}, nil
}

type heldLock struct {
	fs   vfs.FS
	file vfs.File
}

// Close removes the file while it is locked: whoever opened it in the meantime
// sees that it is no longer the file of that name and tries anew.
func (l *heldLock) Close() error {
	return errors.Join(removeIfThere(l.fs, l.file.Name()), l.file.Close())
}
