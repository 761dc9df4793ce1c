package autodiff

import (
	"errors"
	"fmt"

	"github.com/tfkeep/tfkeep"
)

// The kinds of errors that only gradients have.
var (
	// ErrNoGradient means that an operation between the xs and the ys has no gradient.
	ErrNoGradient = errors.New("no gradient")
	// ErrControlFlow means that a loop or a conditional lies between them that cannot be
	// differentiated.
	ErrControlFlow = errors.New("control flow that cannot be differentiated")
)

func invalid(format string, args ...any) error {
	return &tfkeep.Error{Op: "differentiate", Err: tfkeep.ErrArgument, Detail: fmt.Sprintf(format, args...)}
}

func noGradient(n *node) error {
	return refuse(n, ErrNoGradient, "no gradient is defined for this operation; replace it, or cut the path with StopGradient")
}

func controlFlow(n *node) error {
	switch {
	case isEnter(n.typ), isNext(n.typ), n.typ == "LoopCond":
		return refuse(n, ErrControlFlow, "the ys are inside the loop; take the gradient of what leaves it")
	case isExit(n.typ):
		return refuse(n, ErrControlFlow, "the nodes around it are not a while loop as TensorFlow builds it")
	}
	return refuse(n, ErrControlFlow, "unroll it or use element-wise selection (SelectV2) instead, or build the training graph in Python and import its meta graph")
}

// refuse returns the error for an operation that stands between a value and its gradient.
func refuse(n *node, kind error, remedy string) error {
	return &tfkeep.Error{Op: "differentiate", Item: "operation", Name: n.name, Err: kind, Detail: "type " + n.typ + ": " + remedy}
}
