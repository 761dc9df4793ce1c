package capi

// #include "step.h"
import "C"

import (
	"runtime"
	"slices"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/internal/live"
)

// checkResults refuses a result that two fetches would write.
func checkResults(results []*tensorflow.Tensor) error {
	for i, t := range results {
		if t != nil && slices.Contains(results[:i], t) {
			return invalidf("results %d and %d are the same tensor: each fetch needs one of its own", slices.Index(results, t), i)
		}
	}
	return nil
}

// lend takes the C tensors out of results, for the run of c to replace. Until the run is over
// they are empty, so that a Release by another goroutine frees nothing twice.
func (step *Step) lend(c *C.tfk_step, results []*tensorflow.Tensor) {
	replaced := unsafe.Slice(c.replaced, len(step.computed))
	owned.Lock()
	defer owned.Unlock()
	for i, n := range step.computed {
		t := results[n]
		if Released(t) {
			continue
		}
		replaced[i] = tensorHandle(t)
		setTensor(t, released(), t.Shape())
	}
}

// giveBack puts the C tensors back into results after a run that failed.
func (step *Step) giveBack(c *C.tfk_step, results []*tensorflow.Tensor) {
	replaced := unsafe.Slice(c.replaced, len(step.computed))
	owned.Lock()
	defer owned.Unlock()
	for i, n := range step.computed {
		if replaced[i] != nil {
			setTensor(results[n], replaced[i], results[n].Shape())
			replaced[i] = nil
		}
	}
}

// replace makes t, which lend emptied of old, hold c. The run has deleted old, or old is nil
// because t was released.
func replace(t *tensorflow.Tensor, old, c *C.TF_Tensor, shape []int64) {
	owned.Lock()
	stray := tensorHandle(t) // of another run with the same results, at the same time
	_, counted := owned.tensors[old]
	delete(owned.tensors, old)
	owned.tensors[c] = struct{}{}
	setTensor(t, c, shape)
	if stray == released() {
		stray = nil
	}
	_, strayCounted := owned.tensors[stray]
	delete(owned.tensors, stray)
	owned.Unlock()
	if stray != nil {
		C.TF_DeleteTensor(stray)
	}
	if strayCounted {
		live.Tensors.Add(-1)
	}
	if !counted { // t was released, or the binding made it, with a finalizer of its own
		live.Tensors.Add(1)
		runtime.SetFinalizer(t, nil)
		runtime.SetFinalizer(t, Release)
	}
}

// move makes t hold what from holds, and frees what t held.
func move(t, from *tensorflow.Tensor) {
	owned.Lock()
	c, shape := tensorHandle(from), from.Shape()
	delete(owned.tensors, c)
	setTensor(from, released(), []int64{0})
	owned.Unlock()
	live.Tensors.Add(-1)
	runtime.SetFinalizer(from, nil)
	Release(t)
	replace(t, nil, c, shape)
}

// sameShape reports whether shape is the one that C reports.
func sameShape(c *C.tfk_shape, shape []int64) bool {
	if int(c.num_dims) != len(shape) || c.num_dims > C.tfk_max_dims {
		return false
	}
	for i, d := range shape {
		if int64(c.dims[i]) != d {
			return false
		}
	}
	return true
}
