package dtype

import (
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// DataType is TensorFlow's element type, the protobuf enum tensorflow.DataType.
type DataType = types_go_proto.DataType

// The element types. Those from Float8E5M2 on are newer than the generated
// protobufs, whose String method returns a number for them; [Name] knows them.
const (
	Float32           = types_go_proto.DataType_DT_FLOAT
	Float64           = types_go_proto.DataType_DT_DOUBLE
	Int32             = types_go_proto.DataType_DT_INT32
	Uint8             = types_go_proto.DataType_DT_UINT8
	Int16             = types_go_proto.DataType_DT_INT16
	Int8              = types_go_proto.DataType_DT_INT8
	String            = types_go_proto.DataType_DT_STRING
	Complex64         = types_go_proto.DataType_DT_COMPLEX64
	Int64             = types_go_proto.DataType_DT_INT64
	Bool              = types_go_proto.DataType_DT_BOOL
	QInt8             = types_go_proto.DataType_DT_QINT8
	QUint8            = types_go_proto.DataType_DT_QUINT8
	QInt32            = types_go_proto.DataType_DT_QINT32
	BFloat16          = types_go_proto.DataType_DT_BFLOAT16
	QInt16            = types_go_proto.DataType_DT_QINT16
	QUint16           = types_go_proto.DataType_DT_QUINT16
	Uint16            = types_go_proto.DataType_DT_UINT16
	Complex128        = types_go_proto.DataType_DT_COMPLEX128
	Float16           = types_go_proto.DataType_DT_HALF
	Resource          = types_go_proto.DataType_DT_RESOURCE
	Variant           = types_go_proto.DataType_DT_VARIANT
	Uint32            = types_go_proto.DataType_DT_UINT32
	Uint64            = types_go_proto.DataType_DT_UINT64
	Float8E5M2        = DataType(24)
	Float8E4M3FN      = DataType(25)
	Float8E4M3FNUZ    = DataType(26)
	Float8E4M3B11FNUZ = DataType(27)
	Float8E5M2FNUZ    = DataType(28)
	Int4              = DataType(29)
	Uint4             = DataType(30)
	Int2              = DataType(31)
	Uint2             = DataType(32)
	Float4E2M1FN      = DataType(33)
)

// reference is the number that TensorFlow adds to a type to make a reference to a
// variable of that type.
const reference = 100

// types lists every type by its number: the name that Python uses, and the
// bytes that an element takes in memory and in a data file. The types of 2 and
// 4 bits take a whole byte.
var types = [...]struct {
	name string
	size int
}{
	Float32:           {"float32", 4},
	Float64:           {"float64", 8},
	Int32:             {"int32", 4},
	Uint8:             {"uint8", 1},
	Int16:             {"int16", 2},
	Int8:              {"int8", 1},
	String:            {"string", 0},
	Complex64:         {"complex64", 8},
	Int64:             {"int64", 8},
	Bool:              {"bool", 1},
	QInt8:             {"qint8", 1},
	QUint8:            {"quint8", 1},
	QInt32:            {"qint32", 4},
	BFloat16:          {"bfloat16", 2},
	QInt16:            {"qint16", 2},
	QUint16:           {"quint16", 2},
	Uint16:            {"uint16", 2},
	Complex128:        {"complex128", 16},
	Float16:           {"float16", 2},
	Resource:          {"resource", 0},
	Variant:           {"variant", 0},
	Uint32:            {"uint32", 4},
	Uint64:            {"uint64", 8},
	Float8E5M2:        {"float8_e5m2", 1},
	Float8E4M3FN:      {"float8_e4m3fn", 1},
	Float8E4M3FNUZ:    {"float8_e4m3fnuz", 1},
	Float8E4M3B11FNUZ: {"float8_e4m3b11fnuz", 1},
	Float8E5M2FNUZ:    {"float8_e5m2fnuz", 1},
	Int4:              {"int4", 1},
	Uint4:             {"uint4", 1},
	Int2:              {"int2", 1},
	Uint2:             {"uint2", 1},
	Float4E2M1FN:      {"float4_e2m1fn", 1},
}

// cNames are the names that differ in TensorFlow's C++ code and protobufs.
var cNames = map[DataType]string{Float32: "float", Float64: "double", Float16: "half"}

// number is a data type as protobuf or as the binding defines it.
type number interface{ ~int32 | ~uint32 }

// Name returns the name that Python's tf.DType.name has: "float32", "bfloat16",
// "string", "float32_ref". A type that TensorFlow 2.21 does not have is
// "dtype(N)".
func Name[T number](dt T) string {
	base := Base(dt)
	if !Known(base) {
		return "dtype(" + strconv.FormatInt(int64(dt), 10) + ")"
	}
	if IsRef(dt) {
		return types[base].name + "_ref"
	}
	return types[base].name
}

// CName returns the name that TensorFlow's C++ code uses in messages and in op
// definitions. It is "float" for float32, "double" for float64, "half" for
// float16, and [Name] for any other type. The protobuf constant is this name in
// upper case after "DT_".
func CName[T number](dt T) string {
	c, ok := cNames[DataType(Base(dt))]
	switch {
	case !ok:
		return Name(dt)
	case IsRef(dt):
		return c + "_ref"
	}
	return c
}

// Constant returns the name of the protobuf constant: "DT_FLOAT", "DT_FLOAT8_E5M2_REF",
// "DT_INVALID" for 0. It is the number for a type that TensorFlow 2.21 does not have.
func Constant[T number](dt T) string {
	switch {
	case dt == 0:
		return "DT_INVALID"
	case !Known(Base(dt)):
		return strconv.FormatInt(int64(dt), 10)
	}
	return "DT_" + strings.ToUpper(CName(dt))
}

// Parse returns the type with this [Name] or with this protobuf constant, such
// as "DT_FLOAT".
func Parse(name string) (DataType, bool) {
	base, isRef := strings.CutSuffix(name, "_ref")
	constant, isConstant := strings.CutPrefix(name, "DT_")
	if isConstant {
		base, isRef = strings.CutSuffix(constant, "_REF")
		base = strings.ToLower(base)
	}
	for i := range types {
		dt := DataType(i)
		if !Known(dt) || base != types[i].name && !isConstant || isConstant && base != CName(dt) {
			continue
		}
		if isRef {
			dt += reference
		}
		return dt, true
	}
	return 0, false
}

// Size returns the bytes of one element. It is 0 for strings, variants,
// resources, references and unknown types.
func Size[T number](dt T) int {
	if Known(dt) {
		return types[dt].size
	}
	return 0
}

// IsRef reports whether dt is a reference to a variable, as the outputs of
// VariableV2 are.
func IsRef[T number](dt T) bool { return dt > reference }

// Ref returns the type of a reference to a dt, and a reference as it is.
func Ref[T number](dt T) T {
	if IsRef(dt) {
		return dt
	}
	return dt + reference
}

// Base returns the type that a reference refers to, and any other type as it is.
func Base[T number](dt T) T {
	if IsRef(dt) {
		return dt - reference
	}
	return dt
}

// Known reports whether TensorFlow 2.21 has the type. References are not among them; see
// [Base].
func Known[T number](dt T) bool {
	return dt > 0 && int64(dt) < int64(len(types)) && types[dt].name != ""
}
