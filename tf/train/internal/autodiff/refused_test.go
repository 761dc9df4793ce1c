package autodiff_test

import (
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf/train/internal/autodiff"
)

// forward builds a model in Python without its gradients.
func forward(t *testing.T, script string) (g *tensorflow.Graph, ys, xs []tensorflow.Output) {
	t.Helper()
	var m model
	oracle.Run(t, prologue+script+`
def name(x):
    return (x if isinstance(x, tf.Tensor) else x.handle).name
result = {"graph": tf1.get_default_graph().as_graph_def().SerializeToString(), "ys": [y.name], "xs": [name(x) for x in xs]}
`).Decode(t, &m)
	g = m.load(t)
	return g, outputs(t, g, m.Ys), outputs(t, g, m.Xs)
}

func TestRefusedOperationsAreNamed(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		opType, node string
		kind         error
		text         string
	}{
		{"no gradient anywhere", `
w = v("w", 4, 4)
y = tf.reduce_sum(tf.raw_ops.ScaleAndTranslateGrad(grads=tf.reshape(w, [1, 4, 4, 1]), original_image=tf.ones([1, 4, 4, 1]), scale=[1.0, 1.0], translation=[0.0, 0.0], name="scale"))
xs = [w]`, "ScaleAndTranslateGrad", "scale", autodiff.ErrNoGradient, "StopGradient"},
		{"a gradient of the Python program", `
@tf.custom_gradient
def half(x):
    return x * 2.0, lambda dy: dy * 0.5
w = v("w", 4)
y = tf.reduce_sum(half(w))
xs = [w]`, "IdentityN", "IdentityN", autodiff.ErrNoGradient, "CustomGradient"},
		{"an overridden gradient", `
@tf.RegisterGradient("Other")
def other(op, dy):
    return dy * 0.5
w = v("w", 4)
with tf1.get_default_graph().gradient_override_map({"Relu": "Other"}):
    y = tf.reduce_sum(tf.nn.relu(w, name="relu"))
xs = [w]`, "Relu", "relu", autodiff.ErrNoGradient, "Other"},
		{"disabled by the graph", `
w = v("w", 4)
y = tf.reduce_sum(tf.raw_ops.PreventGradient(input=tf.exp(w), message="not here", name="stop"))
xs = [w]`, "PreventGradient", "stop", autodiff.ErrNoGradient, "not here"},
		{"loop of version 1 inside", `
tf1.disable_control_flow_v2()
w = v("w", 2)
inside = []
def body(i, a):
    inside.append(a * 2.0)
    return i + 1, tf.exp(inside[-1])
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, body, [0, tf.convert_to_tensor(w)], name="loop")[1])
xs = [inside[0]]`, "Mul", "loop/mul", autodiff.ErrControlFlow, "inside the loop"},
		{"a y inside a loop", `
tf1.disable_control_flow_v2()
w = v("w", 2)
inside = []
def body(i, a):
    inside.append(tf.reduce_sum(a * 2.0))
    return i + 1, tf.exp(a)
tf1.while_loop(lambda i, a: i < 3, body, [0, tf.convert_to_tensor(w)], name="loop")
y = inside[0]
xs = [w]`, "Enter", "loop/Enter_1", autodiff.ErrControlFlow, "inside the loop"},
		{"no gradient in a loop", `
tf1.disable_control_flow_v2()
w = v("w", 2)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.raw_ops.PreventGradient(input=a, name="stop")), [0, tf.convert_to_tensor(w)], name="loop")[1])
xs = [w]`, "PreventGradient", "loop/stop", autodiff.ErrNoGradient, "explicitly disabled"},
		{"second derivative of a loop", `
tf1.disable_control_flow_v2()
w = v("w", 2)
g = tf1.gradients(tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * a), [0, tf.convert_to_tensor(w)])[1], [w])[0]
y = tf.reduce_sum(g * g)
xs = [w]`, "StackPopV2", "", autodiff.ErrNoGradient, "differentiated again"},
		{"second derivative of a TensorArray", `
tf1.disable_control_flow_v2()
w = v("w", 2, 2)
ta = tf.TensorArray(tf.float32, 2, clear_after_read=False).unstack(w * w)
g = tf1.gradients(ta.read(0) * ta.read(1), [w])[0]
y = tf.reduce_sum(g * g)
xs = [w]`, "TensorArray", "", autodiff.ErrNoGradient, "holds gradients"},
		{"an irregular Merge in a loop", `
tf1.disable_control_flow_v2()
from tensorflow.python.ops import control_flow_ops as cf
w = v("w", 2)
def body(i, a):
    p, _ = cf.switch(a, i < 1)
    _, q = cf.switch(a, i <= 0)
    return i + 1, cf.merge([p * 2.0, tf.sin(q)], name="join")[0]
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, body, [0, tf.convert_to_tensor(w)], name="loop")[1])
xs = [w]`, "Merge", "loop/join", autodiff.ErrControlFlow, "one predicate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, ys, xs := forward(t, tt.script)
			before := len(g.Operations())
			_, err := autodiff.Build(g, ys, xs, nil)
			require.ErrorIs(t, err, tt.kind)
			var at *tfkeep.Error
			require.ErrorAs(t, err, &at)
			assert.Contains(t, at.Detail, "type "+tt.opType)
			if tt.node != "" {
				assert.Equal(t, tt.node, at.Name)
			}
			assert.ErrorContains(t, err, tt.text)
			assert.Len(t, g.Operations(), before, "the graph is unchanged")
		})
	}
}

