package docs

import (
	"context"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
)

// The functions below hold lines of the table, too. They are compared with the Python of their rows.

func portRates(s *tf.Scope, step *tf.Variable) []tf.Output {
	steps := op.Cast(s, step.Value(), dtype.Float32)
	part := op.RealDiv(s, op.Minimum(s, steps, op.Const(s, float32(1000))), op.Const(s, float32(1000)))
	rate := op.Mul(s, op.Const(s, float32(0.1)), op.Pow(s, op.Const(s, float32(0.9)), op.RealDiv(s, steps, op.Const(s, float32(100)))))
	rates := []tf.Output{rate}
	rate = op.Mul(s, op.Const(s, float32(0.1)), op.Pow(s, op.Const(s, float32(0.9)), op.Floor(s, op.RealDiv(s, steps, op.Const(s, float32(100))))))
	rates = append(rates, rate)
	after := op.Greater(s, step.Value(), op.Const(s, []int64{100, 200}))
	rate = op.GatherV2(s, op.Const(s, []float32{0.1, 0.05, 0.01}), op.Sum(s, op.Cast(s, after, dtype.Int32), op.Const(s, int32(0))), op.Const(s, int32(0)))
	rates = append(rates, rate)
	rate = op.AddV2(s, op.Mul(s, op.Const(s, float32(0.1-0.01)), op.Pow(s, op.Sub(s, op.Const(s, float32(1)), part), op.Const(s, float32(2)))), op.Const(s, float32(0.01)))
	rates = append(rates, rate)
	rate = op.Mul(s, op.Const(s, float32(0.1*0.5)), op.AddV2(s, op.Const(s, float32(1)), op.Cos(s, op.Mul(s, op.Const(s, float32(math.Pi)), part))))
	return append(rates, rate)
}

func portLosses(s *tf.Scope, logits, labels, classes tf.Output) []tf.Output {
	losses := op.Sub(s, op.Softplus(s, logits), op.Mul(s, logits, labels))
	all := []tf.Output{losses}
	losses, _ = op.SoftmaxCrossEntropyWithLogits(s, logits, labels)
	all = append(all, losses)
	labels = op.OneHot(s, classes, op.Const(s, int32(3)), op.Const(s, float32(1)), op.Const(s, float32(0)))
	all = append(all, labels)
	l2 := op.Mul(s, op.Const(s, float32(0.001)), op.L2Loss(s, logits))
	h := op.Max(s, logits, op.Const(s, int32(1)), op.MaxKeepDims(true))
	return append(all, l2, h)
}

// portCopy returns what copies variables to others.
func portCopy(s *tf.Scope, target, online []*tf.Variable) *tf.Operation {
	var copies []*tf.Operation
	for i, to := range target {
		copies = append(copies, op.AssignVariableOp(s, to.Handle(), online[i].Value()))
	}
	update := op.NoOp(s.WithControlDependencies(copies...))
	return update
}

// portAverage returns what updates the moving average of v, and a Saver that restores it into v,
// with the names that it has for the variables.
func portAverage(g *tf.Graph, v *tf.Variable, step *tf.Operation) (*tf.Operation, *saver.Saver, map[string]saver.Saveable, error) {
	s := g.Scope()
	ema, err := tf.NewVariable(g, v.Name()+"/ExponentialMovingAverage", tf.FromOutput(v.InitialValue()), &tf.VariableOptions{NotTrainable: true, ColocateWith: v})
	if err != nil {
		return nil, nil, nil, err
	}
	after := s.WithControlDependencies(step)
	update := op.AssignSubVariableOp(after, ema.Handle(), op.Mul(after, op.Sub(after, ema.Read(after), v.Read(after)), op.Const(after, float32(1-0.9))))
	names := map[string]saver.Saveable{ema.Name(): saver.Var(v)}
	for _, other := range g.GlobalVariables() {
		if other != v && other != ema {
			names[other.Name()] = saver.Var(other)
		}
	}
	sv, err := saver.New(g, &saver.Options{VarMap: names})
	return update, sv, names, err
}

