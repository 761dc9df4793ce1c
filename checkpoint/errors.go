package checkpoint

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of failure, for errors.Is. Failures of the file system keep their
// own kinds too: a missing file is both ErrNotFound and fs.ErrNotExist.
var (
	// ErrCorrupt: the file contradicts itself or its checksums.
	ErrCorrupt = errors.New("corrupt checkpoint")
	// ErrNotFound: there is no such checkpoint, file or tensor.
	ErrNotFound = errors.New("not found")
	// ErrUnsupported: the file is whole, as far as one can tell, but needs
	// something this package does not do (a newer format, a variant tensor),
	// or more memory than [ReaderOptions.MemoryLimit] grants.
	ErrUnsupported = errors.New("unsupported")
	// ErrMismatch: the caller asked for another data type, shape or size than
	// the tensor has.
	ErrMismatch = errors.New("mismatch")
	// ErrClosed: the Reader or Writer was closed before.
	ErrClosed = errors.New("already closed")
)

// Error is the error of every function of this package that touches files. It
// says where; Err says what kind.
type Error struct {
	Op     string // what was being done: "open", "read", "write", …
	File   string // the file, empty when it is not about one
	Tensor string // the tensor's name, empty when it is not about one
	Offset int64  // byte offset in File, -1 when unknown
	Err    error  // one of the sentinels above, or an error of the file system
	Detail string // what exactly is wrong, and the remedy where there is one
}

// Error reads "checkpoint: read train/model.index: tensor "w": offset 12: corrupt checkpoint: …".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("checkpoint: ")
	b.WriteString(e.Op)
	if e.File != "" {
		b.WriteString(" ")
		b.WriteString(e.File)
	}
	if e.Tensor != "" {
		fmt.Fprintf(&b, ": tensor %q", e.Tensor)
	}
	if e.Offset >= 0 && e.File != "" {
		fmt.Fprintf(&b, ": offset %d", e.Offset)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	if e.Detail != "" {
		b.WriteString(": ")
		b.WriteString(e.Detail)
	}
	return b.String()
}

// Unwrap gives the kind.
func (e *Error) Unwrap() error { return e.Err }
