package train_test

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

// square adds the loss Σ v².
func square(t testing.TB, g *tf.Graph, v *tf.Variable) tf.Output {
	t.Helper()
	return tfgraph.Op(t, g, "Sum", "loss", nil, tfgraph.Op(t, g, "Square", "square", nil, v.Value()), tfgraph.Const(t, g, "c", int32(0)))
}

func vector(t testing.TB, g *tf.Graph, name string, values ...float32) *tf.Variable {
	t.Helper()
	v, err := tf.NewVariable(g, name, tf.Value(values), nil)
	require.NoError(t, err)
	return v
}

func TestMinimizeRefusesBadArguments(t *testing.T) {
	sgd := train.NewGradientDescent(0.1)
	for _, tt := range []struct {
		name string
		do   func(g *tf.Graph, v *tf.Variable, loss tf.Output) error
		text string
	}{
		{"a loss without an operation", func(g *tf.Graph, _ *tf.Variable, _ tf.Output) error {
			_, err := train.Minimize(g, sgd, tf.Output{}, nil)
			return err
		}, "the loss has no operation"},
		{"an integer loss", func(g *tf.Graph, _ *tf.Variable, _ tf.Output) error {
			_, err := train.Minimize(g, sgd, tfgraph.Const(t, g, "c", int32(1)), nil)
			return err
		}, "c_1:0 has type int32; a loss must have a floating point type"},
		{"a loss without variables", func(g *tf.Graph, _ *tf.Variable, _ tf.Output) error {
			_, err := train.Minimize(g, sgd, tfgraph.Const(t, g, "c", float32(1)), nil)
			return err
		}, "no variable has a gradient: the loss c_1:0 does not depend on [v:0]"},
		{"a graph without variables", func(*tf.Graph, *tf.Variable, tf.Output) error {
			g := tf.NewGraph()
			_, err := train.Minimize(g, sgd, tfgraph.Const(t, g, "c", float32(1)), nil)
			return err
		}, "the graph has no trainable variables"},
		{"a loss of another graph", func(_ *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			g := tf.NewGraph()
			vector(t, g, "v", 1)
			_, err := train.Minimize(g, sgd, loss, nil)
			return err
		}, "another graph"},
		{"a variable of another graph", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			_, err := train.ComputeGradients(g, loss, []*tf.Variable{vector(t, tf.NewGraph(), "far", 1)})
			return err
		}, `variable "far" belongs to another graph`},
		{"an integer variable", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			v, err := tf.NewVariable(g, "count", tf.Zeros(1).WithDType(dtype.Int32), nil)
			require.NoError(t, err)
			_, err = train.ComputeGradients(g, loss, []*tf.Variable{v})
			return err
		}, `variable "count" has type int32; it must have a floating point type`},
		{"no pairs", func(g *tf.Graph, _ *tf.Variable, _ tf.Output) error {
			_, err := train.ApplyGradients(g, sgd, nil, nil)
			return err
		}, "there are no variables"},
		{"no gradient in the pairs", func(g *tf.Graph, v *tf.Variable, _ tf.Output) error {
			_, err := train.ApplyGradients(g, sgd, []train.GradientVariable{{Variable: v}}, nil)
			return err
		}, "none of the variables has a gradient: [v:0]"},
		{"a pair without a variable", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			_, err := train.ApplyGradients(g, sgd, []train.GradientVariable{{Gradient: train.Gradient{Dense: loss}}}, nil)
			return err
		}, "a variable is nil"},
		{"a variable twice", func(g *tf.Graph, v *tf.Variable, _ tf.Output) error {
			pair := train.GradientVariable{Gradient: train.Gradient{Dense: v.Value()}, Variable: v}
			_, err := train.ApplyGradients(g, sgd, []train.GradientVariable{pair, pair}, nil)
			return err
		}, `variable "v" is listed twice`},
		{"slices without indices", func(g *tf.Graph, v *tf.Variable, _ tf.Output) error {
			_, err := train.ApplyGradients(g, sgd, []train.GradientVariable{{Gradient: train.Gradient{Slices: &train.IndexedSlices{Values: v.Value()}}, Variable: v}}, nil)
			return err
		}, "no Indices"},
		{"a step of floats", func(g *tf.Graph, v *tf.Variable, loss tf.Output) error {
			_, err := train.Minimize(g, sgd, loss, &train.MinimizeOptions{GlobalStep: v})
			return err
		}, "must be an integer variable"},
		{"an accumulator of zero", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			adagrad := train.NewAdagrad(1)
			adagrad.InitialAccumulatorValue = 0
			_, err := train.Minimize(g, adagrad, loss, nil)
			return err
		}, "InitialAccumulatorValue must be positive"},
		{"a nil optimizer", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			_, err := train.Minimize(g, nil, loss, nil)
			return err
		}, "the optimizer is nil"},
		{"a nil Adam", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			_, err := train.Minimize(g, (*train.Adam)(nil), loss, nil)
			return err
		}, "the optimizer is nil"},
		{"a nil optimizer to apply", func(g *tf.Graph, v *tf.Variable, _ tf.Output) error {
			_, err := train.ApplyGradients(g, nil, []train.GradientVariable{{Gradient: train.Gradient{Dense: v.Value()}, Variable: v}}, nil)
			return err
		}, "the optimizer is nil"},
		{"an Adam without NewAdam", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			_, err := train.Minimize(g, &train.Adam{LearningRate: 0.1}, loss, nil)
			return err
		}, "make the optimizer with NewAdam"},
		{"an RMSProp without NewRMSProp", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			_, err := train.Minimize(g, &train.RMSProp{LearningRate: 0.1}, loss, nil)
			return err
		}, "make the optimizer with NewRMSProp"},
		{"a rate that is a vector", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			o := train.NewAdam(0)
			o.LearningRateTensor = tfgraph.Const(t, g, "rate", []float32{0.1})
			_, err := train.Minimize(g, o, loss, nil)
			return err
		}, "LearningRateTensor rate:0 has shape [1]; it must be a scalar"},
		{"a rate that is a string", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			o := train.NewMomentum(0, 0.9)
			o.LearningRateTensor = tfgraph.Const(t, g, "rate", "fast")
			_, err := train.Minimize(g, o, loss, nil)
			return err
		}, "LearningRateTensor rate:0 has type string; it must be a number"},
		{"a rate of another graph", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			o := train.NewRMSProp(0)
			o.LearningRateTensor = tfgraph.Const(t, tf.NewGraph(), "rate", float32(0.1))
			_, err := train.Minimize(g, o, loss, nil)
			return err
		}, `LearningRateTensor: operation "rate" belongs to another graph`},
		{"a rate that is no output", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			o := train.NewGradientDescent(0)
			o.LearningRateTensor = tf.Output{Op: loss.Op, Index: 3}
			_, err := train.Minimize(g, o, loss, nil)
			return err
		}, `operation "loss" has 1 outputs and no output 3`},
		{"a nil control dependency", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			_, err := train.Minimize(g, sgd, loss, &train.MinimizeOptions{ControlDependencies: []*tf.Operation{loss.Op, nil}})
			return err
		}, "ControlDependencies[1]: the operation is nil"},
		{"a control dependency of another graph", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			far := tfgraph.Const(t, tf.NewGraph(), "far", float32(1))
			_, err := train.Minimize(g, sgd, loss, &train.MinimizeOptions{ControlDependencies: []*tf.Operation{far.Op}})
			return err
		}, `ControlDependencies[0]: operation "far" belongs to another graph`},
		{"a step that is a vector", func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			step, err := tf.NewVariable(g, "step", tf.Value([]int64{1, 2}), &tf.VariableOptions{NotTrainable: true, Collections: []string{}})
			require.NoError(t, err)
			_, err = train.Minimize(g, sgd, loss, &train.MinimizeOptions{GlobalStep: step})
			return err
		}, `the global step "step" has shape [2]; it must be a scalar`},
		{"a gradient of another type", func(g *tf.Graph, v *tf.Variable, _ tf.Output) error {
			grad := train.Gradient{Dense: tfgraph.Const(t, g, "grad", []float64{1, 2})}
			_, err := train.ApplyGradients(g, sgd, []train.GradientVariable{{Gradient: grad, Variable: v}}, nil)
			return err
		}, `the gradient of "v", grad:0, has type float64, but the variable has type float32`},
		{"a gradient of another graph", func(g *tf.Graph, v *tf.Variable, _ tf.Output) error {
			grad := train.Gradient{Dense: tfgraph.Const(t, tf.NewGraph(), "grad", []float32{1, 2})}
			_, err := train.ApplyGradients(g, sgd, []train.GradientVariable{{Gradient: grad, Variable: v}}, nil)
			return err
		}, `the gradient of "v": operation "grad" belongs to another graph`},
		{"indices of another graph", func(g *tf.Graph, v *tf.Variable, _ tf.Output) error {
			far := tfgraph.Const(t, tf.NewGraph(), "rows", []int32{0})
			grad := train.Gradient{Slices: &train.IndexedSlices{Values: v.Value(), Indices: far}}
			_, err := train.ApplyGradients(g, sgd, []train.GradientVariable{{Gradient: grad, Variable: v}}, nil)
			return err
		}, `the indices of the slices for "v": operation "rows" belongs to another graph`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := tf.NewGraph()
			v := vector(t, g, "v", 1, 2)
			err := tt.do(g, v, square(t, g, v))
			require.ErrorIs(t, err, tfkeep.ErrArgument)
			assert.ErrorContains(t, err, tt.text)
			assert.Empty(t, g.Collection(tf.TrainOp))
			for _, v := range g.GlobalVariables() {
				assert.NotContains(t, v.Name(), "v/", "a slot of the step that was refused")
			}
		})
	}
}

