package capi_test

import (
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/status"
)

func add(t testing.TB, g *tensorflow.Graph, spec tensorflow.OpSpec) *tensorflow.Operation {
	t.Helper()
	op, err := capi.AddOperation(g, spec)
	require.NoError(t, err)
	return op
}

func placeholder(t testing.TB, g *tensorflow.Graph, name string) tensorflow.Output {
	t.Helper()
	return add(t, g, tensorflow.OpSpec{Type: "Placeholder", Name: name, Attrs: map[string]any{"dtype": tensorflow.Float}}).Output(0)
}

func TestVersion(t *testing.T) {
	assert.Regexp(t, `^\d+\.\d+`, capi.Version())
}

func TestAllOpListParses(t *testing.T) {
	raw, err := capi.AllOpList()
	require.NoError(t, err)
	list := new(op_def_go_proto.OpList)
	require.NoError(t, proto.Unmarshal(raw, list))
	assert.Greater(t, len(list.GetOp()), 1000)
}

func TestAttrOfEveryType(t *testing.T) {
	value, err := tensorflow.NewTensor([]int32{1, 2})
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		attr any
	}{
		{"string", "s"},
		{"bytes", []byte("s")},
		{"int", 1},
		{"int32", int32(1)},
		{"int64", int64(1)},
		{"float", float32(1)},
		{"bool", true},
		{"type", tensorflow.Float},
		{"shape", tensorflow.MakeShape(1, -1)},
		{"unknown shape", tensorflow.Shape{}},
		{"strings", []string{"a", ""}},
		{"int64s", []int64{1}},
		{"floats", []float32{1}},
		{"bools", []bool{true, false}},
		{"types", []tensorflow.DataType{tensorflow.Float}},
		{"shapes", []tensorflow.Shape{tensorflow.ScalarShape(), {}}},
		{"tensor", value},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := tensorflow.NewGraph()
			op := add(t, g, tensorflow.OpSpec{Type: "NoOp", Attrs: map[string]any{"_a": c.attr}})
			got, err := capi.Attr(op, "_a")
			require.NoError(t, err)
			if c.name == "tensor" {
				assert.Equal(t, "\x01\x00\x00\x00\x02\x00\x00\x00", string(got.GetTensor().GetTensorContent()))
				return
			}
			want, err := capi.AttrValue(c.attr)
			require.NoError(t, err)
			assert.True(t, proto.Equal(want, got), "%v", got)
		})
	}
}

func TestSetAttrAndDevice(t *testing.T) {
	g := tensorflow.NewGraph()
	op := add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: "n"})
	v, err := capi.AttrValue("x")
	require.NoError(t, err)
	require.NoError(t, capi.SetAttr(op, "_a", v))
	got, err := capi.Attr(op, "_a")
	require.NoError(t, err)
	assert.Equal(t, "x", string(got.GetS()))
	require.NoError(t, capi.SetAttr(op, "_a", nil))
	_, err = capi.Attr(op, "_a")
	require.ErrorIs(t, err, status.InvalidArgument)
	require.NoError(t, capi.SetRequestedDevice(op, "/device:CPU:0"))
	assert.Equal(t, "/device:CPU:0", op.Device())
	def, err := capi.NodeDef(op)
	require.NoError(t, err)
	assert.Equal(t, "n", def.GetName())
}

