package tf_test

import (
	"context"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/internal/oracle"
	"github.com/tfkeep/tfkeep/tf"
)

// square is the loss Σ v².
func square(t testing.TB, g *tf.Graph, v *tf.Variable) tf.Output {
	t.Helper()
	return must(t, g, "Sum", "loss", nil, must(t, g, "Square", "square", nil, v.Value()), constOf(t, g, int32(0)))
}

func vector(t testing.TB, g *tf.Graph, name string, values ...float32) *tf.Variable {
	t.Helper()
	v, err := tf.NewVariable(g, name, tf.Value(values))
	require.NoError(t, err)
	return v
}

func TestOptimizerErrorsSayWhatIsWrong(t *testing.T) {
	sgd := tf.GradientDescent{LearningRate: 0.1}
	for name, tt := range map[string]struct {
		do   func(g *tf.Graph, v *tf.Variable, loss tf.Output) error
		text string
	}{
		"a loss that was never made": {func(g *tf.Graph, _ *tf.Variable, _ tf.Output) error {
			_, err := sgd.Minimize(g, tf.Output{}, nil)
			return err
		}, "the loss has no operation"},
		"a whole-number loss": {func(g *tf.Graph, _ *tf.Variable, _ tf.Output) error {
			_, err := sgd.Minimize(g, constOf(t, g, int32(1)), nil)
			return err
		}, "Invalid type int32 for c_1:0"},
		"a loss of no variable": {func(g *tf.Graph, _ *tf.Variable, _ tf.Output) error {
			_, err := sgd.Minimize(g, constOf(t, g, float32(1)), nil)
			return err
		}, "No gradients provided for any variable, check your graph for ops that do not support gradients, between variables [v:0] and loss c_1:0"},
		"a graph without variables": {func(*tf.Graph, *tf.Variable, tf.Output) error {
			g := tf.NewGraph()
			_, err := sgd.Minimize(g, constOf(t, g, float32(1)), nil)
			return err
		}, "No variables to optimize"},
		"a loss of another graph": {func(_ *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			g := tf.NewGraph()
			vector(t, g, "v", 1)
			_, err := sgd.Minimize(g, loss, nil)
			return err
		}, "another graph"},
		"a variable of another graph": {func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			_, err := sgd.ComputeGradients(g, loss, vector(t, tf.NewGraph(), "far", 1))
			return err
		}, `variable "far" belongs to another graph`},
		"a variable of whole numbers": {func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			v, err := tf.NewVariable(g, "count", tf.Zeros(1).WithDType(tf.Int32))
			require.NoError(t, err)
			_, err = sgd.ComputeGradients(g, loss, v)
			return err
		}, `Invalid type int32 for variable "count"`},
		"no pairs": {func(g *tf.Graph, _ *tf.Variable, _ tf.Output) error {
			_, err := sgd.ApplyGradients(g, nil, nil, "")
			return err
		}, "No variables provided"},
		"no gradient in the pairs": {func(g *tf.Graph, v *tf.Variable, _ tf.Output) error {
			_, err := sgd.ApplyGradients(g, []tf.GradientVariable{{Variable: v}}, nil, "")
			return err
		}, "No gradients provided for any variable: [v:0]"},
		"a pair without a variable": {func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			_, err := sgd.ApplyGradients(g, []tf.GradientVariable{{Gradient: tf.Gradient{Dense: loss}}}, nil, "")
			return err
		}, "a variable is nil"},
		"a variable twice": {func(g *tf.Graph, v *tf.Variable, _ tf.Output) error {
			pair := tf.GradientVariable{Gradient: tf.Gradient{Dense: v.Value()}, Variable: v}
			_, err := sgd.ApplyGradients(g, []tf.GradientVariable{pair, pair}, nil, "")
			return err
		}, `variable "v" is there twice`},
		"slices without indices": {func(g *tf.Graph, v *tf.Variable, _ tf.Output) error {
			_, err := sgd.ApplyGradients(g, []tf.GradientVariable{{Gradient: tf.Gradient{Slices: &tf.IndexedSlices{Values: v.Value()}}, Variable: v}}, nil, "")
			return err
		}, "no Indices"},
		"a gradient of another shape": {func(g *tf.Graph, v *tf.Variable, _ tf.Output) error {
			_, err := sgd.ApplyGradients(g, []tf.GradientVariable{{Gradient: tf.Gradient{Dense: constOf(t, g, []float32{1, 2, 3})}, Variable: v}}, nil, "")
			return err
		}, `the update of "v"`},
		"a step that cannot count": {func(g *tf.Graph, v *tf.Variable, loss tf.Output) error {
			_, err := sgd.Minimize(g, loss, v)
			return err
		}, "must be an integer variable"},
		"no learning rate": {func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			_, err := tf.Momentum{Momentum: 0.9}.Minimize(g, loss, nil)
			return err
		}, "Momentum: no learning rate"},
		"an accumulator of zero": {func(g *tf.Graph, _ *tf.Variable, loss tf.Output) error {
			_, err := tf.Adagrad{LearningRate: 1, InitialAccumulatorValue: tf.Zero}.Minimize(g, loss, nil)
			return err
		}, "initial_accumulator_value must be positive"},
	} {
		t.Run(name, func(t *testing.T) {
			g := tf.NewGraph()
			v := vector(t, g, "v", 1, 2)
			err := tt.do(g, v, square(t, g, v))
			require.ErrorIs(t, err, tf.ErrInvalidArgument)
			assert.ErrorContains(t, err, tt.text)
			assert.Empty(t, g.Collection(tf.TrainOp))
		})
	}
}

