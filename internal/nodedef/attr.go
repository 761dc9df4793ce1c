package nodedef

import (
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
)

// TypeAttr returns an attribute that is an element type.
func TypeAttr(dt dtype.DataType) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Type{Type: dt}}
}

// TensorAttr returns an attribute that is a tensor.
func TensorAttr(t *tensor_go_proto.TensorProto) *attr_value_go_proto.AttrValue {
	return &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: t}}
}

// Const returns a Const as TensorFlow's converter makes it: with a value and its type, and
// nothing else.
func Const(name string, t *tensor_go_proto.TensorProto) *node_def_go_proto.NodeDef {
	return &node_def_go_proto.NodeDef{Name: name, Op: "Const", Attr: map[string]*attr_value_go_proto.AttrValue{
		"dtype": TypeAttr(t.GetDtype()), "value": TensorAttr(t),
	}}
}
