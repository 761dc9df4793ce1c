package capi

// #include "tensorflow/c/c_api.h"
import "C"

import (
	"runtime"
	"slices"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/status"
)

func newTensor(c *C.TF_Tensor, shape []int64) *tensorflow.Tensor {
	t := new(tensorflow.Tensor)
	own(t, c, shape)
	return t
}

func shapeOf(c *C.TF_Tensor) []int64 {
	n := int(C.TF_NumDims(c))
	if n <= 0 {
		return nil
	}
	shape := make([]int64, n)
	for i := range shape {
		shape[i] = int64(C.TF_Dim(c, C.int(i)))
	}
	return shape
}

// AllocateTensor returns a tensor with uninitialized memory, which the caller writes
// through TensorData. It refuses strings, variants and resources, whose memory has a
// structure.
func AllocateTensor(dt dtype.DataType, shape []int64) (*tensorflow.Tensor, error) {
	if err := check(); err != nil {
		return nil, err
	}
	size, err := byteSize(dt, shape)
	if err != nil {
		return nil, err
	}
	c := C.TF_AllocateTensor(C.TF_DataType(dt), dims(shape), C.int(len(shape)), C.size_t(size))
	if c == nil || (size > 0 && C.TF_TensorData(c) == nil) {
		return nil, status.Errorf(status.ResourceExhausted, "no memory for a tensor of %d bytes", size)
	}
	return newTensor(c, slices.Clone(shape)), nil
}

// Clone returns a copy of a tensor. Resources and variants cannot be copied.
func Clone(t *tensorflow.Tensor) (*tensorflow.Tensor, error) {
	if Released(t) {
		return nil, invalidf("the tensor is nil or was released")
	}
	if t.DataType() == tensorflow.String {
		elements, err := Strings(t)
		if err != nil {
			return nil, err
		}
		return NewStrings(t.Shape(), elements)
	}
	c, err := AllocateTensor(dtype.DataType(t.DataType()), t.Shape())
	if err != nil {
		return nil, err
	}
	copy(c.TensorData(), t.TensorData())
	runtime.KeepAlive(t)
	return c, nil
}

func dims(shape []int64) *C.int64_t {
	if len(shape) == 0 {
		return nil
	}
	return (*C.int64_t)(unsafe.Pointer(&shape[0]))
}

// maxBytes is more than a process can address. The library waits ten seconds for free
// memory if it is asked for that much.
const maxBytes = 1 << 47

// byteSize returns the size of a tensor in bytes.
func byteSize(dt dtype.DataType, shape []int64) (int64, error) {
	elem := int64(dtype.Size(dt))
	if elem == 0 {
		return 0, invalidf("elements of %s have no fixed size", dtype.Name(dt))
	}
	n := elem
	for _, d := range shape {
		if d < 0 {
			return 0, invalidf("shape %v has a negative dimension", shape)
		}
		if d != 0 && n > maxBytes/d {
			return 0, invalidf("shape %v is too large", shape)
		}
		n *= d
	}
	return n, nil
}
