package tf_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tfkeep/tfkeep/internal/oracle"
	"github.com/tfkeep/tfkeep/tf"
	"google.golang.org/protobuf/types/known/anypb"
)

func TestItemsKeepTheirKind(t *testing.T) {
	g := tf.NewGraph()
	op, err := g.AddOp(tf.OpSpec{Type: "NoOp"})
	require.NoError(t, err)
	x := constant(t, g, "x", int32(1))
	v, err := tf.NewVariable(g, "v", tf.Zeros(2))
	require.NoError(t, err)

	for _, c := range []struct {
		item any
		kind tf.ItemKind
	}{
		{op, tf.NodeItem}, {x, tf.NodeItem}, {v, tf.VariableItem},
		{"text", tf.BytesItem}, {[]byte("text"), tf.BytesItem},
		{1, tf.IntItem}, {int64(1), tf.IntItem}, {uint8(1), tf.IntItem}, {true, tf.IntItem},
		{1.0, tf.FloatItem}, {float32(1), tf.FloatItem},
		{v.Def(), tf.MessageItem}, {&anypb.Any{}, tf.AnyItem},
		{struct{}{}, tf.OtherItem}, {nil, tf.OtherItem},
	} {
		item := tf.NewItem(c.item)
		assert.Equal(t, c.kind, item.Kind(), "%T", c.item)
		assert.Equal(t, c.item, item.Value())
		if c.kind == tf.IntItem {
			assert.EqualValues(t, 1, item.Int(), "%T", c.item)
		}
		if c.kind == tf.FloatItem {
			assert.EqualValues(t, 1, item.Float(), "%T", c.item)
		}
		if c.kind == tf.BytesItem {
			assert.Equal(t, "text", string(item.Bytes()), "%T", c.item)
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
	assert.EqualValues(t, 3, g.Collection("z")[1].Int())

	g.Collection("z")[0] = tf.NewItem("changed")
	assert.EqualValues(t, 1, g.Collection("z")[0].Int(), "a collection is handed out as a copy")

	g.ClearCollection("z")
	assert.Empty(t, g.Collection("z"))
	assert.Equal(t, []string{"a"}, g.CollectionKeys())
	assert.Empty(t, g.Collection("never used"))
}

func TestCollectionInScopeKeepsNamedItemsOfTheScope(t *testing.T) {
	g := tf.NewGraph()
	for _, name := range []string{"in/a", "out/a", "in2/a"} {
		g.AddToCollection("k", constant(t, g, name, int32(1)))
	}
	g.AddToCollection("k", "in/text has no name")
	items := g.CollectionInScope("k", "in/")
	require.Len(t, items, 1)
	assert.Equal(t, "in/a", items[0].Op().Name())
	assert.Len(t, g.CollectionInScope("k", ""), 4)
}

func TestGraphKeysAreTensorFlows(t *testing.T) {
	want := oracle.Value[[]string](t, `
keys = tf1.GraphKeys
result = sorted({getattr(keys, k) for k in dir(keys) if k.isupper() and k[0] != "_"})
`)
	assert.ElementsMatch(t, want, []string{
		tf.GlobalVariables, tf.LocalVariables, tf.MetricVariables, tf.ModelVariables, tf.TrainableVariables,
		tf.Summaries, tf.QueueRunners, tf.TableInitializers, tf.AssetFilepaths, tf.MovingAverageVariables,
		tf.RegularizationLosses, tf.ConcatenatedVariables, tf.Savers, tf.Weights, tf.Biases, tf.Activations,
		tf.UpdateOps, tf.Losses, tf.SaveableObjects, tf.Resources, tf.LocalResources, tf.TrainableResources,
		tf.InitOp, tf.LocalInitOp, tf.ReadyOp, tf.ReadyForLocalInitOp, tf.SummaryOp, tf.GlobalStep, tf.EvalStep,
		tf.TrainOp, tf.CondContext, tf.WhileContext,
	})
}

// TestNothingInACollection: what a failed call gave is no variable and no node.
func TestNothingInACollection(t *testing.T) {
	g := tf.NewGraph()
	var op *tf.Operation
	var v *tf.Variable
	for _, nothing := range []any{nil, op, v, tf.Output{}} {
		g.AddToCollection("nothing", nothing)
		g.AddToCollection(tf.GlobalVariables, nothing)
	}
	for _, item := range g.Collection("nothing") {
		assert.Equal(t, tf.OtherItem, item.Kind())
		assert.Nil(t, item.Op())
		assert.Nil(t, item.Output().Op)
		assert.Nil(t, item.Variable())
	}
	assert.Empty(t, g.GlobalVariables())
	_, err := tf.ExportMetaGraph(g, nil)
	require.NoError(t, err)

	_, err = tf.NewVariable(nil, "v", tf.Zeros())
	require.ErrorIs(t, err, tf.ErrInvalidArgument)
}
