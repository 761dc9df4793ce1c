package graphdef_test

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/graphdef"
)

func TestDims(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		shape *graphdef.TensorShapeProto
		want  []int64
		ok    bool
	}{
		{"none", nil, nil, false},
		{"unknown rank", &graphdef.TensorShapeProto{UnknownRank: true}, nil, false},
		{"scalar", graphdef.ShapeProto(nil), []int64{}, true},
		{"matrix", graphdef.ShapeProto([]int64{-1, 3}), []int64{-1, 3}, true},
	} {
		got, ok := graphdef.Dims(c.shape)
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
		n := &graphdef.NodeDef{Op: c.op, Attr: map[string]*graphdef.AttrValue{
			"shape": {Value: &attr_value_go_proto.AttrValue_Shape{Shape: graphdef.ShapeProto(c.dims)}},
		}}
		_, ok := graphdef.VariableShape(n)
		assert.Equal(t, c.want, ok, "%s %v", c.op, c.dims)
	}
	_, ok := graphdef.VariableShape(&graphdef.NodeDef{Op: "VarHandleOp"})
	assert.False(t, ok)
}

func TestDataInputs(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"a", "b:1"}, graphdef.DataInputs(&graphdef.NodeDef{Input: []string{"a", "b:1", "^c"}}))
	assert.Empty(t, graphdef.DataInputs(nil))
}
