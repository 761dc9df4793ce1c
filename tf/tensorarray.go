package tf

import (
	"cmp"
	"encoding/binary"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
)

// TensorArray is an array of tensors of one type that a graph computes, as Python's
// tf.TensorArray is: a loop writes an element in each iteration, and Stack makes one
// tensor of them. A TensorArray does not change: Write returns a new one.
//
// In a loop the array is the variable Flow, and WithFlow makes an array of the variable:
//
//	ta := tf.NewTensorArray(s, dtype.Int32, n, &tf.TensorArrayOptions{Shape: tf.MakeShape()})
//	out := tf.While(s, []tf.Output{op.Const(s, int32(0)), ta.Flow()},
//		func(s *tf.Scope, v []tf.Output) tf.Output { return op.Less(s, v[0], n) },
//		func(s *tf.Scope, v []tf.Output) []tf.Output {
//			next := ta.WithFlow(v[1]).Write(s, v[0], op.Square(s, v[0]))
//			return []tf.Output{op.AddV2(s, v[0], one), next.Flow()}
//		}, nil)
//
// The operations are those on TensorLists, which have gradients.
type TensorArray struct {
	flow    Output
	dtype   dtype.DataType
	shape   Shape
	size    int64 // -1 if it is not known
	dynamic bool
}

// TensorArrayOptions are the options of [NewTensorArray]. Nil and the zero value are the
// defaults.
type TensorArrayOptions struct {
	// Name is the scope of the operations, "TensorArrayV2" by default.
	Name string
	// Shape is the shape of all elements. The zero Shape is an unknown one.
	Shape Shape
	// Dynamic lets the array grow when an element behind its end is written.
	Dynamic bool
}

// NewTensorArray adds an array of size elements, an int32 scalar. An element that is read,
// but was not written, is zeros, and an error of the run if the shape is not known.
func NewTensorArray(s *Scope, dt dtype.DataType, size Output, o *TensorArrayOptions) *TensorArray {
	if o == nil {
		o = new(TensorArrayOptions)
	}
	ta := &TensorArray{dtype: dt, shape: o.Shape, size: -1, dynamic: o.Dynamic}
	if s.Err() != nil {
		return ta
	}
	if err := checkOutputs(size); err != nil {
		s.g.fail("TensorListReserve", s.path("TensorArrayV2"), err)
		return ta
	}
	sub := s.Sub(cmp.Or(o.Name, "TensorArrayV2"))
	if !o.Dynamic {
		ta.size = constantSize(size)
	}
	ta.flow = sub.one("TensorListReserve", map[string]any{"element_dtype": dt, "shape_type": dtype.Int32}, sub.elementShape(o.Shape), size)
	return ta
}

// Unstack returns an array whose elements are the parts of value along its first dimension.
func Unstack(s *Scope, value Output) *TensorArray {
	if s.Err() != nil {
		return new(TensorArray)
	}
	if err := checkOutputs(value); err != nil || value.Op == nil {
		s.g.fail("TensorListFromTensor", s.path("TensorArrayUnstack"), cmp.Or(err, error(invalidf("the tensor to unstack is a zero Output"))))
		return new(TensorArray)
	}
	ta := &TensorArray{dtype: graphbuild.TypeOf(value), shape: withoutFirst(value.Shape()), size: -1}
	if value.Shape().NumDimensions() == 0 {
		s.g.fail("TensorListFromTensor", s.path("TensorArrayUnstack"), mismatchf("%q is a scalar and cannot be unstacked", graphbuild.TensorName(value)))
		return ta
	}
	if value.Shape().NumDimensions() > 0 {
		ta.size = value.Shape().Size(0)
	}
	sub := s.Sub("TensorArrayUnstack")
	ta.flow = sub.one("TensorListFromTensor", map[string]any{"element_dtype": ta.dtype, "shape_type": dtype.Int32}, value, sub.elementShape(ta.shape))
	return ta
}

// Flow returns the array as a tensor, for a variable of a loop or a result of a body. Only
// TensorList operations can use it; a run cannot fetch it.
func (ta *TensorArray) Flow() Output { return ta.flow }

// WithFlow returns the array that a tensor holds, with the element type and shape of ta.
func (ta *TensorArray) WithFlow(flow Output) *TensorArray {
	with := *ta
	with.flow = flow
	return &with
}

// DType returns the type of the elements.
func (ta *TensorArray) DType() dtype.DataType { return ta.dtype }

