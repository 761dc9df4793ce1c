package train_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/train"
)

// These are programs for TensorFlow 1, ported line by line. Each is compared with the Python
// program, from equal initial values, over programSteps steps.

const programSteps = 50

// programPrologue is what the Python programs share: values of fixed numbers.
const programPrologue = `
def values(*shape):
    n = int(np.prod(shape))
    return (np.sin(np.arange(1, n + 1) * 1.7) * 0.5).reshape(shape).astype(np.float32)
def var(name, *shape, trainable=True):
    return tf1.get_variable(name, initializer=values(*shape), trainable=trainable)
`

// values are the numbers of programPrologue.
func values(t testing.TB, dims ...int64) *tf.Tensor {
	t.Helper()
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	numbers := make([]float32, n)
	for i := range numbers {
		numbers[i] = float32(math.Sin(float64(i+1)*1.7) * 0.5)
	}
	var buf bytes.Buffer
	require.NoError(t, binary.Write(&buf, binary.LittleEndian, numbers))
	v, err := tf.ReadTensor(dtype.Float32, dims, &buf)
	require.NoError(t, err)
	return v
}

func variable(t testing.TB, g *tf.Graph, name string, dims ...int64) *tf.Variable {
	t.Helper()
	v, err := tf.NewVariable(g, name, tf.Value(values(t, dims...)), nil)
	require.NoError(t, err)
	return v
}

// program is a ported program: what each step runs, and what it prints.
type program struct {
	steps   [][]*tf.Operation // run one after the other
	fetches []tf.Output       // fetched with the last of them
}

func (p *program) run(t *testing.T, g *tf.Graph) [][]float64 {
	t.Helper()
	require.NoError(t, g.Err())
	ctx := context.Background()
	s, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer s.Close()
	init, err := tf.GlobalVariablesInitializer(g)
	require.NoError(t, err)
	require.NoError(t, s.RunOps(ctx, init))
	var printed [][]float64
	for range programSteps {
		for _, ops := range p.steps[:len(p.steps)-1] {
			require.NoError(t, s.RunOps(ctx, ops...))
		}
		out, err := s.Run(ctx, nil, p.fetches, p.steps[len(p.steps)-1], nil)
		require.NoError(t, err)
		var row []float64
		for _, o := range out {
			row = append(row, float64(o.Value().(float32)))
		}
		printed = append(printed, row)
	}
	return printed
}

func TestProgramsMatchPython(t *testing.T) {
	for _, tt := range []struct {
		name   string
		python string
		port   func(t *testing.T, g *tf.Graph) *program
		within float64 // relative
	}{
		{"CNN with batch normalization and a schedule", cnnProgram, cnn, 1e-3},
		{"GAN with two optimizers", ganProgram, gan, 1e-4},
		{"target network and moving average", targetProgram, target, 1e-4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := oracle.Value[[][]float64](t, programPrologue+tt.python, programSteps)
			g := tf.NewGraph()
			got := tt.port(t, g).run(t, g)
			require.Len(t, got, len(want))
			for i := range want {
				for j := range want[i] {
					require.InDelta(t, want[i][j], got[i][j], 1e-6+tt.within*math.Abs(want[i][j]), "step %d, value %d", i, j)
				}
			}
			assert.NotEqual(t, want[0], want[len(want)-1], "it trains")
		})
	}
}

const cnnProgram = `
x = tf.constant(values(6, 8, 8, 1))
labels = tf.constant([0, 1, 2, 0, 1, 2])
h = tf.nn.conv2d(x, var("conv/kernel", 3, 3, 1, 4), strides=[1, 1, 1, 1], padding="SAME")
gamma, beta = var("bn/gamma", 4), var("bn/beta", 4)
moving_mean, moving_variance = var("bn/moving_mean", 4, trainable=False), var("bn/moving_variance", 4, trainable=False)
h, mean, variance = tf1.nn.fused_batch_norm(h, gamma, beta, epsilon=0.001)
for moving, batch in [(moving_mean, mean), (moving_variance, variance)]:
    tf1.add_to_collection("update_ops", tf1.assign_sub(moving, (moving - batch) * 0.1))
h = tf.nn.max_pool2d(tf.nn.relu(h), 2, 2, "VALID")
h = tf.reshape(h, [6, -1])
logits = tf.matmul(h, var("dense/kernel", 64, 3)) + var("dense/bias", 3)
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
step = tf1.train.get_or_create_global_step()
rate = tf1.train.exponential_decay(0.05, step, 10, 0.9, staircase=True)
with tf.control_dependencies(tf1.get_collection("update_ops")):
    train = tf1.train.MomentumOptimizer(rate, 0.9).minimize(loss, global_step=step)
with tf.control_dependencies([train]):
    average = tf.reduce_sum(moving_mean.read_value())
result = []
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    for _ in range(args[0]):
        result.append([float(v) for v in s.run([loss, rate, average, train])[:3]])
`

