package checkpoint

import (
	"fmt"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// DataType is TensorFlow's element type, tensorflow.DataType.
type DataType = types_go_proto.DataType

// The element types that checkpoints hold. Those from Float8E5M2 on are newer
// than the generated protobufs and therefore print as numbers there;
// [DataTypeName] knows them.
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

// dataTypes lists every type by its number: the name Python gives it, the
// bytes an element takes in memory and in a data file, and the bytes of its
// smallest unit of byte order. The types of 2 and 4 bits take a whole byte.
var dataTypes = [...]struct {
	name string
	size int
	word int
}{
	Float32:           {"float32", 4, 4},
	Float64:           {"float64", 8, 8},
	Int32:             {"int32", 4, 4},
	Uint8:             {"uint8", 1, 1},
	Int16:             {"int16", 2, 2},
	Int8:              {"int8", 1, 1},
	String:            {"string", 0, 0},
	Complex64:         {"complex64", 8, 4},
	Int64:             {"int64", 8, 8},
	Bool:              {"bool", 1, 1},
	QInt8:             {"qint8", 1, 1},
	QUint8:            {"quint8", 1, 1},
	QInt32:            {"qint32", 4, 4},
	BFloat16:          {"bfloat16", 2, 2},
	QInt16:            {"qint16", 2, 2},
	QUint16:           {"quint16", 2, 2},
	Uint16:            {"uint16", 2, 2},
	Complex128:        {"complex128", 16, 8},
	Float16:           {"float16", 2, 2},
	Resource:          {"resource", 0, 0},
	Variant:           {"variant", 0, 0},
	Uint32:            {"uint32", 4, 4},
	Uint64:            {"uint64", 8, 8},
	Float8E5M2:        {"float8_e5m2", 1, 1},
	Float8E4M3FN:      {"float8_e4m3fn", 1, 1},
	Float8E4M3FNUZ:    {"float8_e4m3fnuz", 1, 1},
	Float8E4M3B11FNUZ: {"float8_e4m3b11fnuz", 1, 1},
	Float8E5M2FNUZ:    {"float8_e5m2fnuz", 1, 1},
	Int4:              {"int4", 1, 1},
	Uint4:             {"uint4", 1, 1},
	Int2:              {"int2", 1, 1},
	Uint2:             {"uint2", 1, 1},
	Float4E2M1FN:      {"float4_e2m1fn", 1, 1},
}

// DataTypeName gives the name that Python's tf.DType.name has: "float32",
// "bfloat16", "string". A type that TensorFlow 2.21 does not know is "dtype(N)".
func DataTypeName(dt DataType) string {
	if knownDataType(dt) {
		return dataTypes[dt].name
	}
	return fmt.Sprintf("dtype(%d)", int32(dt))
}

// ParseDataType is the reverse of [DataTypeName].
func ParseDataType(name string) (DataType, bool) {
	for dt := range dataTypes {
		if name != "" && dataTypes[dt].name == name {
			return DataType(dt), true
		}
	}
	return 0, false
}

// DataTypeSize gives the bytes of one element; 0 for strings, variants,
// resources and unknown types.
func DataTypeSize(dt DataType) int {
	if knownDataType(dt) {
		return dataTypes[dt].size
	}
	return 0
}

func knownDataType(dt DataType) bool {
	return dt > 0 && int(dt) < len(dataTypes) && dataTypes[dt].name != ""
}
