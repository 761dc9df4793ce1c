package capi

// #include <stdlib.h>
// #include "library.h"
import "C"

import (
	"iter"
	"runtime"
	"sync/atomic"
	"unsafe"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/status"
)

// GraphDef returns the serialized GraphDef of g, of any size that protobuf allows.
func GraphDef(g *tensorflow.Graph) ([]byte, error) {
	if err := checkGraph(g); err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(g)
	return readBuffer(func(buf *C.TF_Buffer, st *C.TF_Status) { C.TF_GraphToGraphDef(graphHandle(g), buf, st) })
}

// Versions returns the serialized VersionDef of g.
func Versions(g *tensorflow.Graph) ([]byte, error) {
	if err := checkGraph(g); err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(g)
	return readBuffer(func(buf *C.TF_Buffer, st *C.TF_Status) { C.TF_GraphVersions(graphHandle(g), buf, st) })
}

// Changes returns two counts that, with Versions and the position at the end of
// OperationNames, show whether g was changed: the functions in its library, and the
// edits of operations by SetAttr and SetRequestedDevice in all graphs of the process.
func Changes(g *tensorflow.Graph) (functions int, edited uint64) {
	if checkGraph(g) != nil {
		return 0, 0
	}
	defer runtime.KeepAlive(g)
	return int(C.TF_GraphNumFunctions(graphHandle(g))), edits.Load()
}

// edits counts the changes to operations that exist. Otherwise graphs only grow.
var edits atomic.Uint64

// OperationNames iterates over the operations of g that were added since the position
// pos, 0 for all of them. It yields the position after each one, and its name, without
// making an Operation.
func OperationNames(g *tensorflow.Graph, pos uint64) iter.Seq2[uint64, string] {
	return func(yield func(uint64, string) bool) {
		if checkGraph(g) != nil {
			return
		}
		defer runtime.KeepAlive(g)
		for next := C.size_t(pos); ; {
			op := C.TF_GraphNextOperation(graphHandle(g), &next)
			if op == nil || !yield(uint64(next), C.GoString(C.TF_OperationName(op))) {
				return
			}
		}
	}
}

// NodeDef returns op as it is in the graph now.
func NodeDef(op *tensorflow.Operation) (*node_def_go_proto.NodeDef, error) {
	c, err := ownGraphOperation(op)
	if err != nil {
		return nil, err
	}
	raw, err := readBuffer(func(buf *C.TF_Buffer, st *C.TF_Status) { C.TF_OperationToNodeDef(c, buf, st) })
	runtime.KeepAlive(op)
	if err != nil {
		return nil, err
	}
	def := new(node_def_go_proto.NodeDef)
	if err := proto.Unmarshal(raw, def); err != nil {
		return nil, status.Errorf(status.DataLoss, "the library's NodeDef of %q: %v", op.Name(), err)
	}
	return def, nil
}

// Attr returns the attribute name of op. If op has no attribute of that name the
// error's code is InvalidArgument.
func Attr(op *tensorflow.Operation, name string) (*attr_value_go_proto.AttrValue, error) {
	c, err := ownGraphOperation(op)
	if err != nil {
		return nil, err
	}
	raw, err := readBuffer(func(buf *C.TF_Buffer, st *C.TF_Status) {
		withCString(name, func(name *C.char) { C.TF_OperationGetAttrValueProto(c, name, buf, st) })
	})
	runtime.KeepAlive(op)
	if err != nil {
		return nil, err
	}
	v := new(attr_value_go_proto.AttrValue)
	if err := proto.Unmarshal(raw, v); err != nil {
		return nil, status.Errorf(status.DataLoss, "attribute %q of %q: %v", name, op.Name(), err)
	}
	return v, nil
}

// SetAttr sets an attribute of an operation that is in its graph already, or removes
// the attribute if v is nil. Sessions that ran the operation before keep the old value.
func SetAttr(op *tensorflow.Operation, name string, v *attr_value_go_proto.AttrValue) error {
	raw, err := proto.Marshal(v)
	if err != nil {
		return invalidf("attribute %q of %q: %v", name, op.Name(), err)
	}
	return edit(op, name, func(g *C.TF_Graph, c *C.TF_Operation, name *C.char, st *C.TF_Status) {
		if v == nil {
			C.TF_ClearAttr(g, c, name, st)
			return
		}
		buf := newBuffer(raw)
		if buf == nil {
			buf = C.TF_NewBuffer()
		}
		defer C.TF_DeleteBuffer(buf)
		C.TF_SetAttr(g, c, name, buf, st)
	})
}

// SetRequestedDevice moves op to a device, "" for any. Sessions that ran the operation
// before leave it where it was.
func SetRequestedDevice(op *tensorflow.Operation, device string) error {
	return edit(op, device, func(g *C.TF_Graph, c *C.TF_Operation, device *C.char, _ *C.TF_Status) {
		C.TF_SetRequestedDevice(g, c, device)
	})
}

// edit changes an operation that is in its graph already.
func edit(op *tensorflow.Operation, arg string, change func(*C.TF_Graph, *C.TF_Operation, *C.char, *C.TF_Status)) error {
	c, err := ownGraphOperation(op)
	if err != nil {
		return err
	}
	carg := C.CString(arg)
	defer C.free(unsafe.Pointer(carg))
	g := graphOf(op)
	defer runtime.KeepAlive(g)
	edits.Add(1)
	return withStatus(func(st *C.TF_Status) { change(graphHandle(g), c, carg, st) })
}

// Inputs returns the outputs that op takes, in order.
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
	return newOutputs(couts, graphOf(op)), nil
}

// ownGraphOperation checks op against the graph that it belongs to.
func ownGraphOperation(op *tensorflow.Operation) (*C.TF_Operation, error) {
	if err := check(); err != nil {
		return nil, err
	}
	return operation(graphOf(op), op)
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
