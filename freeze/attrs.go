package freeze

import (
	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

func typeAttr(t typespb.DataType) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_Type{Type: t}}
}

func intAttr(i int64) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_I{I: i}}
}

func tensorAttr(t *tensorpb.TensorProto) *attrpb.AttrValue {
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_Tensor{Tensor: t}}
}

// attrs returns set with the attributes of n that outlive a change of its
// operation: where it is colocated, and what is for information only.
func attrs(n *nodepb.NodeDef, set map[string]*attrpb.AttrValue) map[string]*attrpb.AttrValue {
	if c, ok := n.Attr["_class"]; ok {
		set["_class"] = c
	}
	return set
}

// forgetHandle drops what a node says about the handles it passes on: they are values now.
func forgetHandle(n *nodepb.NodeDef) {
	for _, a := range []string{"_output_shapes", "_handle_shapes", "_handle_dtypes", "_read_only_resource_inputs"} {
		delete(n.Attr, a)
	}
}

// constNode makes a Const as TensorFlow's converter does: with a value and its type, and nothing else.
func constNode(name string, t *tensorpb.TensorProto) *nodepb.NodeDef {
	return &nodepb.NodeDef{Name: name, Op: "Const", Attr: map[string]*attrpb.AttrValue{
		"dtype": typeAttr(t.Dtype), "value": tensorAttr(t),
	}}
}

// intTensor is a scalar of type int32 or int64.
func intTensor(t typespb.DataType, v int64) *tensorpb.TensorProto {
	p := &tensorpb.TensorProto{Dtype: t, TensorShape: &shapepb.TensorShapeProto{}}
	if t == typespb.DataType_DT_INT64 {
		p.Int64Val = []int64{v}
	} else {
		p.IntVal = []int32{int32(v)}
	}
	return p
}

func shapeProto(dims []int64) *shapepb.TensorShapeProto {
	s := &shapepb.TensorShapeProto{}
	for _, d := range dims {
		s.Dim = append(s.Dim, &shapepb.TensorShapeProto_Dim{Size: d})
	}
	return s
}

const typeString = typespb.DataType_DT_STRING
