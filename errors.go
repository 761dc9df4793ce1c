package tfkeep

import (
	"errors"
	"strconv"
	"strings"
)

// The kinds of errors, for errors.Is. An error that comes from the operating system is
// also of the kind that package io/fs gives it: a missing file is both ErrNotFound and
// fs.ErrNotExist.
var (
	// ErrArgument means that an argument or option makes no sense, alone or together
	// with another one. The caller has to change the call.
	ErrArgument = errors.New("invalid argument")
	// ErrClosed means that the value was closed before.
	ErrClosed = errors.New("already closed")
	// ErrCorrupt means that a file contradicts itself, its checksums or its format.
	ErrCorrupt = errors.New("corrupt")
	// ErrExists means that the target exists and must not be replaced.
	ErrExists = errors.New("already exists")
	// ErrLocked means that another writer, in this process or another one, is using the
	// same files.
	ErrLocked = errors.New("locked by another writer")
	// ErrMismatch means that types, shapes or sizes differ from what the caller expects.
	ErrMismatch = errors.New("mismatch")
	// ErrNotFound means that there is no such file, tensor, node or other thing.
	ErrNotFound = errors.New("not found")
	// ErrTooLarge means that a size is over a limit of the format or of the caller.
	ErrTooLarge = errors.New("too large")
	// ErrUninitialized means that a variable has no value yet.
	ErrUninitialized = errors.New("uninitialized variable")
	// ErrUnsafe means that a model or file asks for something that is refused by default.
	ErrUnsafe = errors.New("refused as unsafe")
	// ErrUnsupported means that the input is valid, as far as one can tell, and needs
	// something that this version does not do.
	ErrUnsupported = errors.New("unsupported")
)

// Error reports the place of an error, its kind, and what to do about it. All
// fields except Op and Err may be empty.
type Error struct {
	Op     string // the operation, as a verb: "open", "restore"
	Path   string // the file or folder
	Item   string // what Name names: "tensor", "node", "signature"
	Name   string // the name of the item
	Err    error  // the kind: one of the variables above, or one of the package that returns it
	Cause  error  // the error underneath
	Detail string // what was found, and the remedy
}

// Error returns, for example,
//
//	read train/model.index: tensor "w": corrupt: offset 12: the block is cut short
//
// The kind is left out where the cause is of the same kind and says so itself, and so is
// the path of a cause that has the same one.
func (e *Error) Error() string { return e.text("") }

// text is the error without its path, if the reader has read that path already.
func (e *Error) text(read string) string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Path != "" && e.Path != read {
		b.WriteString(" " + e.Path)
	}
	if e.Name != "" {
		b.WriteString(": ")
		if e.Item != "" {
			b.WriteString(e.Item + " ")
		}
		b.WriteString(strconv.Quote(e.Name))
	}
	if e.Err != nil && (e.Cause == nil || !errors.Is(e.Cause, e.Err)) {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.Cause != nil {
		b.WriteString(": " + e.causeText())
	}
	return b.String()
}

func (e *Error) causeText() string {
	if cause, ok := e.Cause.(*Error); ok { //nolint:errorlint // only a direct cause repeats the path
		return cause.text(e.Path)
	}
	// Package proto puts a no-break space into its errors in some builds, so that nobody
	// compares them. People read plain spaces.
	return strings.ReplaceAll(e.Cause.Error(), "\u00a0", " ")
}

// Unwrap returns the kind and the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Err, e.Cause} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
