package savedmodel_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/train"
)

// TestControlFlowInSavedModelsAndFrozenGraphs trains a graph with a loop, a conditional, a
// function and a map in Go; then Python runs its SavedModel, and its frozen graph.
func TestControlFlowInSavedModelsAndFrozenGraphs(t *testing.T) {
	ctx := t.Context()
	g := tf.NewGraph()
	s := g.Scope()
	x := op.Placeholder(s.Sub("in"), dtype.Float32, op.PlaceholderShape(tf.MakeShape(2, 2)))
	w, err := tf.NewVariable(g, "w", tf.Value([][]float32{{.5, -.3}, {.2, .7}}), nil)
	require.NoError(t, err)
	f := tf.NewFunction(s, "layer", []tf.Arg{{DType: dtype.Float32, Shape: tf.MakeShape(2, 2)}}, func(s *tf.Scope, a []tf.Output) []tf.Output {
		return []tf.Output{op.Tanh(s, op.MatMul(s, a[0], w.Read(s)))}
	})
	loop := tf.While(s, []tf.Output{op.Const(s, int32(0)), x},
		func(s *tf.Scope, v []tf.Output) tf.Output { return op.Less(s, v[0], op.Const(s, int32(3))) },
		func(s *tf.Scope, v []tf.Output) []tf.Output {
			return []tf.Output{op.AddV2(s, v[0], op.Const(s, int32(1))), f.Call(s, v[1])[0]}
		}, nil)
	total := op.Sum(s, loop[1], op.Const(s, []int32{0, 1}))
	branch := tf.Cond(s, op.Greater(s, total, op.Const(s, float32(0))),
		func(s *tf.Scope) []tf.Output { return []tf.Output{op.MatMul(s, loop[1], w.Read(s))} },
		func(s *tf.Scope) []tf.Output { return []tf.Output{op.Exp(s, loop[1])} }, nil)
	rows := tf.Map(s, branch, func(s *tf.Scope, e []tf.Output) []tf.Output {
		return []tf.Output{op.Mul(s, e[0], op.Sum(s, w.Read(s), op.Const(s, int32(0))))}
	}, nil)
	y := op.Identity(s.Sub("out"), rows[0])
	step, err := train.Minimize(g, train.NewGradientDescent(0.1), op.Sum(s, op.Square(s, y), op.Const(s, []int32{0, 1})), nil)
	require.NoError(t, err)

	sess := tfgraph.Initialized(t, g)
	in, err := tf.NewTensor([][]float32{{.3, -.2}, {.8, .4}})
	require.NoError(t, err)
	defer tf.Release(in)
	feeds := map[tf.Output]*tf.Tensor{x: in}
	for range 3 {
		_, err := sess.Run(ctx, feeds, nil, []*tf.Operation{step}, nil)
		require.NoError(t, err)
	}
	got, err := sess.Run(ctx, feeds, []tf.Output{y}, nil, nil)
	require.NoError(t, err)
	defer tf.Release(got...)

	sig, err := savedmodel.PredictSignature(map[string]tf.Output{"x": x}, map[string]tf.Output{"y": y})
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "model")
	b, err := savedmodel.NewBuilder(dir, nil)
	require.NoError(t, err)
	defer b.Close()
	require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{signature.ServingTag}, &savedmodel.GraphOptions{
		Signatures: map[string]*graphdef.SignatureDef{signature.DefaultServingKey: sig},
	}))
	_, err = b.Save(ctx)
	require.NoError(t, err)
	m, err := savedmodel.Open(ctx, dir, nil)
	require.NoError(t, err)
	defer m.Close()
	again, err := m.Predict(ctx, signature.DefaultServingKey, map[string]*tf.Tensor{"x": in})
	require.NoError(t, err)
	defer tf.Release(again["y"])
	assert.Equal(t, got[0].Value(), again["y"].Value())

	plan, err := freeze.FromSavedModel(ctx, dir, &freeze.Options{Outputs: []string{y.Op.Name()}})
	require.NoError(t, err)
	defer plan.Close()
	frozen := filepath.Join(t.TempDir(), "frozen.pb")
	require.NoError(t, plan.WriteFile(ctx, frozen, nil))
	values := oracle.Value[[][][]float64](t, `
x = np.array([[.3, -.2], [.8, .4]], np.float32)
with tf1.Graph().as_default(), tf1.Session() as s:
    m = tf1.saved_model.load(s, ["serve"], args[0])
    sig = m.signature_def["serving_default"]
    loaded = s.run(sig.outputs["y"].name, {sig.inputs["x"].name: x})
with tf1.Graph().as_default(), tf1.Session() as s:
    g = tf1.GraphDef(); g.ParseFromString(open(args[1], "rb").read())
    tf.import_graph_def(g, name="")
    frozen = s.run(args[2] + ":0", {args[3] + ":0": x})
result = [loaded, frozen]`, dir, frozen, y.Op.Name(), x.Op.Name())
	want := got[0].Value().([][]float32)
	for _, have := range values {
		for i := range want {
			for j := range want[i] {
				assert.InDelta(t, want[i][j], have[i][j], 1e-6)
			}
		}
	}
}
