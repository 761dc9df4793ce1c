package npy

import (
	"errors"
	"fmt"

	"github.com/tfkeep/tfkeep"
)

// The kinds of error; all but the first are package checkpoint's.
var (
	// ErrCorrupt marks a file that is not sound.
	ErrCorrupt = errors.New("corrupt file")
	// ErrUnsupported marks what one of the two sides cannot hold.
	ErrUnsupported = tfkeep.ErrUnsupported
	// ErrNotFound marks an array that the archive does not have.
	ErrNotFound = tfkeep.ErrNotFound
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("npy: %w: "+format, append([]any{ErrCorrupt}, args...)...)
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("npy: %w: "+format, append([]any{ErrUnsupported}, args...)...)
}