func cnn(t *testing.T, g *tf.Graph) *program {
	s := g.Scope()
	x := op.Const(s, values(t, 6, 8, 8, 1))
	labels := op.Const(s, []int32{0, 1, 2, 0, 1, 2})
	h := op.Conv2D(s, x, variable(t, g, "conv/kernel", 3, 3, 1, 4).Value(), []int64{1, 1, 1, 1}, "SAME")
	gamma, beta := variable(t, g, "bn/gamma", 4), variable(t, g, "bn/beta", 4)
	notTrained := &tf.VariableOptions{NotTrainable: true}
	movingMean, err := tf.NewVariable(g, "bn/moving_mean", tf.Value(values(t, 4)), notTrained)
	require.NoError(t, err)
	movingVariance, err := tf.NewVariable(g, "bn/moving_variance", tf.Value(values(t, 4)), notTrained)
	require.NoError(t, err)
	none := op.Const(s, []float32{})
	h, mean, variance, _, _, _ := op.FusedBatchNormV3(s, h, gamma.Value(), beta.Value(), none, none, op.FusedBatchNormV3Epsilon(0.001))
	var updates []*tf.Operation
	for _, m := range []struct {
		moving *tf.Variable
		batch  tf.Output
	}{{movingMean, mean}, {movingVariance, variance}} {
		delta := op.Mul(s, op.Sub(s, m.moving.Value(), m.batch), op.Const(s, float32(0.1)))
		updates = append(updates, op.AssignSubVariableOp(s, m.moving.Handle(), delta))
	}
	h = op.MaxPool(s, op.Relu(s, h), []int64{1, 2, 2, 1}, []int64{1, 2, 2, 1}, "VALID")
	h = op.Reshape(s, h, op.Const(s, []int32{6, -1}))
	logits := op.AddV2(s, op.MatMul(s, h, variable(t, g, "dense/kernel", 64, 3).Value()), variable(t, g, "dense/bias", 3).Value())
	losses, _ := op.SparseSoftmaxCrossEntropyWithLogits(s, logits, labels)
	loss := op.Mean(s, losses, op.Const(s, int32(0)))

	step, err := train.GetOrCreateGlobalStep(g)
	require.NoError(t, err)
	decays := op.Floor(s, op.RealDiv(s, op.Cast(s, step.Value(), dtype.Float32), op.Const(s, float32(10))))
	rate := op.Mul(s, op.Const(s, float32(0.05)), op.Pow(s, op.Const(s, float32(0.9)), decays))
	momentum := train.NewMomentum(0, 0.9)
	momentum.LearningRateTensor = rate
	step1, err := train.Minimize(g, momentum, loss, &train.MinimizeOptions{GlobalStep: step, ControlDependencies: updates})
	require.NoError(t, err)
	after := s.WithControlDependencies(step1)
	average := op.Sum(after, movingMean.Read(after), op.Const(after, int32(0)))
	return &program{steps: [][]*tf.Operation{{step1}}, fetches: []tf.Output{loss, rate, average}}
}

const ganProgram = `
def generator(z):
    with tf1.variable_scope("generator", reuse=tf1.AUTO_REUSE):
        h = tf.nn.relu(tf.matmul(z, var("w1", 3, 5)) + var("b1", 5))
        return tf.matmul(h, var("w2", 5, 2))
def discriminator(x):
    with tf1.variable_scope("discriminator", reuse=tf1.AUTO_REUSE):
        h = tf.nn.leaky_relu(tf.matmul(x, var("w1", 2, 6)) + var("b1", 6))
        return tf.matmul(h, var("w2", 6, 1))
real = tf.constant(values(7, 2) + 1.0)
fake = generator(tf.constant(values(7, 3)))
on_real, on_fake = discriminator(real), discriminator(fake)
d_loss = tf.reduce_mean(tf.nn.softplus(-on_real)) + tf.reduce_mean(tf.nn.softplus(on_fake))
g_loss = tf.reduce_mean(tf.nn.softplus(-on_fake))
d_vars = tf1.get_collection(tf1.GraphKeys.TRAINABLE_VARIABLES, "discriminator/")
g_vars = tf1.get_collection(tf1.GraphKeys.TRAINABLE_VARIABLES, "generator/")
d_step = tf1.train.AdamOptimizer(0.02, beta1=0.5).minimize(d_loss, var_list=d_vars)
g_step = tf1.train.AdamOptimizer(0.01, beta1=0.5).minimize(g_loss, var_list=g_vars)
result = []
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    for _ in range(args[0]):
        s.run(d_step)
        s.run(g_step)
        result.append([float(v) for v in s.run([d_loss, g_loss])])
`

