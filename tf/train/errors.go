package train

import (
	"fmt"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/tf/train/internal/autodiff"
)

// The kinds of errors of this package, for errors.Is. Errors of the kind
// tfkeep.ErrArgument mean that the caller has to change the call.
var (
	// ErrNoGradient means that an operation between the loss and a variable has no
	// gradient.
	ErrNoGradient = autodiff.ErrNoGradient
	// ErrControlFlow means that control flow that cannot be differentiated is between the
	// loss and a variable: a tensor inside of a loop, for example.
	ErrControlFlow = autodiff.ErrControlFlow
)

func invalid(op, format string, args ...any) error {
	return &tfkeep.Error{Op: op, Err: tfkeep.ErrArgument, Detail: fmt.Sprintf(format, args...)}
}
