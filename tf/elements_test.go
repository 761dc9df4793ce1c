package tf_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

func TestElementsAreTheTensorsMemory(t *testing.T) {
	v, err := tf.NewTensor([][]int32{{1, 2}, {3, 4}})
	require.NoError(t, err)
	got, err := tf.Elements[int32](v)
	require.NoError(t, err)
	assert.Equal(t, []int32{1, 2, 3, 4}, got)
	require.NoError(t, tf.SetElements(v, []int32{5, 6, 7, 8}))
	assert.Equal(t, [][]int32{{5, 6}, {7, 8}}, v.Value())

	_, err = tf.Elements[uint32](v)
	require.ErrorIs(t, err, status.InvalidArgument)
	require.ErrorContains(t, err, "int32")
	require.ErrorIs(t, tf.SetElements(v, []int32{1}), status.InvalidArgument)
	require.ErrorIs(t, tf.SetElements(v, []float32{1, 2, 3, 4}), status.InvalidArgument)
	tf.Release(v)
	_, err = tf.Elements[uint8](v)
	require.ErrorIs(t, err, status.InvalidArgument)
	require.ErrorIs(t, tf.SetElements[int32](nil, nil), status.InvalidArgument)
}

func TestElementsOfEveryType(t *testing.T) {
	checkElements(t, true)
	checkElements(t, int8(-1))
	checkElements(t, int16(-1))
	checkElements(t, int32(-1))
	checkElements(t, int64(-1))
	checkElements(t, uint8(1))
	checkElements(t, uint16(1))
	checkElements(t, uint32(1))
	checkElements(t, uint64(1))
	checkElements(t, float32(0.5))
	checkElements(t, 0.5)
	checkElements(t, complex64(1i))
	checkElements(t, 1i)
}

func checkElements[T tf.Element](t *testing.T, x T) {
	t.Helper()
	v, err := tf.NewTensor([]T{x, x})
	require.NoError(t, err)
	defer tf.Release(v)
	got, err := tf.Elements[T](v)
	require.NoError(t, err)
	assert.Equal(t, []T{x, x}, got)
}

// A variable takes over the memory of the tensor that is fed and assigned to it.
func TestSetElementsSparesVariables(t *testing.T) {
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Zeros(1000), nil)
	require.NoError(t, err)
	x, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Name: "x", Attrs: map[string]any{"dtype": dtype.Float32, "shape": tf.MakeShape(1000)}})
	require.NoError(t, err)
	assign, err := v.Assign(x.Output(0))
	require.NoError(t, err)
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	ctx := context.Background()
	in, err := tf.NewTensor(make([]float32, 1000))
	require.NoError(t, err)
	defer tf.Release(in)
	values := make([]float32, 1000)
	for n := range 3 {
		values[0] = float32(n + 1)
		require.NoError(t, tf.SetElements(in, values))
		_, err := sess.Run(ctx, map[tf.Output]*tf.Tensor{x.Output(0): in}, nil, []*tf.Operation{assign}, nil)
		require.NoError(t, err)
		values[0] = 100
		require.NoError(t, tf.SetElements(in, values))
		out, err := sess.Run(ctx, nil, []tf.Output{v.Value()}, nil, nil)
		require.NoError(t, err)
		got, err := tf.Elements[float32](out[0])
		require.NoError(t, err)
		assert.InDelta(t, float32(n+1), got[0], 0, "the variable keeps its value")
		tf.Release(out...)
	}
}

func TestRunIntoUsesItsResultsAgain(t *testing.T) {
	g, x, y := plusOne(t)
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	ctx := context.Background()
	before := live.Now().Tensors
	step, err := sess.MakeCallable([]tf.Output{x}, []tf.Output{y, x}, nil, nil)
	require.NoError(t, err)
	defer step.Close()
	state, err := tf.NewTensor([][]float32{{1, 2}})
	require.NoError(t, err)

	// The result is fed to the next run, and the feed is fetched as well.
	out := []*tf.Tensor{state, nil}
	for range 3 {
		require.NoError(t, step.RunInto(ctx, out, out[0]))
	}
	assert.Same(t, state, out[0])
	assert.Equal(t, [][]float32{{4, 5}}, out[0].Value())
	assert.Equal(t, [][]float32{{3, 4}}, out[1].Value())
	fed := out[1]

	// Another shape.
	wide, err := tf.NewTensor([][]float32{{1, 2}, {3, 4}, {5, 6}})
	require.NoError(t, err)
	require.NoError(t, step.RunInto(ctx, out, wide))
	assert.Equal(t, []int64{3, 2}, out[0].Shape())
	assert.Equal(t, [][]float32{{2, 3}, {4, 5}, {6, 7}}, out[0].Value())
	assert.Same(t, fed, out[1])
	assert.Equal(t, [][]float32{{1, 2}, {3, 4}, {5, 6}}, out[1].Value())

	// A run that fails leaves the results alone.
	bad, err := tf.NewTensor([]int32{1})
	require.NoError(t, err)
	require.ErrorIs(t, step.RunInto(ctx, out, bad), status.InvalidArgument)
	require.ErrorIs(t, step.RunInto(ctx, []*tf.Tensor{out[0], out[0]}, wide), status.InvalidArgument, "one tensor for two results")
	require.ErrorIs(t, step.RunInto(ctx, out[:1], wide), status.InvalidArgument)
	assert.Equal(t, [][]float32{{2, 3}, {4, 5}, {6, 7}}, out[0].Value())

	// A released result is filled again.
	tf.Release(out[0])
	require.NoError(t, step.RunInto(ctx, out, wide))
	assert.Equal(t, [][]float32{{2, 3}, {4, 5}, {6, 7}}, out[0].Value())

	tf.Release(out...)
	tf.Release(wide, bad)
	assert.Equal(t, before, live.Now().Tensors, "tensors that exist")
}

func TestRunIntoAllocatesNothing(t *testing.T) {
	g, x, y := plusOne(t)
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	step, err := sess.MakeCallable([]tf.Output{x}, []tf.Output{y}, nil, nil)
	require.NoError(t, err)
	defer step.Close()
	in, err := tf.NewTensor([][]float32{{1, 2}})
	require.NoError(t, err)
	defer tf.Release(in)
	out := make([]*tf.Tensor, 1)
	ctx := context.Background()
	values := []float32{3, 4}
	var failed error
	allocs := testing.AllocsPerRun(100, func() {
		if err := tf.SetElements(in, values); err != nil {
			failed = err
		}
		if err := step.RunInto(ctx, out, in); err != nil {
			failed = err
		}
	})
	require.NoError(t, failed)
	assert.Zero(t, allocs)
	tf.Release(out...)
}
