package graphbuild_test

import (
	"errors"
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/graphbuild"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/tf"
)

func TestScopesAndNames(t *testing.T) {
	t.Parallel()
	g := tf.NewGraph()
	b := graphbuild.Open(g, "step")
	x := b.Const(b.Unique("x"), dtype.Float32, 1)
	square := b.Open("inner").Value("Square", "square", x)
	second := graphbuild.Open(g, "step")
	require.NoError(t, b.Err())
	assert.Equal(t, "step/x", x.Op.Name())
	assert.Equal(t, "step/inner/square", square.Op.Name())
	assert.Equal(t, "step_1", second.Scope())
	assert.Equal(t, x, b.Cast(x, dtype.Float32), "no Cast to the same type")
	assert.Equal(t, "step/Cast", b.Cast(x, dtype.Int32).Op.Name())
}

func TestPlacement(t *testing.T) {
	t.Parallel()
	g := tf.NewGraph()
	var beside, here, unplaced, on *tf.Operation
	other := tfgraph.Op(t, g, "Placeholder", "other", map[string]any{"dtype": dtype.Float32, "shape": tf.MakeShape()})
	require.NoError(t, g.WithDevice("/job:ps/task:1", func() error {
		placed := tfgraph.Op(t, g, "Identity", "placed", nil, other)
		return g.WithDevice("/job:worker", func() error {
			b := graphbuild.Open(g, "scope")
			here = b.Op("NoOp", nil)
			beside = b.Beside(placed.Op).Op("NoOp", nil)
			unplaced = b.Unplaced().Op("NoOp", nil)
			on = b.Group(b.Unique("group"), beside, here)
			return b.Err()
		})
	}))
	class := func(op *tf.Operation) any {
		v, err := op.Attr("_class")
		if err != nil {
			return nil
		}
		return v
	}
	assert.Equal(t, "/job:worker/task:1", here.Device())
	assert.Equal(t, "/job:ps/task:1", beside.Device())
	assert.Equal(t, []string{"loc:@placed"}, class(beside))
	assert.Empty(t, unplaced.Device())
	assert.Nil(t, class(unplaced))
	assert.Equal(t, "/job:worker/task:1", on.Device())
	assert.Equal(t, "/job:ps/task:1", g.Operation("scope/group/NoOp").Device(), "one group for each device")
	assert.Equal(t, "/job:worker/task:1", g.Operation("scope/group/NoOp_1").Device())
}

func TestControlDependenciesAreDistinct(t *testing.T) {
	t.Parallel()
	g := tf.NewGraph()
	b := graphbuild.New(g, "")
	a := b.Op("NoOp", nil)
	c := b.After(a).After(a, a).Op("NoOp", nil)
	require.NoError(t, b.Err())
	def, err := g.GraphDef()
	require.NoError(t, err)
	for _, n := range def.GetNode() {
		if n.GetName() == c.Name() {
			assert.Equal(t, []string{"^" + a.Name()}, n.GetInput())
		}
	}
}

func TestFirstErrorSticks(t *testing.T) {
	t.Parallel()
	g := tf.NewGraph()
	b := graphbuild.New(g, "")
	x := b.Const("x", dtype.Int32, 1.5)
	assert.Nil(t, x.Op)
	assert.Nil(t, b.Within("other").Op("NoOp", nil), "nothing is added after an error")
	b.Fail(errors.New("a later error"))
	require.ErrorIs(t, b.Err(), tfkeep.ErrArgument)
	assert.Empty(t, g.Operations())
	assert.Equal(t, tensorflow.Output{}, graphbuild.First(nil))
}