func gan(t *testing.T, g *tf.Graph) *program {
	s := g.Scope()
	// A variable is made once, and read wherever the network is used.
	w1, b1, w2 := variable(t, g, "generator/w1", 3, 5), variable(t, g, "generator/b1", 5), variable(t, g, "generator/w2", 5, 2)
	generator := func(s *tf.Scope, z tf.Output) tf.Output {
		s = s.Sub("generator")
		h := op.Relu(s, op.AddV2(s, op.MatMul(s, z, w1.Value()), b1.Value()))
		return op.MatMul(s, h, w2.Value())
	}
	v1, c1, v2 := variable(t, g, "discriminator/w1", 2, 6), variable(t, g, "discriminator/b1", 6), variable(t, g, "discriminator/w2", 6, 1)
	discriminator := func(s *tf.Scope, x tf.Output) tf.Output {
		s = s.Sub("discriminator")
		h := op.LeakyRelu(s, op.AddV2(s, op.MatMul(s, x, v1.Value()), c1.Value()))
		return op.MatMul(s, h, v2.Value())
	}
	mean := func(x tf.Output) tf.Output { return op.Mean(s, x, op.Const(s, []int32{0, 1})) }
	real := op.AddV2(s, op.Const(s, values(t, 7, 2)), op.Const(s, float32(1)))
	fake := generator(s, op.Const(s, values(t, 7, 3)))
	onReal, onFake := discriminator(s, real), discriminator(s, fake)
	dLoss := op.AddV2(s, mean(op.Softplus(s, op.Neg(s, onReal))), mean(op.Softplus(s, onFake)))
	gLoss := mean(op.Softplus(s, op.Neg(s, onFake)))

	minimize := func(rate float64, loss tf.Output, scope string) *tf.Operation {
		adam := train.NewAdam(rate)
		adam.Beta1 = 0.5
		step, err := train.Minimize(g, adam, loss, &train.MinimizeOptions{Variables: g.TrainableVariablesInScope(scope)})
		require.NoError(t, err)
		return step
	}
	dStep, gStep := minimize(0.02, dLoss, "discriminator"), minimize(0.01, gLoss, "generator")
	return &program{steps: [][]*tf.Operation{{dStep}, {gStep}, nil}, fetches: []tf.Output{dLoss, gLoss}}
}

const targetProgram = `
state, reward = tf.constant(values(6, 4)), tf.constant(values(6, 1))
online, target = var("online/w", 4, 1), tf1.get_variable("target/w", initializer=values(4, 1) * 0.0, trainable=False)
average = tf1.get_variable("average", initializer=np.float32(0.0), trainable=False)
bootstrap = tf.stop_gradient(reward + 0.5 * tf.matmul(state, target))
loss = tf.reduce_mean((tf.matmul(state, online) - bootstrap) ** 2)
train = tf1.train.GradientDescentOptimizer(0.3).minimize(loss)
with tf.control_dependencies([train]):
    follow = target.assign(0.9 * target + 0.1 * online)
    track = average.assign_sub(0.2 * (average - loss))
with tf.control_dependencies([follow, track]):
    evaluation = tf.reduce_sum(tf.matmul(state, target.read_value())) + average.read_value()
result = []
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    for _ in range(args[0]):
        result.append([float(v) for v in s.run([loss, evaluation])])
`

func target(t *testing.T, g *tf.Graph) *program {
	s := g.Scope()
	state, reward := op.Const(s, values(t, 6, 4)), op.Const(s, values(t, 6, 1))
	online := variable(t, g, "online/w", 4, 1)
	target, err := tf.NewVariable(g, "target/w", tf.Zeros(4, 1), &tf.VariableOptions{NotTrainable: true})
	require.NoError(t, err)
	average, err := tf.NewVariable(g, "average", tf.Zeros(), &tf.VariableOptions{NotTrainable: true})
	require.NoError(t, err)
	number := func(s *tf.Scope, x float32) tf.Output { return op.Const(s, x) }
	bootstrap := op.StopGradient(s, op.AddV2(s, reward, op.Mul(s, number(s, 0.5), op.MatMul(s, state, target.Value()))))
	loss := op.Mean(s, op.Square(s, op.Sub(s, op.MatMul(s, state, online.Value()), bootstrap)), op.Const(s, []int32{0, 1}))
	step, err := train.Minimize(g, train.NewGradientDescent(0.3), loss, nil)
	require.NoError(t, err)

	after := s.WithControlDependencies(step)
	follow := op.AssignVariableOp(after, target.Handle(), op.AddV2(after,
		op.Mul(after, number(after, 0.9), target.Read(after)), op.Mul(after, number(after, 0.1), online.Read(after))))
	track := op.AssignSubVariableOp(after, average.Handle(), op.Mul(after, number(after, 0.2), op.Sub(after, average.Read(after), loss)))
	last := s.WithControlDependencies(follow, track)
	evaluation := op.AddV2(last, op.Sum(last, op.MatMul(last, state, target.Read(last)), op.Const(last, []int32{0, 1})), average.Read(last))
	return &program{steps: [][]*tf.Operation{nil}, fetches: []tf.Output{loss, evaluation}}
}