// Write returns an array in which element index, an int32 scalar, is value.
func (ta *TensorArray) Write(s *Scope, index, value Output) *TensorArray {
	if s.Err() != nil {
		return ta.WithFlow(Output{})
	}
	if err := checkOutputs(index, value, ta.flow); err != nil {
		s.g.fail("TensorListSetItem", s.path("TensorArrayV2Write"), err)
		return ta.WithFlow(Output{})
	}
	if value.Op != nil {
		if got := graphbuild.TypeOf(value); got != ta.dtype {
			s.g.fail("TensorListSetItem", s.path("TensorArrayV2Write"), mismatchf("%q is %s, but the elements of the array are %s", graphbuild.TensorName(value), dtype.Name(got), dtype.Name(ta.dtype)))
			return ta.WithFlow(Output{})
		}
		if !graphbuild.Compatible(value.Shape(), ta.shape) {
			s.g.fail("TensorListSetItem", s.path("TensorArrayV2Write"), mismatchf("%q has the shape %v, but the elements of the array have the shape %v", graphbuild.TensorName(value), value.Shape(), ta.shape))
			return ta.WithFlow(Output{})
		}
	}
	sub := s.Sub("TensorArrayV2Write")
	return ta.WithFlow(sub.one("TensorListSetItem", map[string]any{"element_dtype": ta.dtype, "resize_if_index_out_of_bounds": ta.dynamic}, ta.flow, index, value))
}

// Read returns element index, an int32 scalar.
func (ta *TensorArray) Read(s *Scope, index Output) Output {
	if s.Err() != nil {
		return Output{}
	}
	sub := s.Sub("TensorArrayV2Read")
	return sub.one("TensorListGetItem", map[string]any{"element_dtype": ta.dtype}, ta.flow, index, sub.elementShape(ta.shape))
}

// Stack returns all elements as one tensor with one more dimension, the first. All elements
// have the same shape.
func (ta *TensorArray) Stack(s *Scope) Output {
	if s.Err() != nil {
		return Output{}
	}
	sub := s.Sub("TensorArrayV2Stack")
	return sub.one("TensorListStack", map[string]any{"element_dtype": ta.dtype, "num_elements": ta.size}, ta.flow, sub.elementShape(ta.shape))
}

// Gather returns the elements with the given indices, an int32 vector, as one tensor.
func (ta *TensorArray) Gather(s *Scope, indices Output) Output {
	if s.Err() != nil {
		return Output{}
	}
	sub := s.Sub("TensorArrayV2Gather")
	return sub.one("TensorListGather", map[string]any{"element_dtype": ta.dtype}, ta.flow, indices, sub.elementShape(ta.shape))
}

// Scatter returns an array in which element indices[i] is part i of value.
func (ta *TensorArray) Scatter(s *Scope, indices, value Output) *TensorArray {
	if s.Err() != nil {
		return ta.WithFlow(Output{})
	}
	sub := s.Sub("TensorArrayV2Scatter")
	return ta.WithFlow(sub.one("TensorListScatterIntoExistingList", map[string]any{"element_dtype": ta.dtype}, ta.flow, value, indices))
}

// Concat returns the elements one after the other, along their first dimension.
func (ta *TensorArray) Concat(s *Scope) Output {
	if s.Err() != nil {
		return Output{}
	}
	sub := s.Sub("TensorArrayV2Concat")
	shape := Shape{}
	if n := ta.shape.NumDimensions(); n > 0 {
		dims := []int64{-1}
		for i := 1; i < n; i++ {
			dims = append(dims, ta.shape.Size(i))
		}
		shape = MakeShape(dims...)
	}
	none := sub.constant("leading_dims", dtype.Int64, graphbuild.Vector([]int64{}))
	return sub.one("TensorListConcatV2", map[string]any{"element_dtype": ta.dtype, "shape_type": dtype.Int32}, ta.flow, sub.elementShape(shape), none)
}

// Size returns the number of elements, an int32 scalar.
func (ta *TensorArray) Size(s *Scope) Output {
	if s.Err() != nil {
		return Output{}
	}
	return s.Sub("TensorArrayV2Size").one("TensorListLength", nil, ta.flow)
}

// elementShape adds a constant with the shape of elements: -1 if it is unknown.
func (s *Scope) elementShape(shape Shape) Output {
	if shape.NumDimensions() < 0 {
		return s.scalar("element_shape", dtype.Int32, -1)
	}
	dims := make([]int32, shape.NumDimensions())
	for i := range dims {
		dims[i] = int32(shape.Size(i))
	}
	return s.constant("element_shape", dtype.Int32, graphbuild.Vector(dims))
}

// withoutFirst returns the shape of the parts along the first dimension.
func withoutFirst(shape Shape) Shape {
	n := shape.NumDimensions()
	if n < 1 {
		return Shape{}
	}
	dims := make([]int64, n-1)
	for i := range dims {
		dims[i] = shape.Size(i + 1)
	}
	return MakeShape(dims...)
}

// constantSize returns the value of a constant of one int32, or -1.
func constantSize(o Output) int64 {
	if o.Op == nil || o.Op.Type() != "Const" {
		return -1
	}
	v, err := capi.Attr(o.Op, "value")
	if err != nil || v.GetTensor().GetDtype() != dtype.Int32 {
		return -1
	}
	t := v.GetTensor()
	switch content := t.GetTensorContent(); {
	case len(content) == 4:
		return int64(int32(binary.LittleEndian.Uint32(content)))
	case len(content) == 0 && len(t.GetIntVal()) == 1:
		return int64(t.GetIntVal()[0])
	}
	return -1
}
