package train_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/train"
)

// Round numbers in the forward pass, and let the gradient pass as if they were not rounded.
func ExampleRegisterGradient() {
	straight := func(_ *tf.Scope, _ train.GradientNode, grads []tf.Output) ([]train.Gradient, error) {
		return []train.Gradient{{Dense: grads[0]}}, nil
	}
	if err := train.RegisterGradient("StraightThrough", straight); err != nil {
		log.Fatal(err)
	}
	g := tf.NewGraph()
	s := g.Scope()
	x := op.Const(s, []float32{0.4, 1.7})
	rounded := s.AddOperation(tf.OpSpec{Type: "Round", Input: []tf.Input{x}, Attrs: map[string]any{"_gradient_op_type": "StraightThrough"}})
	loss := op.Sum(s, op.Square(s, tf.Out(rounded, 0)), op.Const(s, int32(0)))
	grads, err := train.Gradients(g, []tf.Output{loss}, []tf.Output{x}, nil)
	if err != nil {
		log.Fatal(err)
	}
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer sess.Close()
	got, err := sess.Run(context.Background(), nil, []tf.Output{grads[0].Dense}, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tf.Release(got...)
	fmt.Println(got[0].Value())
	// Output: [0 4]
}

func TestRegisterGradientRefusesWhatIsThere(t *testing.T) {
	f := func(*tf.Scope, train.GradientNode, []tf.Output) ([]train.Gradient, error) { return nil, nil }
	require.NoError(t, train.RegisterGradient("TestTwice", f))
	for _, name := range []string{"TestTwice", "Exp", "Cholesky", "Round", "While"} {
		require.ErrorIs(t, train.RegisterGradient(name, f), tfkeep.ErrExists, name)
	}
	require.ErrorIs(t, train.RegisterGradient("", f), tfkeep.ErrArgument)
	require.ErrorIs(t, train.RegisterGradient("TestNil", nil), tfkeep.ErrArgument)
}

// TestRegisteredGradientsMatchPython differentiates a graph of Python's whose gradients are
// functions of the program: in a loop, with several results, with one that is not used.
func TestRegisteredGradientsMatchPython(t *testing.T) {
	require.NoError(t, train.RegisterGradient("TestTriple", func(s *tf.Scope, n train.GradientNode, grads []tf.Output) ([]train.Gradient, error) {
		return []train.Gradient{{Dense: op.Mul(s, op.Mul(s, grads[0], n.Inputs[0]), op.Const(s, float32(3)))}}, nil
	}))
	require.NoError(t, train.RegisterGradient("TestSplit", func(s *tf.Scope, _ train.GradientNode, grads []tf.Output) ([]train.Gradient, error) {
		return []train.Gradient{{}, {Dense: op.ConcatV2(s, grads, op.Const(s, int32(0)))}}, nil
	}))
	var m struct {
		Graph []byte
		Y, X  string
		Want  []float32
	}
	oracle.Run(t, `
tf1.disable_control_flow_v2()
@tf.RegisterGradient("TestTriple")
def triple(op, grad):
    return grad * op.inputs[0] * 3.0
@tf.RegisterGradient("TestSplit")
def split(op, *grads):
    return None, tf.concat(grads, 0)
g = tf1.get_default_graph()
x = tf1.placeholder_with_default(np.array([0.5, -1.0, 2.0, 3.0], np.float32), [4], name="x")
with g.gradient_override_map({"Floor": "TestTriple", "Split": "TestSplit", "Sin": "TestTriple"}):
    a, b = tf.split(tf.floor(x * 1.5), 2)
    c = tf1.while_loop(lambda i, c: i < 3, lambda i, c: (i + 1, tf.sin(c) * c), [0, x])[1]
y = tf.reduce_sum(a * a) + tf.reduce_sum(c)
grad = tf1.gradients(y, x)[0]
with tf1.Session() as s:
    want = s.run(grad)
result = {"graph": g.as_graph_def().SerializeToString(), "y": y.name, "x": x.name, "want": want.tolist()}
`).Decode(t, &m)
	g := tf.NewGraph()
	require.NoError(t, g.Binding().Import(m.Graph, ""))
	y, err := g.OutputByName(m.Y)
	require.NoError(t, err)
	x, err := g.OutputByName(m.X)
	require.NoError(t, err)
	grads, err := train.Gradients(g, []tf.Output{y}, []tf.Output{x}, nil)
	require.NoError(t, err)
	got := runFloats(t, g, grads[0].Dense)
	require.InEpsilonSlice(t, m.Want, got, 1e-5)
}

func runFloats(t *testing.T, g *tf.Graph, o tf.Output) []float32 {
	t.Helper()
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	got, err := sess.Run(context.Background(), nil, []tf.Output{o}, nil, nil)
	require.NoError(t, err)
	defer tf.Release(got...)
	return got[0].Value().([]float32)
}

func TestWrongGradientsAreRefused(t *testing.T) {
	fails := errors.New("no way")
	for _, tt := range []struct {
		name string
		f    train.GradientFunc
		text string
	}{
		{"an error", func(*tf.Scope, train.GradientNode, []tf.Output) ([]train.Gradient, error) { return nil, fails }, "no way"},
		{"too many", func(_ *tf.Scope, _ train.GradientNode, d []tf.Output) ([]train.Gradient, error) {
			return []train.Gradient{{Dense: d[0]}, {Dense: d[0]}}, nil
		}, "2 results for 1 inputs"},
		{"another type", func(s *tf.Scope, _ train.GradientNode, _ []tf.Output) ([]train.Gradient, error) {
			return []train.Gradient{{Dense: op.Const(s, []int32{1, 2})}}, nil
		}, "has the type int32, not float32"},
		{"another shape", func(s *tf.Scope, _ train.GradientNode, _ []tf.Output) ([]train.Gradient, error) {
			return []train.Gradient{{Dense: op.Const(s, float32(1))}}, nil
		}, "has the shape"},
		{"another graph", func(*tf.Scope, train.GradientNode, []tf.Output) ([]train.Gradient, error) {
			return []train.Gradient{{Dense: op.Const(tf.NewGraph().Scope().Sub("elsewhere"), []float32{1, 2})}}, nil
		}, "another graph"},
		{"an op that fails", func(s *tf.Scope, n train.GradientNode, d []tf.Output) ([]train.Gradient, error) {
			return []train.Gradient{{Dense: op.MatMul(s, d[0], d[0])}}, nil
		}, "MatMul"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := "TestWrong " + tt.name
			require.NoError(t, train.RegisterGradient(name, tt.f))
			g := tf.NewGraph()
			s := g.Scope()
			x := op.Const(s, []float32{1, 2})
			n := s.AddOperation(tf.OpSpec{Type: "Exp", Name: "custom", Input: []tf.Input{x}, Attrs: map[string]any{"_gradient_op_type": name}})
			_, err := train.Gradients(g, []tf.Output{tf.Out(n, 0)}, []tf.Output{x}, nil)
			require.Error(t, err)
			assert.ErrorContains(t, err, tt.text)
		})
	}
}

