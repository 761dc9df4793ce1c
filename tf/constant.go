package tf

import (
	"math"
	"reflect"
	"slices"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/tfkeep/tfkeep/dtype"
)

// filled is the attribute "value" of a Const of the given shape in which every
// element is v. It holds v once, as Python's make_tensor_proto does.
func filled(dt DataType, v any, shape []int64) (*attr_value_go_proto.AttrValue, error) {
	t := &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType(dt), TensorShape: dimsProto(shape)}
	if err := setScalar(t, dt, v); err != nil {
		return nil, err
	}
	if slices.Contains(shape, 0) {
		t = &tensor_go_proto.TensorProto{Dtype: t.Dtype, TensorShape: t.TensorShape}
	}
	return tensorAttr(t), nil
}

// stringsAttr is the attribute "value" of a Const of strings, each in its own
// field as Python writes them: the library, given a tensor, packs them.
func stringsAttr(t *Tensor) *attr_value_go_proto.AttrValue {
	p := &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType_DT_STRING, TensorShape: dimsProto(t.Shape())}
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
	return tensorAttr(p)
}

func tensorAttr(t *tensor_go_proto.TensorProto) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: t}}
}

func dimsProto(shape []int64) *tensor_shape_go_proto.TensorShapeProto {
	p := new(tensor_shape_go_proto.TensorShapeProto)
	for _, d := range shape {
		p.Dim = append(p.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: d})
	}
	return p
}

// setScalar puts v, a Go scalar, into the field of t that dt's values lie in.
func setScalar(t *tensor_go_proto.TensorProto, dt DataType, v any) error {
	val := reflect.ValueOf(v)
	switch dt {
	case String:
		s, ok := text(v)
		if !ok {
			return scalarError(v, dt)
		}
		t.StringVal = [][]byte{s}
		return nil
	case Bool:
		if val.Kind() != reflect.Bool {
			return scalarError(v, dt)
		}
		t.BoolVal = []bool{val.Bool()}
		return nil
	}
	if isInteger(dt) {
		return setInteger(t, dt, v)
	}
	re, im, ok := number(v)
	if !ok || im != 0 && dt != Complex64 && dt != Complex128 {
		return scalarError(v, dt)
	}
	switch dt {
	case Float:
		t.FloatVal = []float32{float32(re)}
	case Double:
		t.DoubleVal = []float64{re}
	case Half:
		t.HalfVal = []int32{int32(dtype.ToF16(float32(re)))}
	case Bfloat16:
		t.HalfVal = []int32{int32(dtype.ToBF16(float32(re)))}
	case Complex64:
		t.ScomplexVal = []float32{float32(re), float32(im)}
	case Complex128:
		t.DcomplexVal = []float64{re, im}
	default:
		return scalarError(v, dt)
	}
	return nil
}

func setInteger(t *tensor_go_proto.TensorProto, dt DataType, v any) error {
	i, ok := integer(v)
	if !ok {
		return scalarError(v, dt)
	}
	limits := map[DataType][2]float64{
		Int8: {math.MinInt8, math.MaxInt8}, Int16: {math.MinInt16, math.MaxInt16}, Int32: {math.MinInt32, math.MaxInt32},
		Uint8: {0, math.MaxUint8}, Uint16: {0, math.MaxUint16}, Uint32: {0, math.MaxUint32},
	}
	if l, ok := limits[dt]; ok && (float64(i) < l[0] || float64(i) > l[1]) {
		return invalidf("%d does not fit into %s", i, dtype.Name(dt))
	}
	switch dt {
	case Int64:
		t.Int64Val = []int64{i}
	case Uint32:
		t.Uint32Val = []uint32{uint32(i)}
	case Uint64:
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

func scalarError(v any, dt DataType) error {
	if v == nil {
		return invalidf("there is no such value of type %s: use Constant or Value with one", dtype.Name(dt))
	}
	return invalidf("a %T cannot be a value of type %s", v, dtype.Name(dt))
}

func isInteger(dt DataType) bool {
	switch dt {
	case Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64:
		return true
	}
	return false
}

func isFloat(dt DataType) bool {
	switch dt {
	case Half, Bfloat16, Float, Double:
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

// number is a Go number as a complex one.
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

// integer is a Go number that has no fraction, as an int64.
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
