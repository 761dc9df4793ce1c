package graphbuild

import (
	"encoding/binary"
	"math"
	"reflect"
	"slices"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/status"
)

// Filled returns the attribute "value" of a Const of the given shape in which every
// element is v, a Go scalar. It holds v once, as Python's make_tensor_proto does.
func Filled(dt dtype.DataType, v any, shape []int64) (*attr_value_go_proto.AttrValue, error) {
	t := &tensor_go_proto.TensorProto{Dtype: dt, TensorShape: nodedef.ShapeProto(shape)}
	if err := setScalar(t, dt, v); err != nil {
		return nil, err
	}
	if slices.Contains(shape, 0) {
		t = &tensor_go_proto.TensorProto{Dtype: t.Dtype, TensorShape: t.TensorShape}
	}
	return nodedef.TensorAttr(t), nil
}

// Strings returns the attribute "value" of a Const with the strings in t. Each string has
// a field of its own, as Python writes them. (libtensorflow would pack the strings of a
// tensor.)
func Strings(t *tensorflow.Tensor) *attr_value_go_proto.AttrValue {
	p := &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType_DT_STRING, TensorShape: nodedef.ShapeProto(t.Shape())}
	var add func(v reflect.Value)
	add = func(v reflect.Value) {
		if v.Kind() == reflect.String {
			p.StringVal = append(p.StringVal, []byte(v.String()))
			return
		}
		for i := range v.Len() {
			add(v.Index(i))
		}
	}
	add(reflect.ValueOf(t.Value()))
	return nodedef.TensorAttr(p)
}

// Scalar returns the attribute "value" of a Const without dimensions.
func Scalar[T string | int32](v T) *attr_value_go_proto.AttrValue {
	value := Vector([]T{v})
	value.GetTensor().TensorShape = nodedef.ShapeProto(nil)
	return value
}

// Vector returns the attribute "value" of a Const of one dimension, as Python writes
// it: each string in a field of its own, and several numbers as bytes.
func Vector[T string | int32 | int64](values []T) *attr_value_go_proto.AttrValue {
	t := &tensor_go_proto.TensorProto{TensorShape: nodedef.ShapeProto([]int64{int64(len(values))})}
	switch values := any(values).(type) {
	case []string:
		t.Dtype = types_go_proto.DataType_DT_STRING
		for _, s := range values {
			t.StringVal = append(t.StringVal, []byte(s))
		}
		return nodedef.TensorAttr(t)
	case []int32:
		t.Dtype = types_go_proto.DataType_DT_INT32
		if len(values) == 1 {
			t.IntVal = values
			return nodedef.TensorAttr(t)
		}
	case []int64:
		t.Dtype = types_go_proto.DataType_DT_INT64
		if len(values) == 1 {
			t.Int64Val = values
			return nodedef.TensorAttr(t)
		}
	}
	t.TensorContent, _ = binary.Append([]byte{}, binary.LittleEndian, values)
	return nodedef.TensorAttr(t)
}

// Dims returns the attribute "value" of a Const that holds a shape, as int32 if all
// dimensions fit.
func Dims(dims []int64) *attr_value_go_proto.AttrValue {
	narrow := make([]int32, len(dims))
	for i, d := range dims {
		if narrow[i] = int32(d); int64(narrow[i]) != d {
			return Vector(dims)
		}
	}
	return Vector(narrow)
}

// setScalar sets the field of t for values of type dt to v, a Go scalar.
func setScalar(t *tensor_go_proto.TensorProto, dt dtype.DataType, v any) error {
	val := reflect.ValueOf(v)
	switch dt {
	case dtype.String:
		s, ok := text(v)
		if !ok {
			return scalarError(v, dt)
		}
		t.StringVal = [][]byte{s}
		return nil
	case dtype.Bool:
		if val.Kind() != reflect.Bool {
			return scalarError(v, dt)
		}
		t.BoolVal = []bool{val.Bool()}
		return nil
	}
	if IsInteger(dt) {
		return setInteger(t, dt, v)
	}
	re, im, ok := number(v)
	if !ok || im != 0 && dt != dtype.Complex64 && dt != dtype.Complex128 {
		return scalarError(v, dt)
	}
	switch dt {
	case dtype.Float32:
		t.FloatVal = []float32{float32(re)}
	case dtype.Float64:
		t.DoubleVal = []float64{re}
	case dtype.Float16:
		t.HalfVal = []int32{int32(dtype.ToF16(float32(re)))}
	case dtype.BFloat16:
		t.HalfVal = []int32{int32(dtype.ToBF16(float32(re)))}
	case dtype.Complex64:
		t.ScomplexVal = []float32{float32(re), float32(im)}
	case dtype.Complex128:
		t.DcomplexVal = []float64{re, im}
	default:
		return scalarError(v, dt)
	}
	return nil
}

