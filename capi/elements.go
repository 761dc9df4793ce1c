package capi

// #include "elements.h"
import "C"

import (
	"runtime"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/dtype"
)

// Contents returns the element type and the memory of t, and whether something else uses the
// memory too, such as a variable that t was assigned to or a run that is active.
func Contents(t *tensorflow.Tensor) (dt dtype.DataType, data []byte, shared bool, err error) {
	if err := check(); err != nil {
		return 0, nil, false, err
	}
	if Released(t) {
		return 0, nil, false, invalidf("the tensor is nil or was released")
	}
	view := C.tfk_view_of(tensorHandle(t))
	runtime.KeepAlive(t)
	if view.size > 0 {
		data = unsafe.Slice((*byte)(view.data), int(view.size))
	}
	return dtype.DataType(view._type), data, view.shared != 0, nil
}

// Renew gives t memory of its own, whose contents are undefined.
func Renew(t *tensorflow.Tensor) error {
	if Released(t) {
		return invalidf("the tensor is nil or was released")
	}
	fresh, err := AllocateTensor(dtype.DataType(t.DataType()), t.Shape())
	if err != nil {
		return err
	}
	move(t, fresh)
	return nil
}