func TestApplyGradientsRefusesAnotherShape(t *testing.T) {
	g := tf.NewGraph()
	v := vector(t, g, "v", 1, 2)
	_, err := train.ApplyGradients(g, train.NewGradientDescent(0.1), []train.GradientVariable{{Gradient: train.Gradient{Dense: tfgraph.Const(t, g, "c", []float32{1, 2, 3})}, Variable: v}}, nil)
	require.ErrorIs(t, err, status.InvalidArgument)
	assert.ErrorContains(t, err, `apply gradients: variable "v": `)
	assert.Empty(t, g.Collection(tf.TrainOp))
}

func TestMinimizeNamesOperationWithoutGradient(t *testing.T) {
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Ones(2, 2), nil)
	require.NoError(t, err)
	loss := tfgraph.Op(t, g, "Lu", "factor", nil, v.Value())
	_, err = train.Minimize(g, train.NewAdam(0.001), loss, nil)
	require.ErrorIs(t, err, train.ErrNoGradient)
	var at *tfkeep.Error
	require.ErrorAs(t, err, &at)
	assert.Equal(t, "factor", at.Name)
	assert.Contains(t, at.Detail, "type Lu")
}

// runStep initializes the variables, runs one step and returns the value of v.
func runStep(t *testing.T, g *tf.Graph, op *tf.Operation, feeds map[tf.Output]*tf.Tensor, v *tf.Variable) []float32 {
	t.Helper()
	sess := tfgraph.Initialized(t, g)
	_, err := sess.Run(t.Context(), feeds, nil, []*tf.Operation{op}, nil)
	require.NoError(t, err)
	return tfgraph.Value(t, sess, v.Value()).([]float32)
}

