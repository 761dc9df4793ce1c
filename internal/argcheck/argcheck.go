// Package argcheck checks what callers hand to many functions: contexts, and values that
// must not be nil.
package argcheck

import (
	"context"

	"github.com/tfkeep/tfkeep"
)

// Context returns why a function cannot begin to work on path, which may be empty: its
// context is nil, a tfkeep.ErrArgument, or has ended.
func Context(ctx context.Context, op, path string) error {
	if ctx == nil {
		return Nil(op, path, "context")
	}
	if err := ctx.Err(); err != nil {
		return &tfkeep.Error{Op: op, Path: path, Cause: err}
	}
	return nil
}

// Nil is the error of a function whose argument, called what, must not be nil.
func Nil(op, path, what string) error {
	return &tfkeep.Error{Op: op, Path: path, Err: tfkeep.ErrArgument, Detail: "the " + what + " is nil"}
}
