package capi

// #include <stdlib.h>
// #include "library.h"
import "C"

import (
	"runtime"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
)

// GraphOf returns the graph that op belongs to, or nil if op is nil.
func GraphOf(op *tensorflow.Operation) *tensorflow.Graph {
	if op == nil || check() != nil {
		return nil
	}
	return graphOf(op)
}

// Functions returns the serialized FunctionDefs in the library of g.
func Functions(g *tensorflow.Graph) ([][]byte, error) {
	if err := checkGraph(g); err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(g)
	n := int(C.TF_GraphNumFunctions(graphHandle(g)))
	if n == 0 {
		return nil, nil
	}
	funcs := make([]*C.TF_Function, n)
	err := withStatus(func(st *C.TF_Status) {
		n = int(C.TF_GraphGetFunctions(graphHandle(g), &funcs[0], C.int(n), st))
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, f := range funcs[:n] {
			C.TF_DeleteFunction(f)
		}
	}()
	defs := make([][]byte, n)
	for i, f := range funcs[:n] {
		if defs[i], err = readBuffer(func(buf *C.TF_Buffer, st *C.TF_Status) { C.TF_FunctionToFunctionDef(f, buf, st) }); err != nil {
			return nil, err
		}
	}
	return defs, nil
}

// HandleData returns what is known of the values that the resource or variant o refers to:
// a serialized CppShapeInferenceResult.HandleData, or nothing.
func HandleData(o tensorflow.Output) ([]byte, error) {
	g := GraphOf(o.Op)
	c, err := output(g, o)
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(g)
	buf := C.TF_GetHandleShapeAndType(graphHandle(g), c)
	if buf == nil {
		return nil, nil
	}
	defer C.TF_DeleteBuffer(buf)
	return bufferBytes(buf), nil
}

// SetHandleData sets what HandleData returns.
func SetHandleData(o tensorflow.Output, data []byte) error {
	g := GraphOf(o.Op)
	c, err := output(g, o)
	if err != nil || len(data) == 0 {
		return err
	}
	defer runtime.KeepAlive(g)
	return withStatus(func(st *C.TF_Status) {
		C.TF_SetHandleShapeAndType(graphHandle(g), c, unsafe.Pointer(&data[0]), C.size_t(len(data)), st)
	})
}

// AddWhileInput adds an input to a While operation whose attribute T has the input's type
// already.
func AddWhileInput(op *tensorflow.Operation, in tensorflow.Output) error {
	g := GraphOf(op)
	c, err := operation(g, op)
	if err != nil {
		return err
	}
	src, err := output(g, in)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(g)
	edits.Add(1)
	return withStatus(func(st *C.TF_Status) { C.TF_AddWhileInputHack(graphHandle(g), src, c, st) })
}
