package autodiff

import (
	"errors"
	"fmt"
)

// Kinds of error; NoGradientError wraps one of the first two.
var (
	// ErrNoGradient says that an operation between the xs and the ys has no
	// gradient.
	ErrNoGradient = errors.New("no gradient")
	// ErrControlFlow says that a loop or a conditional lies between them.
	ErrControlFlow = errors.New("loops and conditionals cannot be differentiated")
	// ErrInvalid says that the request itself makes no sense.
	ErrInvalid = errors.New("invalid argument")
)

// NoGradientError names the operation that stands between a value and its
// gradient.
type NoGradientError struct {
	OpType string // "TopKV2"
	Node   string // the operation's name in the graph
	Remedy string
	Err    error // ErrNoGradient or ErrControlFlow
}

func (e *NoGradientError) Error() string {
	return fmt.Sprintf("autodiff: %v: operation %q of type %s: %s", e.Err, e.Node, e.OpType, e.Remedy)
}

func (e *NoGradientError) Unwrap() error { return e.Err }

func invalid(format string, args ...any) error {
	return fmt.Errorf("autodiff: %w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

func noGradient(n *node) error {
	return &NoGradientError{
		OpType: n.typ, Node: n.name, Err: ErrNoGradient,
		Remedy: "no gradient is defined for this operation; replace it, or cut the path with StopGradient",
	}
}

func controlFlow(n *node) error {
	return &NoGradientError{
		OpType: n.typ, Node: n.name, Err: ErrControlFlow,
		Remedy: "unroll it or use element-wise selection (SelectV2) instead, or build the training graph in Python and import its meta graph",
	}
}
