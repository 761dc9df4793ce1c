package capi

// #include "tensorflow/c/c_api.h"
import "C"

import "github.com/tfkeep/tfkeep/status"

func invalidf(format string, args ...any) *status.Error {
	return status.Errorf(status.InvalidArgument, format, args...)
}

// cStatus is a TF_Status that one function owns and deletes.
type cStatus struct{ c *C.TF_Status }

func newStatus() cStatus { return cStatus{C.TF_NewStatus()} }

func (s cStatus) delete() { C.TF_DeleteStatus(s.c) }

// err returns nil, or an error that is valid after s is deleted.
func (s cStatus) err() error { return statusError(s.c) }

func statusError(s *C.TF_Status) error {
	code := C.TF_GetCode(s)
	if code == C.TF_OK {
		return nil
	}
	return status.New(status.Code(code), C.GoString(C.TF_Message(s)))
}
