package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// fileError wraps a failure of the file system. A missing file is ErrNotFound
// beside what the system says, a file that another writer holds ErrLocked.
func fileError(op, file string, err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%w: %w", ErrNotFound, err)
	case errors.Is(err, vfs.ErrLocked):
		return &Error{Op: op, File: file, Offset: -1, Err: ErrLocked,
			Detail: "wait for it, or choose another prefix"}
	}
	return &Error{Op: op, File: file, Offset: -1, Err: err}
}

// ErrLocked: another writer, in this process or another, is writing the same
// checkpoint, or holds the lock that was asked for.
var ErrLocked = vfs.ErrLocked

func removeIfThere(fsys vfs.FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
