package vfs

import (
	"errors"
	"io/fs"

	"github.com/tfkeep/tfkeep"
)

// ErrLocked reports that another writer, in this process or another one, is using the
// same file.
var ErrLocked = tfkeep.ErrLocked

// Error adds the operation and the path to a failure of the file system. A missing file
// is also a [tfkeep.ErrNotFound]. Errors that have a place already stay as they are.
func Error(op, path string, err error) error {
	var placed *tfkeep.Error
	if err == nil || errors.As(err, &placed) {
		return err
	}
	e := &tfkeep.Error{Op: op, Path: path, Cause: err}
	var pathError *fs.PathError
	if errors.As(err, &pathError) && pathError.Path == path {
		e.Cause = pathError.Err // the path is in the message already
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Err = tfkeep.ErrNotFound
	case errors.Is(err, ErrLocked):
		e.Err, e.Cause = tfkeep.ErrLocked, nil
		e.Detail = "wait for the other writer, or choose another name"
	}
	return e
}

// AddPath adds the path to a [tfkeep.Error] that has none. Other errors stay as they are.
func AddPath(path string, err error) error {
	var e *tfkeep.Error
	if errors.As(err, &e) && e.Path == "" {
		e.Path = path
	}
	return err
}
