package capi

// #include "tensorflow/c/c_api.h"
// #include "tensorflow/c/tf_tstring.h"
import "C"

import (
	"math"
	"runtime"
	"slices"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/status"
)

// NewStrings returns a tensor of strings of any shape from its elements in row-major
// order. The binding makes such tensors only from nested slices, which cannot be
// written for a shape that is known at run time, nor for one without elements.
func NewStrings(shape []int64, elements [][]byte) (*tensorflow.Tensor, error) {
	if errLayout != nil {
		return nil, errLayout
	}
	if n, ok := count(shape); !ok || n != int64(len(elements)) {
		return nil, invalidf("shape %v does not have %d elements", shape, len(elements))
	}
	size := C.size_t(len(elements)) * C.sizeof_TF_TString
	c := C.TF_AllocateTensor(C.TF_STRING, dims(shape), C.int(len(shape)), size)
	if c == nil {
		return nil, status.Errorf(status.ResourceExhausted, "no memory for a tensor of %d strings", len(elements))
	}
	// TF_AllocateTensor does not document whether it initializes strings. Init is
	// right in both cases, because an empty string owns no memory.
	strings := unsafe.Slice((*C.TF_TString)(C.TF_TensorData(c)), len(elements))
	for i, e := range elements {
		C.TF_TString_Init(&strings[i])
		if len(e) > 0 {
			C.TF_TString_Copy(&strings[i], (*C.char)(unsafe.Pointer(unsafe.SliceData(e))), C.size_t(len(e)))
		}
	}
	return newTensor(c, slices.Clone(shape)), nil
}

// Strings returns a copy of the elements of a tensor of strings in row-major order.
func Strings(t *tensorflow.Tensor) ([][]byte, error) {
	if Released(t) || t.DataType() != tensorflow.String {
		return nil, invalidf("not a tensor of strings")
	}
	c := tensorHandle(t)
	n := int(C.TF_TensorElementCount(c))
	out := make([][]byte, n)
	strings := unsafe.Slice((*C.TF_TString)(C.TF_TensorData(c)), n)
	for i := range strings {
		size := C.TF_TString_GetSize(&strings[i])
		out[i] = make([]byte, int(size))
		copy(out[i], unsafe.Slice((*byte)(unsafe.Pointer(C.TF_TString_GetDataPointer(&strings[i]))), int(size)))
	}
	runtime.KeepAlive(t)
	return out, nil
}

// count returns the product of the dimensions, or false if one is negative or the
// product is too large.
func count(shape []int64) (int64, bool) {
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d != 0 && n > math.MaxInt64/64/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}