// A registered gradient also holds in the bodies of functions, loops and conditionals.
func TestRegisteredGradientInBodies(t *testing.T) {
	err := train.RegisterGradient("TripleInBodies", func(s *tf.Scope, _ train.GradientNode, grads []tf.Output) ([]train.Gradient, error) {
		return []train.Gradient{{Dense: op.Mul(s, grads[0], op.Const(s, float32(3)))}}, nil
	})
	require.NoError(t, err)
	rounded := func(s *tf.Scope, x tf.Output) tf.Output {
		return tf.Out(s.AddOperation(tf.OpSpec{Type: "Round", Input: []tf.Input{x}, Attrs: map[string]any{"_gradient_op_type": "TripleInBodies"}}), 0)
	}
	g := tf.NewGraph()
	s := g.Scope()
	x := op.Const(s, []float32{0.4, 1.7})
	f := tf.NewFunction(s, "f", []tf.Arg{{DType: dtype.Float32, Shape: tf.MakeShape(2)}}, func(s *tf.Scope, a []tf.Output) []tf.Output {
		return []tf.Output{rounded(s, a[0])}
	})
	twice := tf.While(s, []tf.Output{op.Const(s, int32(0)), x},
		func(s *tf.Scope, v []tf.Output) tf.Output { return op.Less(s, v[0], op.Const(s, int32(2))) },
		func(s *tf.Scope, v []tf.Output) []tf.Output {
			return []tf.Output{op.AddV2(s, v[0], op.Const(s, int32(1))), rounded(s, v[1])}
		}, nil)[1]
	chosen := tf.Cond(s, op.Const(s, true), func(s *tf.Scope) []tf.Output { return []tf.Output{rounded(s, x)} }, func(*tf.Scope) []tf.Output { return []tf.Output{x} }, nil)[0]
	var fetches []tf.Output
	for _, y := range []tf.Output{f.Call(s, x)[0], twice, chosen} {
		grads, err := train.Gradients(g, []tf.Output{y}, []tf.Output{x}, nil)
		require.NoError(t, err)
		fetches = append(fetches, grads[0].Dense)
	}
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	got, err := sess.Run(t.Context(), nil, fetches, nil, nil)
	require.NoError(t, err)
	defer tf.Release(got...)
	for i, want := range []float32{3, 9, 3} {
		assert.Equal(t, []float32{want, want}, got[i].Value())
	}
}
