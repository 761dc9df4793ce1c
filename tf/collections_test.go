package tf_test

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

func TestItemsAreExportedByType(t *testing.T) {
	g := tf.NewGraph()
	op, err := g.AddOp(tf.OpSpec{Type: "NoOp"})
	require.NoError(t, err)
	x := tfgraph.Const(t, g, "x", int32(1))
	v, err := tf.NewVariable(g, "v", tf.Zeros(2), nil)
	require.NoError(t, err)

	kinds := map[string][]any{
		`node_list: {value: "NoOp"}`:  {op},
		`node_list: {value: "x:0"}`:   {x},
		`node_list: {value: "v:0"}`:   {v},
		`bytes_list: {value: "text"}`: {"text", []byte("text")},
		`int64_list: {value: 1}`:      {1, int64(1), uint8(1), true},
		`float_list: {value: 1}`:      {1.0, float32(1)},
		`any_list: {value: {}}`:       {&anypb.Any{}},
		``:                            {struct{}{}, nil},
	}
	for want, items := range kinds {
		for _, item := range items {
			assert.Equal(t, item, tf.NewItem(item).Value())
			g.SetCollection("k", []tf.Item{tf.NewItem(item)})
			mg, err := tf.ExportMetaGraph(g, nil)
			require.NoError(t, err)
			def := new(for_core_protos_go_proto.CollectionDef)
			require.NoError(t, prototext.Unmarshal([]byte(want), def))
			assert.True(t, proto.Equal(def, mg.CollectionDef["k"]) || want == "" && mg.CollectionDef["k"] == nil, "%T: %v", item, mg.CollectionDef["k"])
		}
	}
	assert.Equal(t, op, tf.NewItem(op).Op())
	assert.Equal(t, x, tf.NewItem(x).Output())
	assert.Equal(t, v, tf.NewItem(v).Variable())
	assert.Equal(t, v.Value(), tf.NewItem(v).Output())
	assert.Nil(t, tf.NewItem("text").Op())
}

func TestCollectionsKeepOrder(t *testing.T) {
	g := tf.NewGraph()
	g.AddToCollection("z", 1)
	g.AddToCollection("a", 2)
	g.AddToCollection("z", 3)
	assert.Equal(t, []string{"z", "a"}, g.CollectionKeys())
	require.Len(t, g.Collection("z"), 2)
	assert.EqualValues(t, 3, g.Collection("z")[1].Value())

	g.Collection("z")[0] = tf.NewItem("changed")
	assert.EqualValues(t, 1, g.Collection("z")[0].Value(), "Collection returns a copy")

	g.SetCollection("z", nil)
	assert.Empty(t, g.Collection("z"))
	assert.Equal(t, []string{"a"}, g.CollectionKeys())
	assert.Empty(t, g.Collection("never used"))
}

func TestCollectionInScope(t *testing.T) {
	g := tf.NewGraph()
	for _, name := range []string{"in/a", "out/a", "in2/a"} {
		g.AddToCollection("k", tfgraph.Const(t, g, name, int32(1)))
	}
	g.AddToCollection("k", "in/text has no name")
	items := g.CollectionInScope("k", "in/")
	require.Len(t, items, 1)
	assert.Equal(t, "in/a", items[0].Op().Name())
	assert.Len(t, g.CollectionInScope("k", ""), 4)
}

func TestGraphKeysAreThoseOfTensorFlow(t *testing.T) {
	want := oracle.Value[[]string](t, `
keys = tf1.GraphKeys
result = sorted({getattr(keys, k) for k in dir(keys) if k.isupper() and k[0] != "_"})
`)
	assert.Subset(t, want, []string{
		tf.GlobalVariables, tf.LocalVariables, tf.TrainableVariables, tf.ModelVariables, tf.MetricVariables,
		tf.GlobalStep, tf.TrainOp, tf.TableInitializers,
		tf.SaveableObjects, tf.Savers,
	})
}

func TestCollectionOfNothing(t *testing.T) {
	g := tf.NewGraph()
	var op *tf.Operation
	var v *tf.Variable
	for _, nothing := range []any{nil, op, v, tf.Output{}} {
		g.AddToCollection("nothing", nothing)
		g.AddToCollection(tf.GlobalVariables, nothing)
	}
	for _, item := range g.Collection("nothing") {
		assert.Nil(t, item.Value())
		assert.Nil(t, item.Op())
		assert.Nil(t, item.Output().Op)
		assert.Nil(t, item.Variable())
	}
	assert.Empty(t, g.GlobalVariables())
	_, err := tf.ExportMetaGraph(g, nil)
	require.NoError(t, err)

	_, err = tf.NewVariable(nil, "v", tf.Zeros(), nil)
	require.ErrorIs(t, err, status.InvalidArgument)
}

func TestTrainableVariablesInScope(t *testing.T) {
	g := tf.NewGraph()
	names := func(vars []*tf.Variable) (names []string) {
		for _, v := range vars {
			names = append(names, v.Name())
		}
		return names
	}
	fixed := &tf.VariableOptions{NotTrainable: true}
	for _, v := range []struct {
		name string
		o    *tf.VariableOptions
	}{{"gen/w", nil}, {"gen/moving_mean", fixed}, {"generator/w", nil}, {"gen/deep/b", nil}, {"b", nil}} {
		_, err := tf.NewVariable(g, v.name, tf.Zeros(2), v.o)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"gen/w", "gen/moving_mean", "gen/deep/b"}, names(g.VariablesInScope("gen")))
	assert.Equal(t, []string{"gen/w", "gen/deep/b"}, names(g.TrainableVariablesInScope("gen")))
	assert.Equal(t, []string{"gen/w", "gen/deep/b"}, names(g.TrainableVariablesInScope("gen/")))
	assert.Equal(t, names(g.TrainableVariables()), names(g.TrainableVariablesInScope("")))
	assert.Empty(t, g.TrainableVariablesInScope("ge"))
}