func TestLearningRateTensor(t *testing.T) {
	for _, o := range []func(rate tf.Output) train.Optimizer{
		func(rate tf.Output) train.Optimizer {
			return with(train.NewGradientDescent(0), func(o *train.GradientDescent) { o.LearningRateTensor = rate })
		},
		func(rate tf.Output) train.Optimizer {
			return with(train.NewMomentum(0, 0), func(o *train.Momentum) { o.LearningRateTensor = rate })
		},
	} {
		g := tf.NewGraph()
		v := vector(t, g, "v", 1, 2)
		rate := tfgraph.Op(t, g, "Placeholder", "rate", map[string]any{"dtype": dtype.Float32, "shape": tf.MakeShape()})
		op, err := train.Minimize(g, o(rate), square(t, g, v), nil)
		require.NoError(t, err)
		half, err := tf.NewTensor(float32(0.5))
		require.NoError(t, err)
		assert.Equal(t, []float32{0, 0}, runStep(t, g, op, map[tf.Output]*tf.Tensor{rate: half}, v), "v - 0.5·2v")
	}
}

func TestZeroIsNotADefault(t *testing.T) {
	g := tf.NewGraph()
	v := vector(t, g, "v", 1, 2)
	adam := train.NewAdam(0)
	adam.Beta1 = 0
	op, err := train.Minimize(g, adam, square(t, g, v), nil)
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 2}, runStep(t, g, op, nil, v), "a learning rate of zero moves nothing")
	assert.Equal(t, [][]byte{{0, 0, 0, 0}}, tfgraph.Bytes(t, tfgraph.Session(t, g, nil), g.Operation("Adam/beta1").Output(0)))
}

