package capi

// #include "tensorflow/c/c_api.h"
import "C"

import (
	"slices"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/tfkeep/tfkeep/dtype"
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

// AllocateTensor makes a tensor whose memory is not set; write it through
// TensorData. Strings, variants and resources, whose memory has a structure of
// its own, are refused.
func AllocateTensor(dt tensorflow.DataType, shape []int64) (*tensorflow.Tensor, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	size, err := byteSize(dt, shape)
	if err != nil {
		return nil, err
	}
	c := C.TF_AllocateTensor(C.TF_DataType(dt), dims(shape), C.int(len(shape)), C.size_t(size))
	if c == nil || (size > 0 && C.TF_TensorData(c) == nil) {
		return nil, errorf(ResourceExhausted, "no memory for a tensor of %d bytes", size)
	}
	return newTensor(c, slices.Clone(shape)), nil
}

func dims(shape []int64) *C.int64_t {
	if len(shape) == 0 {
		return nil
	}
	return (*C.int64_t)(unsafe.Pointer(&shape[0]))
}

// maxBytes is more than a process can address. The library, asked for that
// much, waits ten seconds for memory to become free.
const maxBytes = 1 << 47

// byteSize is the memory that shape's elements of dt take.
func byteSize(dt tensorflow.DataType, shape []int64) (int64, error) {
	elem := int64(dtype.Size(dt))
	if elem == 0 {
		return 0, errorf(InvalidArgument, "elements of %s have no fixed size", dtype.Name(dt))
	}
	n := elem
	for _, d := range shape {
		if d < 0 {
			return 0, errorf(InvalidArgument, "shape %v has a negative dimension", shape)
		}
		if d != 0 && n > maxBytes/d {
			return 0, errorf(InvalidArgument, "shape %v is too large", shape)
		}
		n *= d
	}
	return n, nil
}
