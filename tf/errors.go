package tf

import (
	"fmt"

	"github.com/tfkeep/tfkeep/tf/status"
)

// Error is an error of TensorFlow, or of a check made before calling it, with
// TensorFlow's status code and, where the message has it, the graph's node.
type Error = status.Error

// Code is a TensorFlow status code.
type Code = status.Code

// TensorFlow's kinds of errors, for errors.Is.
var (
	ErrCancelled          error = status.Canceled
	ErrUnknown            error = status.Unknown
	ErrInvalidArgument    error = status.InvalidArgument
	ErrDeadlineExceeded   error = status.DeadlineExceeded
	ErrNotFound           error = status.NotFound
	ErrAlreadyExists      error = status.AlreadyExists
	ErrPermissionDenied   error = status.PermissionDenied
	ErrUnauthenticated    error = status.Unauthenticated
	ErrResourceExhausted  error = status.ResourceExhausted
	ErrFailedPrecondition error = status.FailedPrecondition
	ErrAborted            error = status.Aborted
	ErrOutOfRange         error = status.OutOfRange
	ErrUnimplemented      error = status.Unimplemented
	ErrInternal           error = status.Internal
	ErrUnavailable        error = status.Unavailable
	ErrDataLoss           error = status.DataLoss
)

// words are what err says, without the kind before it.
func words(err error) string {
	if e, ok := err.(*Error); ok {
		return e.Message
	}
	return err.Error()
}

func invalidf(format string, args ...any) *Error {
	return &Error{Code: status.InvalidArgument, Message: fmt.Sprintf(format, args...)}
}
