package capi

import (
	"strings"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// refFlag is what TensorFlow adds to a data type for a reference to a variable.
const refFlag = 100

// pythonNames are the types whose names in Python differ from those in protobuf.
var pythonNames = map[string]string{"float": "float32", "double": "float64", "half": "float16"}

// TypeName is the data type by TensorFlow's Python name: "float32", "int64",
// "float32_ref".
func TypeName(dt tensorflow.DataType) string {
	name := strings.ToLower(strings.TrimPrefix(types_go_proto.DataType(dt).String(), "DT_"))
	base, isRef := strings.CutSuffix(name, "_ref")
	if python, ok := pythonNames[base]; ok {
		base = python
	}
	if isRef {
		base += "_ref"
	}
	return base
}