func TestVariablesWithoutInfluenceStay(t *testing.T) {
	g := tf.NewGraph()
	v, unused := vector(t, g, "v", 1, 2), vector(t, g, "unused", 3)
	_, err := tf.NewVariable(g, "frozen", tf.Zeros(2), &tf.VariableOptions{NotTrainable: true})
	require.NoError(t, err)
	grads, err := train.ComputeGradients(g, square(t, g, v), nil)
	require.NoError(t, err)
	require.Len(t, grads, 2)
	assert.Same(t, v, grads[0].Variable)
	assert.False(t, grads[0].Gradient.IsNone())
	assert.Same(t, unused, grads[1].Variable)
	assert.True(t, grads[1].Gradient.IsNone())
	_, err = train.ApplyGradients(g, train.NewMomentum(0.1, 0), grads, nil)
	require.NoError(t, err)
	assert.NotNil(t, g.Operation("v/Momentum"))
	assert.Nil(t, g.Operation("unused/Momentum"))
}

// TestSecondOptimizerHasOwnSlots checks that two optimizers in one graph number their slots
// and nodes as in Python.
func TestSecondOptimizerHasOwnSlots(t *testing.T) {
	want := oracle.Value[applied](t, `
v = tf1.get_variable("v", [2], initializer=tf1.zeros_initializer(), use_resource=True)
grad = tf1.placeholder(tf.float32, [2], name="grad")
for o in [tf1.train.AdamOptimizer(), tf1.train.AdamOptimizer(), tf1.train.MomentumOptimizer(0.1, 0.9, name="Adam")]:
    op = o.apply_gradients([(grad, v)])
g = tf1.get_default_graph()
result = {"graph": g.as_graph_def().SerializeToString(), "op": op.name}
`)
	wantDef := new(graph_go_proto.GraphDef)
	require.NoError(t, proto.Unmarshal(want.Graph, wantDef))

	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Zeros(2), nil)
	require.NoError(t, err)
	grad := tfgraph.Op(t, g, "Placeholder", "grad", map[string]any{"dtype": dtype.Float32, "shape": tf.MakeShape(2)})
	pair := []train.GradientVariable{{Gradient: train.Gradient{Dense: grad}, Variable: v}}
	var op *tf.Operation
	for _, o := range []train.Optimizer{train.NewAdam(0.001), train.NewAdam(0.001), with(train.NewMomentum(0.1, 0.9), func(o *train.Momentum) { o.Name = "Adam" })} {
		op, err = train.ApplyGradients(g, o, pair, nil)
		require.NoError(t, err)
	}
	assert.Equal(t, want.Op, op.Name())
	def, err := g.GraphDef()
	require.NoError(t, err)
	sameNodes(t, wantDef, def)
}

