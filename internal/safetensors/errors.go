package safetensors

import (
	"errors"

	"github.com/tfkeep/tfkeep"
)

// The kinds of error; all but the first are package checkpoint's.
var (
	// ErrCorrupt marks a file that breaks a rule of the format.
	ErrCorrupt = errors.New("corrupt file")
	// ErrUnsupported marks a type that one of the two sides cannot hold.
	ErrUnsupported = tfkeep.ErrUnsupported
	// ErrNotFound marks a tensor that the file does not have.
	ErrNotFound = tfkeep.ErrNotFound
	// ErrMismatch marks memory or bytes of another size than the tensor's.
	ErrMismatch = tfkeep.ErrMismatch
)