// TestLoopsBesideThePath has a loop between the same tensors, through which the gradient
// does not pass.
func TestLoopsBesideThePath(t *testing.T) {
	sameGradients(t, pythonModel(t, `
tf1.disable_control_flow_v2()
w = v("w", 2, 2)
h = tf.exp(w)
count = tf1.while_loop(lambda i: i < 3, lambda i: i + 1, [tf.cast(tf.stop_gradient(tf.reduce_sum(h)), tf.int32) * 0])
scale = tf1.while_loop(lambda a: tf.reduce_sum(a) < 100.0, lambda a: a * 2.0, [tf.stop_gradient(h)])
y = tf.reduce_sum(h * h * tf.cast(count, tf.float32) * scale)
xs = [w]
`))
}

func TestBuildRefusesBadArguments(t *testing.T) {
	g := tensorflow.NewGraph()
	float := placeholder(t, g, "float", tensorflow.Float)
	whole := placeholder(t, g, "whole", tensorflow.Int32)
	waves := placeholder(t, g, "complex", tensorflow.Complex64)
	other := placeholder(t, tensorflow.NewGraph(), "other", tensorflow.Float)
	list := func(o ...tensorflow.Output) []tensorflow.Output { return o }
	for _, tt := range []struct {
		name   string
		ys, xs []tensorflow.Output
		o      *autodiff.Options
		text   string
	}{
		{"no ys", nil, list(float), nil, "no ys"},
		{"a y without an operation", list(tensorflow.Output{}), list(float), nil, "y 0"},
		{"an x without an operation", list(float), list(tensorflow.Output{}), nil, "x 0"},
		{"an output that is not there", list(float.Op.Output(1)), nil, nil, "and no output 1"},
		{"another graph", list(float), list(other), nil, "another graph"},
		{"whole numbers", list(whole), list(float), nil, "no derivative"},
		{"complex without a gradient", list(waves), list(float), nil, "GradYs"},
		{"too many gradients", list(float), list(float), &autodiff.Options{GradYs: list(float, float)}, "2 gradients for 1 ys"},
		{"gradient of another type", list(float), list(float), &autodiff.Options{GradYs: list(whole)}, "has the type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := autodiff.Build(g, tt.ys, tt.xs, tt.o)
			require.ErrorIs(t, err, tfkeep.ErrArgument)
			assert.ErrorContains(t, err, tt.text)
		})
	}
	assert.Len(t, g.Operations(), 3, "nothing was added")
}

func placeholder(t *testing.T, g *tensorflow.Graph, name string, dt tensorflow.DataType) tensorflow.Output {
	t.Helper()
	op, err := g.AddOperation(tensorflow.OpSpec{Type: "Placeholder", Name: name, Attrs: map[string]any{"dtype": dt, "shape": tensorflow.MakeShape(2)}})
	require.NoError(t, err)
	return op.Output(0)
}

func TestGradYs(t *testing.T) {
	g := tensorflow.NewGraph()
	x := placeholder(t, g, "x", tensorflow.Float)
	op, err := g.AddOperation(tensorflow.OpSpec{Type: "Square", Name: "y", Input: []tensorflow.Input{x}})
	require.NoError(t, err)
	dy := placeholder(t, g, "dy", tensorflow.Float)

	grads, err := autodiff.Build(g, []tensorflow.Output{op.Output(0)}, []tensorflow.Output{x}, &autodiff.Options{GradYs: []tensorflow.Output{dy}, Name: "back"})
	require.NoError(t, err)
	assert.Contains(t, grads[0].Dense.Op.Name(), "back/")
	s, err := tensorflow.NewSession(g, nil)
	require.NoError(t, err)
	defer s.Close()
	tensor := func(a, b float32) *tensorflow.Tensor {
		v, err := tensorflow.NewTensor([]float32{a, b})
		require.NoError(t, err)
		return v
	}
	out, err := s.Run(map[tensorflow.Output]*tensorflow.Tensor{x: tensor(3, 5), dy: tensor(1, 10)}, []tensorflow.Output{grads[0].Dense}, nil)
	require.NoError(t, err)
	assert.Equal(t, []float32{6, 100}, out[0].Value())

	// A second call uses another scope.
	again, err := autodiff.Build(g, []tensorflow.Output{op.Output(0)}, []tensorflow.Output{x}, &autodiff.Options{Name: "back"})
	require.NoError(t, err)
	assert.Contains(t, again[0].Dense.Op.Name(), "back_1/")

	stopped, err := autodiff.Build(g, []tensorflow.Output{op.Output(0)}, []tensorflow.Output{x}, &autodiff.Options{StopGradients: []tensorflow.Output{op.Output(0)}})
	require.NoError(t, err)
	assert.True(t, stopped[0].IsNone())
}