// TestUpdatesArePlacedWithVariables has variables on several devices: every slot and update
// is on the device of its variable, and each device has a group of its own.
func TestUpdatesArePlacedWithVariables(t *testing.T) {
	want := oracle.Value[applied](t, `
with tf1.device("/job:ps/task:0"):
    a = tf1.get_variable("a", [2], initializer=tf1.zeros_initializer(), use_resource=True)
with tf1.device("/job:ps/task:1"):
    b = tf1.get_variable("b", [2], initializer=tf1.zeros_initializer(), use_resource=True)
    step = tf1.train.get_or_create_global_step()
c = tf1.get_variable("c", [2], initializer=tf1.zeros_initializer(), use_resource=True)
grad = tf1.placeholder(tf.float32, [2], name="grad")
with tf1.device("/job:worker"):
    op = tf1.train.AdamOptimizer().apply_gradients([(grad, c), (grad, a), (grad, b)], step)
g = tf1.get_default_graph()
result = {"graph": g.as_graph_def().SerializeToString(), "op": op.name}
`)
	wantDef := new(graph_go_proto.GraphDef)
	require.NoError(t, proto.Unmarshal(want.Graph, wantDef))

	g := tf.NewGraph()
	var a, b, step *tf.Variable
	require.NoError(t, g.WithDevice("/job:ps/task:0", func() (err error) {
		a, err = tf.NewVariable(g, "a", tf.Zeros(2), nil)
		return err
	}))
	require.NoError(t, g.WithDevice("/job:ps/task:1", func() (err error) {
		if b, err = tf.NewVariable(g, "b", tf.Zeros(2), nil); err != nil {
			return err
		}
		step, err = train.GetOrCreateGlobalStep(g)
		return err
	}))
	c, err := tf.NewVariable(g, "c", tf.Zeros(2), nil)
	require.NoError(t, err)
	grad := tfgraph.Op(t, g, "Placeholder", "grad", map[string]any{"dtype": dtype.Float32, "shape": tf.MakeShape(2)})
	require.NoError(t, g.WithDevice("/job:worker", func() error {
		_, err := train.ApplyGradients(g, train.NewAdam(0.001), []train.GradientVariable{
			{Gradient: train.Gradient{Dense: grad}, Variable: c}, {Gradient: train.Gradient{Dense: grad}, Variable: a}, {Gradient: train.Gradient{Dense: grad}, Variable: b},
		}, &train.ApplyOptions{GlobalStep: step})
		return err
	}))
	def, err := g.GraphDef()
	require.NoError(t, err)
	sameNodes(t, wantDef, def)
}

func TestSlotsOfPartitionedVariables(t *testing.T) {
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "w/part_1", tf.Zeros(2, 3), &tf.VariableOptions{
		SliceInfo: &tf.SaveSliceInfo{FullName: "w", FullShape: []int64{4, 3}, Offset: []int64{2, 0}, Shape: []int64{2, 3}},
	})
	require.NoError(t, err)
	_, err = train.ApplyGradients(g, train.NewRMSProp(0.1), []train.GradientVariable{{Gradient: train.Gradient{Dense: v.Value()}, Variable: v}}, nil)
	require.NoError(t, err)
	var names []string
	for _, v := range g.GlobalVariables() {
		s := v.SaveSliceInfo()
		require.NotNil(t, s, v.Name())
		assert.Equal(t, []int64{2, 0}, s.Offset)
		names = append(names, s.FullName)
	}
	assert.Equal(t, []string{"w", "w/RMSProp", "w/RMSProp_1"}, names)
}

func TestSlotsOfUnknownShape(t *testing.T) {
	g := tf.NewGraph()
	start := tfgraph.Const(t, g, "c", []float32{1, 2})
	v, err := tf.NewVariable(g, "v", tf.FromOutput(start), &tf.VariableOptions{AnyShape: true})
	require.NoError(t, err)
	grad := tfgraph.Op(t, g, "Identity", "grad", nil, v.Value())
	adagrad := train.NewAdagrad(0.1)
	adagrad.InitialAccumulatorValue = 3
	op, err := train.ApplyGradients(g, adagrad, []train.GradientVariable{{Gradient: train.Gradient{Dense: grad}, Variable: v}}, nil)
	require.NoError(t, err)
	got := runStep(t, g, op, nil, v)
	// 1 - 0.1·1/√(3+1²), 2 - 0.1·2/√(3+2²)
	assert.InDeltaSlice(t, []float32{0.95, 1.9244071}, got, 1e-6)
}