func setInteger(t *tensor_go_proto.TensorProto, dt dtype.DataType, v any) error {
	i, ok := integer(v)
	if !ok {
		return scalarError(v, dt)
	}
	limits := map[dtype.DataType][2]float64{
		dtype.Int8: {math.MinInt8, math.MaxInt8}, dtype.Int16: {math.MinInt16, math.MaxInt16}, dtype.Int32: {math.MinInt32, math.MaxInt32},
		dtype.Uint8: {0, math.MaxUint8}, dtype.Uint16: {0, math.MaxUint16}, dtype.Uint32: {0, math.MaxUint32},
	}
	if l, ok := limits[dt]; ok && (float64(i) < l[0] || float64(i) > l[1]) {
		return invalidf("%d does not fit into %s", i, dtype.Name(dt))
	}
	switch dt {
	case dtype.Int64:
		t.Int64Val = []int64{i}
	case dtype.Uint32:
		t.Uint32Val = []uint32{uint32(i)}
	case dtype.Uint64:
		if u := reflect.ValueOf(v); u.CanUint() {
			t.Uint64Val = []uint64{u.Uint()}
			return nil
		}
		if i < 0 {
			return invalidf("%d does not fit into %s", i, dtype.Name(dt))
		}
		t.Uint64Val = []uint64{uint64(i)}
	default:
		t.IntVal = []int32{int32(i)}
	}
	return nil
}

func scalarError(v any, dt dtype.DataType) error {
	if v == nil {
		return invalidf("there is no such value of type %s; use Constant or Value", dtype.Name(dt))
	}
	return invalidf("a %T cannot be a value of type %s", v, dtype.Name(dt))
}

// IsInteger reports whether dt is a type of whole numbers that Go has too.
func IsInteger(dt dtype.DataType) bool {
	switch dt {
	case dtype.Int8, dtype.Int16, dtype.Int32, dtype.Int64, dtype.Uint8, dtype.Uint16, dtype.Uint32, dtype.Uint64:
		return true
	}
	return false
}

// IsFloat reports whether dt is a type of floating point numbers in which TensorFlow can
// train.
func IsFloat(dt dtype.DataType) bool {
	switch dt {
	case dtype.Float16, dtype.BFloat16, dtype.Float32, dtype.Float64:
		return true
	}
	return false
}

func text(v any) ([]byte, bool) {
	switch v := v.(type) {
	case string:
		return []byte(v), true
	case []byte:
		return v, true
	}
	return nil, false
}

// number returns a Go number as a complex number.
func number(v any) (re, im float64, ok bool) {
	switch val := reflect.ValueOf(v); {
	case val.CanInt():
		return float64(val.Int()), 0, true
	case val.CanUint():
		return float64(val.Uint()), 0, true
	case val.CanFloat():
		return val.Float(), 0, true
	case val.CanComplex():
		return real(val.Complex()), imag(val.Complex()), true
	}
	return 0, 0, false
}

// integer returns a Go number without a fraction as an int64.
func integer(v any) (int64, bool) {
	switch val := reflect.ValueOf(v); {
	case val.CanInt():
		return val.Int(), true
	case val.CanUint():
		return int64(val.Uint()), true
	case val.CanFloat():
		f := val.Float()
		return int64(f), f == math.Trunc(f) && math.Abs(f) < 1<<63
	}
	return 0, false
}

func invalidf(format string, args ...any) error {
	return status.Errorf(status.InvalidArgument, format, args...)
}
