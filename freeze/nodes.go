package freeze

import (
	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// attrs are the attributes of a node.
type attrs = map[string]*graphdef.AttrValue

func intAttr(i int64) *graphdef.AttrValue {
	return &graphdef.AttrValue{Value: &attrpb.AttrValue_I{I: i}}
}

func shapeAttr(dims []int64) *graphdef.AttrValue {
	return &graphdef.AttrValue{Value: &attrpb.AttrValue_Shape{Shape: nodedef.ShapeProto(dims)}}
}

func boolAttr(b bool) *graphdef.AttrValue {
	return &graphdef.AttrValue{Value: &attrpb.AttrValue_B{B: b}}
}

func typeListAttr(types ...dtype.DataType) *graphdef.AttrValue {
	return &graphdef.AttrValue{Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{Type: types}}}
}

// turnInto sets the operation of a node, and the attributes of that operation. Only the colocation of
// the node stays.
func turnInto(n *graphdef.NodeDef, op string, set attrs) {
	if c, ok := n.Attr["_class"]; ok {
		set["_class"] = c
	}
	n.Op, n.Attr = op, set
}

// dropHandleAttrs removes the attributes of a node that describe the handles that it passes on: they
// are values now.
func dropHandleAttrs(n *graphdef.NodeDef) {
	for _, a := range []string{"_output_shapes", "_handle_shapes", "_handle_dtypes", "_read_only_resource_inputs"} {
		delete(n.Attr, a)
	}
}

// intScalar returns a scalar of type int32 or int64.
func intScalar(t dtype.DataType, v int64) *tensorpb.TensorProto {
	p := &tensorpb.TensorProto{Dtype: t, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}}
	if t == dtype.Int64 {
		p.Int64Val = []int64{v}
	} else {
		p.IntVal = []int32{int32(v)}
	}
	return p
}

// controlInputs returns the control inputs of n, which follow the data inputs.
func controlInputs(n *graphdef.NodeDef) []string { return n.Input[len(nodedef.DataInputs(n)):] }
