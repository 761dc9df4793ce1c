// Package status has TensorFlow's status codes and the error that carries one.
//
// Every error that comes from TensorFlow, and every check that package tf makes in
// front of it, is an *Error. A Code is an error itself, so that errors.Is
// distinguishes the kinds:
//
//	if errors.Is(err, status.Unavailable) {
//		return nil // a server is gone
//	}
//
// Errors that have a counterpart elsewhere match that too: a run that timed out is
// context.DeadlineExceeded, a node that does not exist is tfkeep.ErrNotFound.
//
// The package needs neither cgo nor libtensorflow.
package status
