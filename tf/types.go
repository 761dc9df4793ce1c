package tf

import (
	"fmt"
	"io"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
)

// The binding's types, so that a program imports one tf beside op.
type (
	// Tensor is a value; Release it when it is done with.
	Tensor = tensorflow.Tensor
	// Output is a tensor of the graph, which a run computes: output Index of Op.
	Output = tensorflow.Output
	// OutputList is a list of outputs where an op takes one.
	OutputList = tensorflow.OutputList
	// Operation is a node of a graph.
	Operation = tensorflow.Operation
	// OpSpec describes an operation that is to be added.
	OpSpec = tensorflow.OpSpec
	// Shape is a shape of which parts may be unknown.
	Shape = tensorflow.Shape
	// DataType is the type of a tensor's elements.
	DataType = tensorflow.DataType
	// Input is what OpSpec.Input is made of: an Output or an OutputList.
	Input = tensorflow.Input
	// Device is a device that a session can use.
	Device = tensorflow.Device
)

// MakeShape is a shape of the given dimensions, -1 for one that is unknown.
func MakeShape(dims ...int64) Shape { return tensorflow.MakeShape(dims...) }

// NewTensor converts a Go scalar, array or slice (of slices) to a tensor.
// int and uint have no TensorFlow type.
func NewTensor(value any) (*Tensor, error) {
	if value == nil {
		return nil, invalidf("nil is no value for a tensor")
	}
	t, err := tensorflow.NewTensor(value)
	if err != nil {
		return nil, invalidf("%v", err)
	}
	return capi.Adopt(t), nil
}

// ReadTensor makes a tensor of elements that it reads from r, row by row and
// little-endian.
func ReadTensor(dt dtype.DataType, shape []int64, r io.Reader) (*Tensor, error) {
	t, err := capi.AllocateTensor(dt, shape)
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(r, t.TensorData()); err != nil {
		Release(t)
		return nil, fmt.Errorf("tf: reading a tensor of %s%v: %w", dtype.Name(dt), shape, err)
	}
	return t, nil
}

// Release frees the C memory of tensors now: the collector does not see it, and
// so would come by too late. Nil tensors and released ones are left alone; a
// released tensor is an empty one.
func Release(ts ...*Tensor) {
	for _, t := range ts {
		capi.Release(t)
	}
}

// Version is the version of the TensorFlow library in use, such as "2.21.0".
func Version() string { return capi.Version() }