func TestMinimizeNamesTheOperationWithoutAGradient(t *testing.T) {
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Ones(2, 2))
	require.NoError(t, err)
	loss := must(t, g, "Cholesky", "factor", nil, v.Value())
	_, err = tf.Adam{}.Minimize(g, loss, nil)
	require.ErrorIs(t, err, tf.ErrNoGradient)
	var at *tf.NoGradientError
	require.ErrorAs(t, err, &at)
	assert.Equal(t, "factor", at.Node)
	assert.Equal(t, "Cholesky", at.OpType)
}

// minimizeFrom runs one step and gives the variable after it.
func minimizeFrom(t *testing.T, g *tf.Graph, op *tf.Operation, feeds map[tf.Output]*tf.Tensor, v *tf.Variable) []float32 {
	t.Helper()
	ctx := context.Background()
	init, err := tf.GlobalVariablesInitializer(g)
	require.NoError(t, err)
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	require.NoError(t, sess.RunOps(ctx, init))
	_, err = sess.Run(ctx, feeds, nil, []*tf.Operation{op})
	require.NoError(t, err)
	out, err := sess.Run(ctx, nil, []tf.Output{v.Value()}, nil)
	require.NoError(t, err)
	defer tf.Release(out...)
	return out[0].Value().([]float32)
}

func TestTheLearningRateMayBeFed(t *testing.T) {
	for _, o := range []func(rate tf.Output) tf.Optimizer{
		func(rate tf.Output) tf.Optimizer { return tf.GradientDescent{LearningRateTensor: rate} },
		func(rate tf.Output) tf.Optimizer { return tf.Momentum{LearningRateTensor: rate} },
	} {
		g := tf.NewGraph()
		v := vector(t, g, "v", 1, 2)
		rate := must(t, g, "Placeholder", "rate", map[string]any{"dtype": tf.Float, "shape": tf.ScalarShape()})
		op, err := o(rate).Minimize(g, square(t, g, v), nil)
		require.NoError(t, err)
		half, err := tf.NewTensor(float32(0.5))
		require.NoError(t, err)
		assert.Equal(t, []float32{0, 0}, minimizeFrom(t, g, op, map[tf.Output]*tf.Tensor{rate: half}, v), "v - 0.5·2v")
	}
}

func TestADeliberateZeroIsNotADefault(t *testing.T) {
	g := tf.NewGraph()
	v := vector(t, g, "v", 1, 2)
	op, err := tf.Adam{LearningRate: tf.Zero, Beta1: tf.Zero}.Minimize(g, square(t, g, v), nil)
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 2}, minimizeFrom(t, g, op, nil, v), "a learning rate of zero moves nothing")
	assert.Equal(t, [][]byte{{0, 0, 0, 0}}, fetchBytes(t, g, g.Operation("Adam/beta1").Output(0)))
}

