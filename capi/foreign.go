package capi

// #include "foreign.h"
import "C"

import (
	"runtime/cgo"
	"slices"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/live"
)

// ForeignTensor returns a tensor over memory that does not belong to Go, such as a
// mapped file. (C must not keep pointers to Go's memory.) TensorFlow uses the memory
// directly if it starts at a multiple of 64, and copies it otherwise.
//
// release is called once, from any goroutine, when TensorFlow no longer needs the
// memory: when the tensor is released, or later, as long as a variable that was
// assigned from it shares the memory. Until then the memory must not change; TensorFlow
// does not write to it. If ForeignTensor returns an error, release is not called.
func ForeignTensor(dt dtype.DataType, shape []int64, memory []byte, release func()) (*tensorflow.Tensor, error) {
	if err := check(); err != nil {
		return nil, err
	}
	size, err := byteSize(dt, shape)
	if err != nil {
		return nil, err
	}
	if size != int64(len(memory)) {
		return nil, invalidf("a tensor of shape %v and type %s has %d bytes, not %d", shape, dtype.Name(dt), size, len(memory))
	}
	if size == 0 {
		t, err := AllocateTensor(dt, shape)
		if err == nil && release != nil {
			release()
		}
		return t, err
	}
	handle := cgo.NewHandle(release)
	live.Foreign.Add(1)
	c := C.tfk_foreign_tensor(C.TF_DataType(dt), dims(shape), C.int(len(shape)),
		unsafe.Pointer(unsafe.SliceData(memory)), C.size_t(len(memory)), C.uintptr_t(handle))
	if c == nil {
		handle.Delete()
		live.Foreign.Add(-1)
		return nil, invalidf("TensorFlow refuses a tensor of shape %v over %d bytes", shape, len(memory))
	}
	return newTensor(c, slices.Clone(shape)), nil
}

//export tfkReleaseForeign
func tfkReleaseForeign(handle C.uintptr_t) {
	h := cgo.Handle(handle)
	release := h.Value().(func())
	h.Delete()
	live.Foreign.Add(-1)
	if release != nil {
		release()
	}
}
