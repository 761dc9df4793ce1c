package capi

// #include "tensorflow/c/c_api.h"
import "C"

import (
	"runtime"
	"sync"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
)

// owned is the set of C tensors that this package counts. Tensors that the
// binding made are not in it, yet Release frees them too.
var owned = struct {
	sync.Mutex
	tensors map[*C.TF_Tensor]struct{}
}{tensors: make(map[*C.TF_Tensor]struct{})}

// released is what a Tensor holds after Release: an empty uint8 tensor. A
// method called on a released tensor then reads nothing, where a null handle
// would kill the process.
var released = sync.OnceValue(func() *C.TF_Tensor {
	dims := C.int64_t(0)
	return C.TF_AllocateTensor(C.TF_UINT8, &dims, 1, 0)
})

// own makes t hold c, whose memory is freed by Release or, failing that, when
// the collector finds t unused.
func own(t *tensorflow.Tensor, c *C.TF_Tensor, shape []int64) {
	setTensor(t, c, shape)
	owned.Lock()
	owned.tensors[c] = struct{}{}
	owned.Unlock()
	runtime.SetFinalizer(t, Release)
}

// Adopt takes over the C memory of a tensor that the binding made, so that
// Live counts it.
func Adopt(t *tensorflow.Tensor) *tensorflow.Tensor {
	if t == nil || errLayout != nil || Released(t) {
		return t
	}
	runtime.SetFinalizer(t, nil)
	own(t, tensorHandle(t), t.Shape())
	return t
}

// Release frees t's C memory now and not when the collector comes by. What is
// left is an empty tensor. Nil and released tensors are left alone.
//
// TensorFlow may hold the buffer longer than the tensor: a variable that was
// assigned from it shares it.
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
	delete(owned.tensors, c)
	setTensor(t, released(), []int64{0})
	owned.Unlock()
	runtime.SetFinalizer(t, nil)
	C.TF_DeleteTensor(c)
}

// Released says whether t holds no memory: it is nil, or Release had it.
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
