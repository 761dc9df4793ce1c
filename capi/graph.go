package capi

// #include <stdlib.h>
// #include "library.h"
import "C"

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// GraphDef is the serialized GraphDef of g, of any size that protobuf allows.
func GraphDef(g *tensorflow.Graph) ([]byte, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	st := newStatus()
	defer st.delete()
	buf := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(buf)
	C.TF_GraphToGraphDef(graphHandle(g), buf, st.c)
	runtime.KeepAlive(g)
	if err := st.err(); err != nil {
		return nil, err
	}
	return bufferBytes(buf), nil
}

// Versions is the serialized VersionDef of g.
func Versions(g *tensorflow.Graph) ([]byte, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	st := newStatus()
	defer st.delete()
	buf := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(buf)
	C.TF_GraphVersions(graphHandle(g), buf, st.c)
	runtime.KeepAlive(g)
	if err := st.err(); err != nil {
		return nil, err
	}
	return bufferBytes(buf), nil
}

// NumFunctions is the number of functions in g's library.
func NumFunctions(g *tensorflow.Graph) int {
	if Check() != nil {
		return 0
	}
	defer runtime.KeepAlive(g)
	return int(C.TF_GraphNumFunctions(graphHandle(g)))
}

// Walk visits the operations of g that were added since the position pos, which
// starts at 0 and moves with each call. It makes no Operation of them.
func Walk(g *tensorflow.Graph, pos uint64, visit func(name string)) uint64 {
	if Check() != nil {
		return pos
	}
	defer runtime.KeepAlive(g)
	for {
		// At the end the C function moves past where the next operation will be.
		next := C.size_t(pos)
		op := C.TF_GraphNextOperation(graphHandle(g), &next)
		if op == nil {
			return pos
		}
		pos = uint64(next)
		visit(C.GoString(C.TF_OperationName(op)))
	}
}

// NodeDef is op as the graph has it now.
func NodeDef(op *tensorflow.Operation) (*node_def_go_proto.NodeDef, error) {
	c, err := ownGraphOperation(op)
	if err != nil {
		return nil, err
	}
	st := newStatus()
	defer st.delete()
	buf := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(buf)
	C.TF_OperationToNodeDef(c, buf, st.c)
	runtime.KeepAlive(op)
	if err := st.err(); err != nil {
		return nil, err
	}
	def := new(node_def_go_proto.NodeDef)
	if err := proto.Unmarshal(bufferBytes(buf), def); err != nil {
		return nil, errorf(DataLoss, "the library's NodeDef of %q: %v", op.Name(), err)
	}
	return def, nil
}

// Attr is the attribute name of op; the error's code is InvalidArgument where
// op has none of that name.
func Attr(op *tensorflow.Operation, name string) (*attr_value_go_proto.AttrValue, error) {
	c, err := ownGraphOperation(op)
	if err != nil {
		return nil, err
	}
	st := newStatus()
	defer st.delete()
	buf := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(buf)
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	C.TF_OperationGetAttrValueProto(c, cname, buf, st.c)
	runtime.KeepAlive(op)
	if err := st.err(); err != nil {
		return nil, err
	}
	v := new(attr_value_go_proto.AttrValue)
	if err := proto.Unmarshal(bufferBytes(buf), v); err != nil {
		return nil, errorf(DataLoss, "attribute %q of %q: %v", name, op.Name(), err)
	}
	return v, nil
}

var edits atomic.Uint64

// Edits counts the changes that were made, in any graph of the process, to
// operations that were there already: by SetAttr, ClearAttr and
// SetRequestedDevice. Otherwise graphs only grow.
func Edits() uint64 { return edits.Load() }

// SetAttr sets an attribute of an operation that is in its graph already.
// Sessions that ran the operation before keep the old value.
func SetAttr(op *tensorflow.Operation, name string, v *attr_value_go_proto.AttrValue) error {
	c, err := ownGraphOperation(op)
	if err != nil {
		return err
	}
	raw, err := proto.Marshal(v)
	if err != nil {
		return errorf(InvalidArgument, "attribute %q of %q: %v", name, op.Name(), err)
	}
	st := newStatus()
	defer st.delete()
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	buf := C.TF_NewBuffer()
	if len(raw) > 0 {
		C.TF_DeleteBuffer(buf)
		buf = newBuffer(raw)
	}
	defer C.TF_DeleteBuffer(buf)
	g := GraphOf(op)
	edits.Add(1)
	C.TF_SetAttr(graphHandle(g), c, cname, buf, st.c)
	runtime.KeepAlive(g)
	return st.err()
}

// ClearAttr removes an attribute.
func ClearAttr(op *tensorflow.Operation, name string) error {
	c, err := ownGraphOperation(op)
	if err != nil {
		return err
	}
	st := newStatus()
	defer st.delete()
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	g := GraphOf(op)
	edits.Add(1)
	C.TF_ClearAttr(graphHandle(g), c, cname, st.c)
	runtime.KeepAlive(g)
	return st.err()
}

// SetRequestedDevice moves op to a device, "" for any. Sessions that ran the
// operation before leave it where it was.
func SetRequestedDevice(op *tensorflow.Operation, device string) error {
	c, err := ownGraphOperation(op)
	if err != nil {
		return err
	}
	cdevice := C.CString(device)
	defer C.free(unsafe.Pointer(cdevice))
	g := GraphOf(op)
	edits.Add(1)
	C.TF_SetRequestedDevice(graphHandle(g), c, cdevice)
	runtime.KeepAlive(g)
	return nil
}

// ControlInputs are the operations that run before op without giving it a
// value.
func ControlInputs(op *tensorflow.Operation) ([]*tensorflow.Operation, error) {
	c, err := ownGraphOperation(op)
	if err != nil {
		return nil, err
	}
	n := int(C.TF_OperationNumControlInputs(c))
	if n == 0 {
		return nil, nil
	}
	cops := make([]*C.TF_Operation, n)
	n = int(C.TF_OperationGetControlInputs(c, &cops[0], C.int(n)))
	return newOperations(cops[:n], GraphOf(op)), nil
}

// Inputs are the outputs that op takes, in order.
func Inputs(op *tensorflow.Operation) ([]tensorflow.Output, error) {
	c, err := ownGraphOperation(op)
	if err != nil {
		return nil, err
	}
	n := int(C.TF_OperationNumInputs(c))
	if n == 0 {
		return nil, nil
	}
	couts := make([]C.TF_Output, n)
	C.TF_OperationAllInputs(c, &couts[0], C.int(n))
	return newOutputs(couts, GraphOf(op)), nil
}

// ownGraphOperation checks op against the graph that it says it belongs to.
func ownGraphOperation(op *tensorflow.Operation) (*C.TF_Operation, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	return operation(GraphOf(op), op)
}

func newOperations(cops []*C.TF_Operation, g *tensorflow.Graph) []*tensorflow.Operation {
	ops := make([]*tensorflow.Operation, len(cops))
	for i, c := range cops {
		ops[i] = newOperation(c, g)
	}
	return ops
}

func newOutputs(couts []C.TF_Output, g *tensorflow.Graph) []tensorflow.Output {
	outs := make([]tensorflow.Output, len(couts))
	for i, c := range couts {
		outs[i] = tensorflow.Output{Op: newOperation(c.oper, g), Index: int(c.index)}
	}
	return outs
}
