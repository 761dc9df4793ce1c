package capi

// #include "foreign.h"
import "C"

import (
	"runtime/cgo"
	"slices"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
)

// Alignment is what the memory of a tensor starts at a multiple of. Foreign
// memory that does not is copied.
const Alignment = 64

// ForeignTensor makes a tensor over memory that Go's collector does not own,
// such as a mapped file, without copying it where it is aligned. release is
// called once, from any goroutine, when TensorFlow needs the memory no longer:
// at the tensor's Release or much later, when no variable that was assigned
// from it shares it. The memory must stay as it is until then; TensorFlow does
// not write to it.
func ForeignTensor(dt tensorflow.DataType, shape []int64, memory []byte, release func()) (*tensorflow.Tensor, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	if err := checkSize(dt, shape, int64(len(memory))); err != nil {
		return nil, err
	}
	if len(memory) == 0 {
		t, err := AllocateTensor(dt, shape, 0)
		if err == nil {
			release()
		}
		return t, err
	}
	handle := cgo.NewHandle(release)
	live.foreign.Add(1)
	c := C.tfk_foreign_tensor(C.TF_DataType(dt), dims(shape), C.int(len(shape)),
		unsafe.Pointer(unsafe.SliceData(memory)), C.size_t(len(memory)), C.uintptr_t(handle))
	if c == nil {
		return nil, errorf(InvalidArgument, "TensorFlow takes no tensor of shape %v over %d bytes", shape, len(memory))
	}
	return newTensor(c, slices.Clone(shape)), nil
}

//export tfkReleaseForeign
func tfkReleaseForeign(handle C.uintptr_t) {
	h := cgo.Handle(handle)
	release := h.Value().(func())
	h.Delete()
	live.foreign.Add(-1)
	if release != nil {
		release()
	}
}
