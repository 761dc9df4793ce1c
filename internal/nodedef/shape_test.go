package nodedef_test

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/internal/nodedef"
)

func TestDims(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		shape *tensor_shape_go_proto.TensorShapeProto
		want  []int64
		ok    bool
	}{
		{"none", nil, nil, false},
		{"unknown rank", &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true}, nil, false},
		{"scalar", nodedef.ShapeProto(nil), []int64{}, true},
		{"matrix", nodedef.ShapeProto([]int64{-1, 3}), []int64{-1, 3}, true},
	} {
		got, ok := nodedef.Dims(c.shape)
		assert.Equal(t, c.want, got, c.name)
		assert.Equal(t, c.ok, ok, c.name)
	}
}

func TestVariableShape(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op   string
		dims []int64
		want bool
	}{{"VariableV2", nil, true}, {"Variable", nil, false}, {"Variable", []int64{2}, true}} {
		n := &node_def_go_proto.NodeDef{Op: c.op, Attr: map[string]*attr_value_go_proto.AttrValue{
			"shape": {Value: &attr_value_go_proto.AttrValue_Shape{Shape: nodedef.ShapeProto(c.dims)}},
		}}
		_, ok := nodedef.VariableShape(n)
		assert.Equal(t, c.want, ok, "%s %v", c.op, c.dims)
	}
	_, ok := nodedef.VariableShape(&node_def_go_proto.NodeDef{Op: "VarHandleOp"})
	assert.False(t, ok)
}

func TestDataInputs(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"a", "b:1"}, nodedef.DataInputs(&node_def_go_proto.NodeDef{Input: []string{"a", "b:1", "^c"}}))
	assert.Empty(t, nodedef.DataInputs(nil))
}

func TestShapeText(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "?", nodedef.ShapeText(nil))
	assert.Equal(t, "[]", nodedef.ShapeText([]int64{}))
	assert.Equal(t, "[?, 64]", nodedef.ShapeText([]int64{-1, 64}))
}
