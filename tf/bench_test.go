package tf_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/tf"
)

// plusOne returns a small graph: y is x+1.
func plusOne(tb testing.TB) (g *tf.Graph, x, y tf.Output) {
	tb.Helper()
	g = tf.NewGraph()
	place, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Name: "x", Attrs: map[string]any{"dtype": dtype.Float32, "shape": tf.MakeShape(-1, 2)}})
	require.NoError(tb, err)
	one, err := tf.NewTensor(float32(1))
	require.NoError(tb, err)
	defer tf.Release(one)
	c, err := g.AddOp(tf.OpSpec{Type: "Const", Name: "one", Attrs: map[string]any{"dtype": dtype.Float32, "value": one}})
	require.NoError(tb, err)
	sum, err := g.AddOp(tf.OpSpec{Type: "AddV2", Name: "y", Input: []tf.Input{place.Output(0), c.Output(0)}})
	require.NoError(tb, err)
	return g, place.Output(0), sum.Output(0)
}

func BenchmarkStep(b *testing.B) {
	g, x, y := plusOne(b)
	sess, err := tf.NewSession(g, nil)
	require.NoError(b, err)
	defer sess.Close()
	in, err := tf.NewTensor([][]float32{{1, 2}})
	require.NoError(b, err)
	defer tf.Release(in)
	ctx := context.Background()

	b.Run("Run", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out, err := sess.Run(ctx, map[tf.Output]*tf.Tensor{x: in}, []tf.Output{y}, nil, nil)
			if err != nil {
				b.Fatal(err)
			}
			tf.Release(out...)
		}
	})
	b.Run("Callable", func(b *testing.B) {
		step, err := sess.MakeCallable([]tf.Output{x}, []tf.Output{y}, nil, nil)
		require.NoError(b, err)
		defer step.Close()
		b.ReportAllocs()
		for b.Loop() {
			out, err := step.Run(ctx, in)
			if err != nil {
				b.Fatal(err)
			}
			tf.Release(out...)
		}
	})
}
