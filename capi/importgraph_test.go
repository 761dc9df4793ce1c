package capi_test

import (
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/status"
)

func graphDef(t *testing.T, build func(g *tensorflow.Graph)) []byte {
	t.Helper()
	g := tensorflow.NewGraph()
	build(g)
	def, err := capi.GraphDef(g)
	require.NoError(t, err)
	return def
}

func TestImportMapsAndReturns(t *testing.T) {
	def := graphDef(t, func(g *tensorflow.Graph) {
		x := placeholder(t, g, "x")
		first := add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: "first"})
		add(t, g, tensorflow.OpSpec{Type: "Identity", Name: "y", Input: []tensorflow.Input{x}, ControlDependencies: []*tensorflow.Operation{first}})
	})
	g := tensorflow.NewGraph()
	mine := placeholder(t, g, "mine")
	other := add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: "other"})
	before := add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: "before"})
	r, err := capi.Import(g, def, &capi.ImportOptions{
		Prefix:              "in",
		DefaultDevice:       "/device:CPU:0",
		InputMapping:        map[capi.TensorName]tensorflow.Output{{Op: "x"}: mine, {Op: "gone", Index: 2}: mine},
		ControlMapping:      map[string]*tensorflow.Operation{"first": other},
		ControlDependencies: []*tensorflow.Operation{before},
		ReturnOutputs:       []capi.TensorName{{Op: "y"}, {Op: "x"}},
		ReturnOperations:    []string{"first"},
	})
	require.NoError(t, err)
	require.Len(t, r.Outputs, 2)
	assert.Equal(t, "in/y", r.Outputs[0].Op.Name())
	assert.Equal(t, "/device:CPU:0", r.Outputs[0].Op.Device())
	assert.Equal(t, "mine", r.Outputs[1].Op.Name(), "for a mapped output the result has the replacement")
	require.Len(t, r.Operations, 1)
	assert.Equal(t, "in/first", r.Operations[0].Name())
	assert.Equal(t, []capi.TensorName{{Op: "gone", Index: 2}}, r.MissingUnusedInputs)

	inputs, err := capi.Inputs(r.Outputs[0].Op)
	require.NoError(t, err)
	assert.Equal(t, "mine", inputs[0].Op.Name())
	assert.Contains(t, nodeInputs(t, r.Outputs[0].Op), "^other")
}

func TestImportUniquifiesNames(t *testing.T) {
	def := graphDef(t, func(g *tensorflow.Graph) { placeholder(t, g, "x") })
	g := tensorflow.NewGraph()
	for _, c := range []struct {
		o    capi.ImportOptions
		want string
	}{
		{capi.ImportOptions{}, "x"},
		{capi.ImportOptions{UniquifyNames: true}, "x_1"},
		{capi.ImportOptions{Prefix: "p"}, "p/x"},
		{capi.ImportOptions{Prefix: "p", UniquifyPrefix: true}, "p_1/x"},
	} {
		c.o.ReturnOperations = []string{"x"}
		r, err := capi.Import(g, def, &c.o)
		require.NoError(t, err)
		assert.Equal(t, c.want, r.Operations[0].Name())
	}
	_, err := capi.Import(g, def, nil)
	require.ErrorIs(t, err, status.InvalidArgument, "the name is taken")
}

func TestImportRefusesBadInput(t *testing.T) {
	g := tensorflow.NewGraph()
	_, err := capi.Import(g, []byte("no graph at all"), nil)
	require.ErrorIs(t, err, status.InvalidArgument)
	_, err = capi.Import(g, nil, nil)
	require.NoError(t, err, "an empty graph is one")
	_, err = capi.Import(g, nil, &capi.ImportOptions{InputMapping: map[capi.TensorName]tensorflow.Output{{Op: "x"}: {}}})
	require.ErrorIs(t, err, status.InvalidArgument)
	_, err = capi.Import(g, nil, &capi.ImportOptions{ReturnOperations: []string{"x"}})
	require.ErrorIs(t, err, status.InvalidArgument)
}

func TestImportSkipColocationCheck(t *testing.T) {
	def, err := proto.Marshal(&graph_go_proto.GraphDef{})
	require.NoError(t, err)
	def = append(def, graphDef(t, func(g *tensorflow.Graph) {
		add(t, g, tensorflow.OpSpec{Type: "NoOp", Name: "n", Attrs: map[string]any{"_class": []string{"loc:@gone"}}})
	})...)
	_, err = capi.Import(tensorflow.NewGraph(), def, nil)
	require.ErrorIs(t, err, status.InvalidArgument)
	_, err = capi.Import(tensorflow.NewGraph(), def, &capi.ImportOptions{SkipColocationCheck: true})
	require.NoError(t, err)
}
