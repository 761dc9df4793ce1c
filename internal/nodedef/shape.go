package nodedef

import (
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
)

// Dims returns the dimensions of a shape. A dimension of -1 may have any size. Dims returns
// false if the rank is unknown or s is nil.
func Dims(s *tensor_shape_go_proto.TensorShapeProto) ([]int64, bool) {
	if s == nil || s.GetUnknownRank() {
		return nil, false
	}
	dims := make([]int64, len(s.GetDim()))
	for i, d := range s.GetDim() {
		dims[i] = d.GetSize()
	}
	return dims, true
}

// ShapeText writes dimensions for a reader, "[?, 64]", with ? for those that may have any size.
// It is "?" for nil, a shape of unknown rank.
func ShapeText(dims []int64) string {
	if dims == nil {
		return "?"
	}
	sizes := make([]string, len(dims))
	for i, d := range dims {
		sizes[i] = "?"
		if d >= 0 {
			sizes[i] = strconv.FormatInt(d, 10)
		}
	}
	return "[" + strings.Join(sizes, ", ") + "]"
}

// ShapeProto returns the shape with the given dimensions. Without any it is that of a
// scalar.
func ShapeProto(dims []int64) *tensor_shape_go_proto.TensorShapeProto {
	s := &tensor_shape_go_proto.TensorShapeProto{}
	for _, d := range dims {
		s.Dim = append(s.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: d})
	}
	return s
}

// VariableShape returns the shape that the node of a variable declares. It returns false if
// the node declares none. Nodes of the op Variable, the oldest one, write a scalar where
// the shape is unknown.
func VariableShape(n *node_def_go_proto.NodeDef) ([]int64, bool) {
	dims, ok := Dims(n.GetAttr()["shape"].GetShape())
	if n.GetOp() == "Variable" && len(dims) == 0 {
		return nil, false
	}
	return dims, ok
}