func TestOnlyVariablesWithInfluenceAreUpdated(t *testing.T) {
	g := tf.NewGraph()
	v, unused := vector(t, g, "v", 1, 2), vector(t, g, "unused", 3)
	_, err := tf.NewVariableWith(g, "frozen", tf.Zeros(2), &tf.VariableOptions{NotTrainable: true})
	require.NoError(t, err)
	grads, err := tf.Momentum{LearningRate: 0.1}.ComputeGradients(g, square(t, g, v))
	require.NoError(t, err)
	require.Len(t, grads, 2)
	assert.Same(t, v, grads[0].Variable)
	assert.False(t, grads[0].Gradient.IsNone())
	assert.Same(t, unused, grads[1].Variable)
	assert.True(t, grads[1].Gradient.IsNone())
	_, err = tf.Momentum{LearningRate: 0.1}.ApplyGradients(g, grads, nil, "")
	require.NoError(t, err)
	assert.NotNil(t, g.Operation("v/Momentum"))
	assert.Nil(t, g.Operation("unused/Momentum"))
}

// Two optimizers on one graph number their slots and nodes as Python's do.
func TestASecondOptimizerHasSlotsOfItsOwn(t *testing.T) {
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
	v, err := tf.NewVariable(g, "v", tf.Zeros(2))
	require.NoError(t, err)
	grad := must(t, g, "Placeholder", "grad", map[string]any{"dtype": tf.Float, "shape": tf.MakeShape(2)})
	pair := []tf.GradientVariable{{Gradient: tf.Gradient{Dense: grad}, Variable: v}}
	var op *tf.Operation
	for _, o := range []tf.Optimizer{tf.Adam{}, tf.Adam{}, tf.Momentum{LearningRate: 0.1, Momentum: 0.9, Name: "Adam"}} {
		op, err = o.ApplyGradients(g, pair, nil, "")
		require.NoError(t, err)
	}
	assert.Equal(t, want.Op, op.Name())
	def, err := g.GraphDef()
	require.NoError(t, err)
	sameNodes(t, wantDef, def)
}

// On several devices each has a group of its own, and every slot and update
// lies with its variable.
func TestUpdatesLieWithTheirVariables(t *testing.T) {
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
		a, err = tf.NewVariable(g, "a", tf.Zeros(2))
		return err
	}))
	require.NoError(t, g.WithDevice("/job:ps/task:1", func() (err error) {
		if b, err = tf.NewVariable(g, "b", tf.Zeros(2)); err != nil {
			return err
		}
		step, err = tf.GetOrCreateGlobalStep(g)
		return err
	}))
	c, err := tf.NewVariable(g, "c", tf.Zeros(2))
	require.NoError(t, err)
	grad := must(t, g, "Placeholder", "grad", map[string]any{"dtype": tf.Float, "shape": tf.MakeShape(2)})
	require.NoError(t, g.WithDevice("/job:worker", func() error {
		_, err := tf.Adam{}.ApplyGradients(g, []tf.GradientVariable{
			{Gradient: tf.Gradient{Dense: grad}, Variable: c}, {Gradient: tf.Gradient{Dense: grad}, Variable: a}, {Gradient: tf.Gradient{Dense: grad}, Variable: b},
		}, step, "")
		return err
	}))
	def, err := g.GraphDef()
	require.NoError(t, err)
	sameNodes(t, wantDef, def)
}

func TestSlotsOfPartsArePartsOfSlots(t *testing.T) {
	g := tf.NewGraph()
	v, err := tf.NewVariableWith(g, "w/part_1", tf.Zeros(2, 3), &tf.VariableOptions{
		SliceInfo: &tf.SaveSliceInfo{FullName: "w", FullShape: []int64{4, 3}, Offset: []int64{2, 0}, Shape: []int64{2, 3}},
	})
	require.NoError(t, err)
	_, err = tf.RMSProp{LearningRate: 0.1}.ApplyGradients(g, []tf.GradientVariable{{Gradient: tf.Gradient{Dense: v.Value()}, Variable: v}}, nil, "")
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

func TestSlotsOfVariablesOfUnknownShapeStartLikeThem(t *testing.T) {
	g := tf.NewGraph()
	start := constOf(t, g, []float32{1, 2})
	v, err := tf.NewVariableWith(g, "v", tf.FromOutput(start), &tf.VariableOptions{AnyShape: true})
	require.NoError(t, err)
	grad := must(t, g, "Identity", "grad", nil, v.Value())
	op, err := tf.Adagrad{LearningRate: 0.1, InitialAccumulatorValue: 3}.ApplyGradients(g, []tf.GradientVariable{{Gradient: tf.Gradient{Dense: grad}, Variable: v}}, nil, "")
	require.NoError(t, err)
	got := minimizeFrom(t, g, op, nil, v)
	// 1 - 0.1·1/√(3+1²), 2 - 0.1·2/√(3+2²)
	assert.InDeltaSlice(t, []float32{0.95, 1.9244071}, got, 1e-6)
}