func TestAddOperationRefusesBadSpecs(t *testing.T) {
	g, other := tensorflow.NewGraph(), tensorflow.NewGraph()
	x, elsewhere := placeholder(t, g, "x"), placeholder(t, other, "x")
	released, err := tensorflow.NewTensor(int32(1))
	require.NoError(t, err)
	capi.Release(released)
	for _, c := range []struct {
		name string
		spec tensorflow.OpSpec
	}{
		{"nil input", tensorflow.OpSpec{Type: "Identity", Input: []tensorflow.Input{nil}}},
		{"input without op", tensorflow.OpSpec{Type: "Identity", Input: []tensorflow.Input{tensorflow.Output{}}}},
		{"list without op", tensorflow.OpSpec{Type: "AddN", Input: []tensorflow.Input{tensorflow.OutputList{x, {}}}}},
		{"input of other graph", tensorflow.OpSpec{Type: "Identity", Input: []tensorflow.Input{elsewhere}}},
		{"output out of range", tensorflow.OpSpec{Type: "Identity", Input: []tensorflow.Input{tensorflow.Output{Op: x.Op, Index: 4}}}},
		{"nil control", tensorflow.OpSpec{Type: "NoOp", ControlDependencies: []*tensorflow.Operation{nil}}},
		{"control elsewhere", tensorflow.OpSpec{Type: "NoOp", ControlDependencies: []*tensorflow.Operation{elsewhere.Op}}},
		{"strange attribute", tensorflow.OpSpec{Type: "NoOp", Attrs: map[string]any{"_a": struct{}{}}}},
		{"released tensor", tensorflow.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": tensorflow.Int32, "value": released}}},
		{"nil tensor", tensorflow.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": tensorflow.Int32, "value": (*tensorflow.Tensor)(nil)}}},
		{"missing attribute", tensorflow.OpSpec{Type: "Const"}},
		{"unknown op", tensorflow.OpSpec{Type: "NoSuchOp"}},
		{"name taken", tensorflow.OpSpec{Type: "NoOp", Name: "x"}},
		{"too many inputs", tensorflow.OpSpec{Type: "Identity", Input: []tensorflow.Input{x, x}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := capi.AddOperation(g, c.spec)
			require.Error(t, err)
			var e *status.Error
			require.ErrorAs(t, err, &e)
			assert.NotEmpty(t, e.Message)
		})
	}
	// The graph still works.
	add(t, g, tensorflow.OpSpec{Type: "Identity", Name: "y", Input: []tensorflow.Input{x}})
}

func TestNilOperationsAreErrors(t *testing.T) {
	for _, op := range []*tensorflow.Operation{nil, {}} {
		_, err := capi.NodeDef(op)
		require.ErrorIs(t, err, status.InvalidArgument)
		_, err = capi.Attr(op, "a")
		require.ErrorIs(t, err, status.InvalidArgument)
		_, err = capi.Inputs(op)
		require.ErrorIs(t, err, status.InvalidArgument)
		require.ErrorIs(t, capi.SetAttr(op, "a", nil), status.InvalidArgument)
		require.ErrorIs(t, capi.SetRequestedDevice(op, ""), status.InvalidArgument)
	}
}

// nodeInputs returns the inputs of op's NodeDef.
func nodeInputs(t testing.TB, op *tensorflow.Operation) []string {
	t.Helper()
	def, err := capi.NodeDef(op)
	require.NoError(t, err)
	return def.Input
}

func TestInputs(t *testing.T) {
	g := tensorflow.NewGraph()
	a, b := placeholder(t, g, "a"), placeholder(t, g, "b")
	first := add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: "first"})
	sum := add(t, g, tensorflow.OpSpec{Type: "AddN", Input: []tensorflow.Input{tensorflow.OutputList{a, b}}, ControlDependencies: []*tensorflow.Operation{first}})
	inputs, err := capi.Inputs(sum)
	require.NoError(t, err)
	require.Len(t, inputs, 2)
	assert.Equal(t, "b", inputs[1].Op.Name())
	assert.Equal(t, []string{"a", "b", "^first"}, nodeInputs(t, sum))
	assert.Equal(t, *b.Op, *inputs[1].Op)
}

func TestOperationNamesResume(t *testing.T) {
	g := tensorflow.NewGraph()
	var names []string
	var pos uint64
	walk := func() {
		for next, name := range capi.OperationNames(g, pos) {
			pos, names = next, append(names, name)
		}
	}
	walk()
	assert.Empty(t, names)
	placeholder(t, g, "a")
	walk()
	walk()
	placeholder(t, g, "b")
	placeholder(t, g, "c")
	walk()
	assert.Equal(t, []string{"a", "b", "c"}, names)
}
