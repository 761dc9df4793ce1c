package status

import (
	"context"
	"fmt"
	"regexp"

	"github.com/tfkeep/tfkeep"
)

// Code is a status code of TensorFlow (absl::StatusCode). Used as an error it stands
// for its kind: errors.Is(err, status.NotFound).
type Code int32

// TensorFlow's codes.
const (
	OK                 Code = 0
	Canceled           Code = 1
	Unknown            Code = 2
	InvalidArgument    Code = 3
	DeadlineExceeded   Code = 4
	NotFound           Code = 5
	AlreadyExists      Code = 6
	PermissionDenied   Code = 7
	ResourceExhausted  Code = 8
	FailedPrecondition Code = 9
	Aborted            Code = 10
	OutOfRange         Code = 11
	Unimplemented      Code = 12
	Internal           Code = 13
	Unavailable        Code = 14
	DataLoss           Code = 15
	Unauthenticated    Code = 16
)

var names = [...]string{
	"ok", "canceled", "unknown", "invalid argument", "deadline exceeded", "not found",
	"already exists", "permission denied", "resource exhausted", "failed precondition", "aborted",
	"out of range", "unimplemented", "internal", "unavailable", "data loss", "unauthenticated",
}

// String returns the code's name in lower case, such as "not found".
func (c Code) String() string {
	if c < 0 || int(c) >= len(names) {
		return fmt.Sprintf("code %d", int32(c))
	}
	return names[c]
}

// Error returns the same as String.
func (c Code) Error() string { return c.String() }

// Error is an error of TensorFlow, or of a check that is made before TensorFlow is
// called.
type Error struct {
	Code    Code
	Message string // TensorFlow's text
	Node    string // the graph node that failed, if the message names one
}

// New returns an error with TensorFlow's message. The name of the node is read from
// the message.
func New(code Code, message string) *Error {
	e := &Error{Code: code, Message: message}
	if m := node.FindStringSubmatch(message); m != nil {
		e.Node = m[1]
	}
	return e
}

// node finds the node in messages such as "… [[{{node hidden/MatMul}}]]".
var node = regexp.MustCompile(`\{\{node ([^}\s]+)\}\}`)

// Errorf returns an error whose message is formatted as by fmt.Sprintf.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns the name of the code and the message.
func (e *Error) Error() string { return e.Code.String() + ": " + e.Message }

// Is reports whether the error is of the kind target: its Code, or the error of Go or
// of this module that means the same.
func (e *Error) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded:
		return e.Code == DeadlineExceeded
	case context.Canceled:
		return e.Code == Canceled
	case tfkeep.ErrArgument:
		return e.Code == InvalidArgument
	case tfkeep.ErrNotFound:
		return e.Code == NotFound
	case tfkeep.ErrExists:
		return e.Code == AlreadyExists
	}
	code, ok := target.(Code)
	return ok && code == e.Code
}
