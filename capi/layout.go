package capi

// #include "tensorflow/c/c_api.h"
import "C"

import (
	"reflect"
	"runtime"
	"sync"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
)

// The binding keeps its C handles in unexported fields. These are the offsets of the
// fields that this package reads and writes. They are found once, by reflection.
var (
	graphC, sessionC, operationC, tensorC uintptr
	operationGraph                        uintptr
	tensorShape                           uintptr
	sessionRuns, sessionMutex             uintptr

	errLayout error
)

func init() { errLayout = findLayout() }

// findLayout checks, field by field, that the binding's structs look as this package
// expects. With another version of the binding it returns an error, so that no wild
// pointer is ever used.
func findLayout() error {
	fields := []struct {
		owner  any
		name   string
		typ    string
		offset *uintptr
	}{
		{tensorflow.Graph{}, "c", "*tensorflow._Ctype_struct_TF_Graph", &graphC},
		{&tensorflow.Session{}, "c", "*tensorflow._Ctype_struct_TF_Session", &sessionC},
		{&tensorflow.Session{}, "wg", "sync.WaitGroup", &sessionRuns},
		{&tensorflow.Session{}, "mu", "sync.Mutex", &sessionMutex},
		{tensorflow.Operation{}, "c", "*tensorflow._Ctype_struct_TF_Operation", &operationC},
		{tensorflow.Operation{}, "g", "*tensorflow.Graph", &operationGraph},
		{tensorflow.Tensor{}, "c", "*tensorflow._Ctype_struct_TF_Tensor", &tensorC},
		{tensorflow.Tensor{}, "shape", "[]int64", &tensorShape},
	}
	for _, f := range fields {
		owner := reflect.TypeOf(f.owner)
		if owner.Kind() == reflect.Pointer {
			owner = owner.Elem()
		}
		field, ok := owner.FieldByName(f.name)
		if !ok {
			return unsupported("the Go binding has no field %s in %v: build with the version that go.mod names", f.name, owner)
		}
		if field.Type.String() != f.typ {
			return unsupported("the Go binding's field %s of %v is a %v and not a %s: build with the version that go.mod names", f.name, owner, field.Type, f.typ)
		}
		*f.offset = field.Offset
	}
	return nil
}

// pointerAt returns the pointer-sized field at offset in the struct at p.
func pointerAt(p unsafe.Pointer, offset uintptr) *unsafe.Pointer {
	return (*unsafe.Pointer)(unsafe.Add(p, offset))
}

// checkGraph returns an error if functions of C cannot take g.
func checkGraph(g *tensorflow.Graph) error {
	if err := check(); err != nil {
		return err
	}
	if g == nil || graphHandle(g) == nil {
		return invalidf("the graph is nil")
	}
	return nil
}

func graphHandle(g *tensorflow.Graph) *C.TF_Graph {
	return (*C.TF_Graph)(*pointerAt(unsafe.Pointer(g), graphC))
}

func operationHandle(op *tensorflow.Operation) *C.TF_Operation {
	return (*C.TF_Operation)(*pointerAt(unsafe.Pointer(op), operationC))
}

// graphOf returns the binding's graph that op belongs to.
func graphOf(op *tensorflow.Operation) *tensorflow.Graph {
	if op == nil || errLayout != nil {
		return nil
	}
	return (*tensorflow.Graph)(*pointerAt(unsafe.Pointer(op), operationGraph))
}

// newOperation makes the binding's Operation for a node of g.
func newOperation(c *C.TF_Operation, g *tensorflow.Graph) *tensorflow.Operation {
	op := new(tensorflow.Operation)
	*pointerAt(unsafe.Pointer(op), operationC) = unsafe.Pointer(c)
	*pointerAt(unsafe.Pointer(op), operationGraph) = unsafe.Pointer(g)
	return op
}

func tensorHandle(t *tensorflow.Tensor) *C.TF_Tensor {
	return (*C.TF_Tensor)(*pointerAt(unsafe.Pointer(t), tensorC))
}

func setTensor(t *tensorflow.Tensor, c *C.TF_Tensor, shape []int64) {
	*pointerAt(unsafe.Pointer(t), tensorC) = unsafe.Pointer(c)
	*(*[]int64)(unsafe.Add(unsafe.Pointer(t), tensorShape)) = shape
}

func sessionHandle(s *tensorflow.Session) **C.TF_Session {
	return (**C.TF_Session)(unsafe.Pointer(pointerAt(unsafe.Pointer(s), sessionC)))
}

// lockOf and runsOf return the fields with which the binding guards a session: its
// Close holds the lock and waits for the runs. This package uses the same two, so that
// the binding's Close waits for the runs of this package, and CloseSession for those of
// the binding.
func lockOf(s *tensorflow.Session) *sync.Mutex {
	return (*sync.Mutex)(unsafe.Add(unsafe.Pointer(s), sessionMutex))
}

func runsOf(s *tensorflow.Session) *sync.WaitGroup {
	return (*sync.WaitGroup)(unsafe.Add(unsafe.Pointer(s), sessionRuns))
}

// output checks o and returns its C form. Every output that reaches C passes through
// here, because C would crash on a nil operation.
func output(g *tensorflow.Graph, o tensorflow.Output) (C.TF_Output, error) {
	c, err := operation(g, o.Op)
	if err != nil {
		return C.TF_Output{}, err
	}
	return outputOf(c, o)
}

// CheckOutput returns an error unless o is an output of an operation. The binding's own
// methods of an Output end the process for one that is not.
func CheckOutput(o tensorflow.Output) error {
	if err := check(); err != nil {
		return err
	}
	c, err := operation(graphOf(o.Op), o.Op)
	if err == nil {
		_, err = outputOf(c, o)
	}
	return err
}

// CheckOperation returns an error unless op is the operation of a graph.
func CheckOperation(op *tensorflow.Operation) error {
	if err := check(); err != nil {
		return err
	}
	_, err := operation(graphOf(op), op)
	return err
}

func outputOf(c *C.TF_Operation, o tensorflow.Output) (C.TF_Output, error) {
	if n := int(C.TF_OperationNumOutputs(c)); o.Index < 0 || o.Index >= n {
		return C.TF_Output{}, invalidf("operation %q has %d outputs and no output %d", o.Op.Name(), n, o.Index)
	}
	return C.TF_Output{oper: c, index: C.int(o.Index)}, nil
}

// operation checks that op is a node of g and returns its C form.
func operation(g *tensorflow.Graph, op *tensorflow.Operation) (*C.TF_Operation, error) {
	if op == nil || operationHandle(op) == nil {
		return nil, invalidf("an operation is nil: it was never added to a graph; look at the error (or the Scope.Err) of the call that should have added it")
	}
	if graphOf(op) != g {
		return nil, invalidf("operation %q belongs to another graph: a graph and its sessions take only operations of the graph, and the body of a function or loop and a gradient function take only the scope and the tensors that they get", op.Name())
	}
	c := operationHandle(op)
	runtime.KeepAlive(op)
	return c, nil
}
