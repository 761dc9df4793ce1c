package tf

import (
	"fmt"
	"io"
	"reflect"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
)

// Types of the binding, so that a program does not have to import the binding itself.
type (
	// Tensor is a value. The caller releases it.
	Tensor = tensorflow.Tensor
	// Output is a tensor that a run computes: output Index of Op.
	Output = tensorflow.Output
	// OutputList is a list of outputs for an operation that takes a list.
	OutputList = tensorflow.OutputList
	// Operation is a node of a graph.
	Operation = tensorflow.Operation
	// OpSpec describes an operation for AddOp.
	OpSpec = tensorflow.OpSpec
	// Shape is a shape. Dimensions, or the number of dimensions, may be unknown.
	Shape = tensorflow.Shape
	// DataType is the element type of the binding's tensors. This module
	// uses dtype.DataType, which has the same numbers.
	DataType = tensorflow.DataType
	// Input is an input in an OpSpec: an Output or an OutputList.
	Input = tensorflow.Input
	// Device is a device that a session can use.
	Device = tensorflow.Device
)

// AnyDataType is an element type of this module or of the binding. Both have the same
// numbers.
type AnyDataType interface{ dtype.DataType | DataType }

// Func is the value of an attribute that is a function of the graph's library.
type Func struct {
	Name string
	// Attrs are the values of the function's own attributes; most functions have none.
	Attrs map[string]*graphdef.AttrValue
}

// AttrValue returns the function as the value of an attribute.
func (f Func) AttrValue() *graphdef.AttrValue {
	return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_Func{Func: f.proto()}}
}

func (f Func) proto() *attr_value_go_proto.NameAttrList {
	return &attr_value_go_proto.NameAttrList{Name: f.Name, Attr: f.Attrs}
}

// FuncList returns functions as the value of an attribute that is a list.
func FuncList(list []Func) *graphdef.AttrValue {
	value := new(attr_value_go_proto.AttrValue_ListValue)
	for _, f := range list {
		value.Func = append(value.Func, f.proto())
	}
	return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: value}}
}

// MakeShape returns a shape with the given dimensions, -1 for an unknown one. Without
// dimensions it is the shape of a scalar.
func MakeShape(dims ...int64) Shape { return tensorflow.MakeShape(dims...) }

// NewTensor makes a tensor of a Go scalar, array or slice (of slices). TensorFlow has no
// types for int and uint: use int32 or int64.
func NewTensor(value any) (*Tensor, error) {
	if value == nil {
		return nil, &tfkeep.Error{Op: "make tensor", Cause: invalidf("the value is nil")}
	}
	t, err := tensorflow.NewTensor(value)
	if kind := elementKind(value); err != nil && (kind == reflect.Int || kind == reflect.Uint) {
		return nil, &tfkeep.Error{Op: "make tensor", Cause: invalidf("TensorFlow has no type for Go's %s, which 1 is by default: write int32(1) or int64(1)", kind)}
	}
	if err != nil {
		return nil, &tfkeep.Error{Op: "make tensor", Cause: invalidf("%v", err)}
	}
	return capi.Adopt(t), nil
}

// elementKind returns the kind of the elements of a slice of slices, or of the value itself.
func elementKind(value any) reflect.Kind {
	t := reflect.TypeOf(value)
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	return t.Kind()
}

// ReadTensor makes a tensor of elements that it reads from r, in row-major order and
// little-endian.
func ReadTensor(dt dtype.DataType, shape []int64, r io.Reader) (*Tensor, error) {
	t, err := capi.AllocateTensor(dt, shape)
	if err == nil {
		if _, err = io.ReadFull(r, t.TensorData()); err == nil {
			return t, nil
		}
		Release(t)
	}
	return nil, &tfkeep.Error{Op: "read tensor", Cause: err, Detail: fmt.Sprintf("%s%v", dtype.Name(dt), shape)}
}

// Release frees the C memory of tensors now. The garbage collector does not see this
// memory, and so would free it too late. Release ignores nil tensors and released ones. A
// released tensor is an empty tensor.
func Release(ts ...*Tensor) {
	for _, t := range ts {
		capi.Release(t)
	}
}

// Version returns the version of the TensorFlow library, such as "2.21.0".
func Version() string { return capi.Version() }
