package capi

// #include "tensorflow/c/c_api.h"
import "C"

import (
	"context"
	"fmt"
	"regexp"
)

// Code is TensorFlow's status code (absl::StatusCode). As an error it stands
// for its kind: errors.Is(err, NotFound).
type Code int32

// TensorFlow's codes.
const (
	OK                 Code = 0
	Cancelled          Code = 1
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

var codeNames = [...]string{
	"ok", "cancelled", "unknown", "invalid argument", "deadline exceeded", "not found",
	"already exists", "permission denied", "resource exhausted", "failed precondition", "aborted",
	"out of range", "unimplemented", "internal", "unavailable", "data loss", "unauthenticated",
}

// String is the code's name in lower case, such as "not found".
func (c Code) String() string {
	if c < 0 || int(c) >= len(codeNames) {
		return fmt.Sprintf("code %d", int32(c))
	}
	return codeNames[c]
}

// Error makes a Code a sentinel for errors.Is.
func (c Code) Error() string { return "tensorflow: " + c.String() }

// Error is what TensorFlow, or a check made before calling it, has to say.
type Error struct {
	// Code is TensorFlow's status code.
	Code Code
	// Message is TensorFlow's text.
	Message string
	// Node is the name of the graph node that failed, where the message has it.
	Node string
}

func (e *Error) Error() string {
	return "tf: " + e.Code.String() + ": " + e.Message
}

// Is makes errors.Is(err, code) work for the Code, and
// errors.Is(err, context.DeadlineExceeded) for a run that timed out.
func (e *Error) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded:
		return e.Code == DeadlineExceeded
	case context.Canceled:
		return e.Code == Cancelled
	}
	c, ok := target.(Code)
	return ok && c == e.Code
}

func errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// nodeName finds the node in messages such as
// "… [[{{node hidden/MatMul}}]]".
var nodeName = regexp.MustCompile(`\{\{node ([^}\s]+)\}\}`)

// status is a TF_Status that one function owns and deletes.
type status struct{ c *C.TF_Status }

func newStatus() status { return status{C.TF_NewStatus()} }

func (s status) delete() { C.TF_DeleteStatus(s.c) }

// err is nil, or an *Error that no longer needs s.
func (s status) err() error { return statusError(s.c) }

func statusError(s *C.TF_Status) error {
	code := C.TF_GetCode(s)
	if code == C.TF_OK {
		return nil
	}
	e := &Error{Code: Code(code), Message: C.GoString(C.TF_Message(s))}
	if m := nodeName.FindStringSubmatch(e.Message); m != nil {
		e.Node = m[1]
	}
	return e
}
