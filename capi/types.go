package capi

import (
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
)

// typeName is the data type as protobuf names it, without the prefix: "float",
// "int64", "float_ref".
func typeName(dt tensorflow.DataType) string {
	return strings.ToLower(strings.TrimPrefix(types_go_proto.DataType(dt).String(), "DT_"))
}
