package capi

// #include "tensorflow/c/c_api.h"
import "C"

import (
	"errors"
	"runtime"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
)

// ControlInputs returns the operations that op waits for without taking a value of theirs.
func ControlInputs(op *tensorflow.Operation) ([]*tensorflow.Operation, error) {
	c, err := ownGraphOperation(op)
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(op)
	n := int(C.TF_OperationNumControlInputs(c))
	if n == 0 {
		return nil, nil
	}
	cops := make([]*C.TF_Operation, n)
	n = int(C.TF_OperationGetControlInputs(c, &cops[0], C.int(n)))
	return newOperations(cops[:n], graphOf(op)), nil
}

// SetShape adds to what the graph of o knows about its shape. A dimension of -1 is unknown.
// A shape that contradicts what is known is an error. An operation that got more outputs by
// SetAttr has shapes for them only after this.
func SetShape(o tensorflow.Output, shape tensorflow.Shape) error {
	c, err := ownGraphOperation(o.Op)
	if err != nil {
		return err
	}
	g := graphOf(o.Op)
	out, err := output(g, o)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(g)
	defer runtime.KeepAlive(c)
	sizes := make([]C.int64_t, max(shape.NumDimensions(), 1))
	for i := range shape.NumDimensions() {
		sizes[i] = C.int64_t(shape.Size(i))
	}
	return withStatus(func(st *C.TF_Status) {
		C.TF_GraphSetTensorShape(graphHandle(g), out, &sizes[0], C.int(shape.NumDimensions()), st)
	})
}

// CopyFunctions adds the functions in the library of src to that of dst. Functions that dst
// has already are left out; one of the same name that differs is an error.
func CopyFunctions(dst, src *tensorflow.Graph) error {
	if err := errors.Join(checkGraph(dst), checkGraph(src)); err != nil {
		return err
	}
	defer runtime.KeepAlive(dst)
	defer runtime.KeepAlive(src)
	n := C.TF_GraphNumFunctions(graphHandle(src))
	if n == 0 {
		return nil
	}
	funcs := make([]*C.TF_Function, int(n))
	var copied C.int
	if err := withStatus(func(st *C.TF_Status) {
		copied = C.TF_GraphGetFunctions(graphHandle(src), &funcs[0], n, st)
	}); err != nil {
		return err
	}
	defer func() {
		for _, f := range funcs[:copied] {
			C.TF_DeleteFunction(f)
		}
	}()
	for _, f := range funcs[:copied] {
		if err := withStatus(func(st *C.TF_Status) { C.TF_GraphCopyFunction(graphHandle(dst), f, nil, st) }); err != nil {
			return err
		}
	}
	return nil
}
