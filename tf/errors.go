package tf

import (
	"fmt"

	"github.com/tfkeep/tfkeep/capi"
)

// Error is an error of TensorFlow, or of a check made before calling it, with
// TensorFlow's status code and, where the message has it, the graph's node.
type Error = capi.Error

// Code is a TensorFlow status code.
type Code = capi.Code

// TensorFlow's kinds of errors, for errors.Is.
var (
	ErrCancelled          error = capi.Cancelled
	ErrUnknown            error = capi.Unknown
	ErrInvalidArgument    error = capi.InvalidArgument
	ErrDeadlineExceeded   error = capi.DeadlineExceeded
	ErrNotFound           error = capi.NotFound
	ErrAlreadyExists      error = capi.AlreadyExists
	ErrPermissionDenied   error = capi.PermissionDenied
	ErrUnauthenticated    error = capi.Unauthenticated
	ErrResourceExhausted  error = capi.ResourceExhausted
	ErrFailedPrecondition error = capi.FailedPrecondition
	ErrAborted            error = capi.Aborted
	ErrOutOfRange         error = capi.OutOfRange
	ErrUnimplemented      error = capi.Unimplemented
	ErrInternal           error = capi.Internal
	ErrUnavailable        error = capi.Unavailable
	ErrDataLoss           error = capi.DataLoss
)

// words are what err says, without the kind before it.
func words(err error) string {
	if e, ok := err.(*Error); ok {
		return e.Message
	}
	return err.Error()
}

func invalidf(format string, args ...any) *Error {
	return &Error{Code: capi.InvalidArgument, Message: fmt.Sprintf(format, args...)}
}
