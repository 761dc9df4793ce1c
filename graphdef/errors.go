package graphdef

import (
	"errors"
	"fmt"
)

// The kinds of failure, for errors.Is.
var (
	// ErrNotFound: there is no such file, node or other thing.
	ErrNotFound = errors.New("not found")
	// ErrCorrupt: the bytes are no message of the asked kind, neither text nor
	// binary, or the file is empty.
	ErrCorrupt = errors.New("cannot be parsed")
	// ErrKind: a sound file of another kind, such as a SavedModel where a
	// MetaGraphDef is wanted.
	ErrKind = errors.New("file of another kind")
	// ErrTooLarge: over the 2 GiB that protocol buffers can hold, or nested
	// deeper than MaxNesting.
	ErrTooLarge = errors.New("too large")
	// ErrInvalid: the message parses, and is no sound graph.
	ErrInvalid = errors.New("invalid graph")
	// ErrUnknownOp: the graph has ops that the op definitions at hand lack.
	ErrUnknownOp = errors.New("unknown op")
)

// Error says what failed and where. Its Unwrap gives one of the kinds above,
// and the cause where there is one.
type Error struct {
	Op     string // what was being done: "read", "write", "extract", …
	File   string // the file, or ""
	Node   string // the node, or ""
	Err    error  // the kind
	Detail string // what is wrong and what helps
	Cause  error  // the error underneath, or nil
}

func (e *Error) Error() string {
	s := "graphdef: " + e.Op
	if e.File != "" {
		s += " " + e.File
	}
	if e.Node != "" {
		s += fmt.Sprintf(": node %q", e.Node)
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	} else if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the kind and the cause to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Err, e.Cause} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