// The lines of the table compute what their Python does.
func TestPortedFormulasMatchPython(t *testing.T) {
	type want struct{ Rates, Losses [][]float32 }
	w := oracle.Value[want](t, `
x = np.array([[0.5, -2.0, 30.0], [-40.0, 1.0, 0.0]], np.float32)
z = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]], np.float32)
nn, rates = tf1.nn, []
for i in (0, 100, 150, 201, 5000):
    step = tf1.placeholder(tf.int64, [])
    rates.append([
        tf1.train.exponential_decay(0.1, step, 100, 0.9), tf1.train.exponential_decay(0.1, step, 100, 0.9, staircase=True),
        tf1.train.piecewise_constant(step, [100, 200], [0.1, 0.05, 0.01]),
        tf1.train.polynomial_decay(0.1, step, 1000, 0.01, power=2.0), tf1.train.cosine_decay(0.1, step, 1000)])
    with tf1.Session() as s:
        rates[-1] = [float(r) for r in s.run(rates[-1], {step: i})]
losses = [
    nn.sigmoid_cross_entropy_with_logits(labels=z, logits=x), nn.softmax_cross_entropy_with_logits_v2(labels=z, logits=x),
    tf.one_hot([2, 0], 3), 0.001 * nn.l2_loss(x), tf.reduce_max(x, 1, keepdims=True)]
with tf1.Session() as s:
    result = {"rates": rates, "losses": [r.ravel().tolist() for r in map(np.asarray, s.run(losses))]}
`)
	g := tf.NewGraph()
	s := g.Scope()
	step, err := tf.NewVariable(g, "step", tf.Value(int64(0)), nil)
	require.NoError(t, err)
	rates := portRates(s, step)
	number := op.Placeholder(s, dtype.Int64)
	set := op.AssignVariableOp(s, step.Handle(), number)
	losses := portLosses(s, op.Const(s, [][]float32{{0.5, -2, 30}, {-40, 1, 0}}), op.Const(s, [][]float32{{0.2, 0.3, 0.5}, {1, 0, 0}}), op.Const(s, []int32{2, 0}))
	session, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer session.Close()
	ctx := context.Background()
	values := func(fetches []tf.Output) (all [][]float32) {
		out, err := session.Run(ctx, nil, fetches, nil, nil)
		require.NoError(t, err)
		for _, o := range out {
			v, err := tf.Elements[float32](o)
			require.NoError(t, err)
			all = append(all, v)
		}
		return all
	}
	for i, n := range []int64{0, 100, 150, 201, 5000} {
		now, err := tf.NewTensor(n)
		require.NoError(t, err)
		_, err = session.Run(ctx, map[tf.Output]*tf.Tensor{number: now}, nil, []*tf.Operation{set}, nil)
		require.NoError(t, err)
		for k, rate := range values(rates) {
			assert.InDelta(t, w.Rates[i][k], rate[0], 1e-6, "rate %d at step %d", k, n)
		}
	}
	for i, loss := range values(losses) {
		assert.InDeltaSlice(t, w.Losses[i], loss, 1e-5, "loss %d", i)
	}
}

// A moving average of the table has the names and values of Python's.
func TestPortedMovingAverageMatchesPython(t *testing.T) {
	type want struct {
		Names         []string
		Average, Copy []float32
	}
	w := oracle.Value[want](t, `
v = tf1.get_variable("w", initializer=np.array([1.0, 2.0], np.float32), use_resource=True)
count = tf1.get_variable("count", initializer=np.array([0.0, 0.0], np.float32), trainable=False, use_resource=True)
copy = tf1.group([t.assign(v) for t, v in zip([count], [v])])
step = tf1.assign_add(v, [1.0, -1.0])
ema = tf1.train.ExponentialMovingAverage(0.9)
with tf.control_dependencies([step]):
    update = ema.apply([v])
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    for _ in range(3):
        s.run(update)
    s.run(copy)
    result = {"names": sorted(ema.variables_to_restore()), "average": s.run(ema.average(v)).tolist(), "copy": s.run(count).tolist()}
`)
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "w", tf.Value([]float32{1, 2}), nil)
	require.NoError(t, err)
	count, err := tf.NewVariable(g, "count", tf.Zeros(2), &tf.VariableOptions{NotTrainable: true})
	require.NoError(t, err)
	copyOver := portCopy(g.Scope(), []*tf.Variable{count}, []*tf.Variable{v})
	step := op.AssignAddVariableOp(g.Scope(), v.Handle(), op.Const(g.Scope(), []float32{1, -1}))
	update, sv, names, err := portAverage(g, v, step)
	require.NoError(t, err)
	defer sv.Close()
	init, err := tf.GlobalVariablesInitializer(g)
	require.NoError(t, err)
	session, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer session.Close()
	ctx := context.Background()
	require.NoError(t, session.RunOps(ctx, init))
	for range 3 {
		require.NoError(t, session.RunOps(ctx, update))
	}
	require.NoError(t, session.RunOps(ctx, copyOver))
	assert.Equal(t, w.Names, slices.Sorted(maps.Keys(names)))
	average := g.VariablesInScope("w")[0]
	assert.Equal(t, "w/ExponentialMovingAverage", average.Name())
	out, err := session.Run(ctx, nil, []tf.Output{average.Value(), count.Value()}, nil, nil)
	require.NoError(t, err)
	for i, want := range [][]float32{w.Average, w.Copy} {
		got, err := tf.Elements[float32](out[i])
		require.NoError(t, err)
		assert.InDeltaSlice(t, want, got, 1e-6)
	}
}
