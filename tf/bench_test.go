package tf_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/barerun"
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
	b.Run("CallableInto", func(b *testing.B) {
		step, err := sess.MakeCallable([]tf.Output{x}, []tf.Output{y}, nil, &tf.CallableOptions{RunInCaller: true})
		require.NoError(b, err)
		defer step.Close()
		out := make([]*tf.Tensor, 1)
		b.ReportAllocs()
		for b.Loop() {
			if err := step.RunInto(ctx, out, in); err != nil {
				b.Fatal(err)
			}
		}
		tf.Release(out...)
	})
	b.Run("TF_SessionRun", func(b *testing.B) { // the same, called by a C program
		dir := b.TempDir()
		program, err := barerun.Build(ctx, dir, "../.libtensorflow")
		require.NoError(b, err)
		def, err := g.GraphDef()
		require.NoError(b, err)
		raw, err := proto.Marshal(def)
		require.NoError(b, err)
		bare := barerun.Step{GraphDef: filepath.Join(dir, "graph.pb"), Inline: true, Fetches: []string{"y"}}
		bare.Feeds = []barerun.Feed{{Op: "x", DType: int32(dtype.Float32), Shape: []int64{1, 2}}}
		require.NoError(b, os.WriteFile(bare.GraphDef, raw, 0o644))
		b.ResetTimer()
		median, _, err := program.Run(ctx, bare, max(b.N/barerun.Group, 1))
		require.NoError(b, err)
		b.ReportMetric(float64(median.Nanoseconds()), "ns/op")
	})
}

func BenchmarkSetElements(b *testing.B) {
	t, err := tf.NewTensor(make([]float32, 2048))
	require.NoError(b, err)
	defer tf.Release(t)
	values := make([]float32, 2048)
	b.ReportAllocs()
	for b.Loop() {
		if err := tf.SetElements(t, values); err != nil {
			b.Fatal(err)
		}
	}
}
