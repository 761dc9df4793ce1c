package capi

// #include "tensorflow/c/c_api.h"
import "C"

import (
	"runtime"
	"sync"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/internal/live"
)

// owned is the set of C tensors that package live counts. Tensors that the binding
// made are not in it, but Release frees them too.
var owned = struct {
	sync.Mutex
	tensors map[*C.TF_Tensor]struct{}
}{tensors: make(map[*C.TF_Tensor]struct{})}

// released returns the empty uint8 tensor that a Tensor holds after Release. A method
// that is called on a released tensor reads nothing then; a null handle would crash
// the process.
var released = sync.OnceValue(func() *C.TF_Tensor {
	dims := C.int64_t(0)
	return C.TF_AllocateTensor(C.TF_UINT8, &dims, 1, 0)
})

// own makes t hold c. Release frees c, or the garbage collector when t is unreachable.
func own(t *tensorflow.Tensor, c *C.TF_Tensor, shape []int64) {
	setTensor(t, c, shape)
	owned.Lock()
	owned.tensors[c] = struct{}{}
	owned.Unlock()
	live.Tensors.Add(1)
	runtime.SetFinalizer(t, Release)
}

// Adopt makes package live count t, a tensor that the binding made, and returns t.
func Adopt(t *tensorflow.Tensor) *tensorflow.Tensor {
	if t == nil || errLayout != nil || Released(t) {
		return t
	}
	runtime.SetFinalizer(t, nil)
	own(t, tensorHandle(t), t.Shape())
	return t
}

// Release frees t's C memory now, without waiting for the garbage collector, and leaves
// an empty tensor. It does nothing if t is nil or released.
//
// TensorFlow may keep the buffer longer than the tensor: a variable that was assigned
// from the tensor shares its buffer.
func Release(t *tensorflow.Tensor) {
	if t == nil || errLayout != nil {
		return
	}
	owned.Lock()
	c := tensorHandle(t)
	if c == nil || c == released() {
		owned.Unlock()
		return
	}
	if _, ok := owned.tensors[c]; ok {
		delete(owned.tensors, c)
		live.Tensors.Add(-1)
	}
	setTensor(t, released(), []int64{0})
	owned.Unlock()
	runtime.SetFinalizer(t, nil)
	C.TF_DeleteTensor(c)
}

// Released reports whether t is nil or was released.
func Released(t *tensorflow.Tensor) bool {
	if t == nil {
		return true
	}
	if errLayout != nil {
		return false
	}
	c := tensorHandle(t)
	return c == nil || c == released()
}
