package capi

// #include "foreign.h"
import "C"

import (
	"runtime/cgo"
	"slices"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/tfkeep/tfkeep/dtype"
)

// Alignment is what the memory of a tensor starts at a multiple of. Foreign
// memory that does not is copied.
const Alignment = 64

// ForeignTensor makes a tensor over memory that Go's collector does not own,
// such as a mapped file (memory of Go must not be lent to C for so long), without
// copying it where it is aligned. release is
// called once, from any goroutine, when TensorFlow needs the memory no longer:
// at the tensor's Release or much later, when no variable that was assigned
// from it shares it. The memory must stay as it is until then; TensorFlow does
// not write to it. After an error release is not called.
func ForeignTensor(dt tensorflow.DataType, shape []int64, memory []byte, release func()) (*tensorflow.Tensor, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	size, err := byteSize(dt, shape)
	if err != nil {
		return nil, err
	}
	if size != int64(len(memory)) {
		return nil, errorf(InvalidArgument, "shape %v of %s takes %d bytes, not %d", shape, dtype.Name(dt), size, len(memory))
	}
	if size == 0 {
		t, err := AllocateTensor(dt, shape)
		if err == nil && release != nil {
			release()
		}
		return t, err
	}
	handle := cgo.NewHandle(release)
	live.foreign.Add(1)
	c := C.tfk_foreign_tensor(C.TF_DataType(dt), dims(shape), C.int(len(shape)),
		unsafe.Pointer(unsafe.SliceData(memory)), C.size_t(len(memory)), C.uintptr_t(handle))
	if c == nil {
		cgo.Handle(handle).Delete()
		live.foreign.Add(-1)
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
