package npy

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

func corrupt(format string, args ...any) error {
	return &tfkeep.Error{Op: "read", Err: tfkeep.ErrCorrupt, Detail: fmt.Sprintf(format, args...)}
}

func unsupported(op, format string, args ...any) error {
	return &tfkeep.Error{Op: op, Err: tfkeep.ErrUnsupported, Detail: fmt.Sprintf(format, args...)}
}

// readError turns an error of the zip reader, which finds damage while it reads, or of
// the file system into this package's.
func readError(err error) error {
	var known *tfkeep.Error
	var deflate flate.CorruptInputError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &deflate), errors.Is(err, zip.ErrChecksum), errors.Is(err, zip.ErrFormat), errors.Is(err, io.ErrUnexpectedEOF):
		return corrupt("%v", err)
	case errors.Is(err, zip.ErrAlgorithm):
		return unsupported("read", "%v", err)
	}
	return &tfkeep.Error{Op: "read", Cause: err}
}

func writeError(err error) error { return &tfkeep.Error{Op: "write", Cause: err} }

// in adds the place to an error: the archive's path and the name of an array, each of
// which may be empty.
func in(path, array string, err error) error {
	var e *tfkeep.Error
	if array != "" && errors.As(err, &e) && e.Name == "" {
		e.Item, e.Name = "array", array
	}
	return vfs.AddPath(path, err)
}
