package train_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/train"
)

// sentences are the words of a batch, and how many of them each sentence has.
var (
	sentences = [][]int32{{1, 4, 2, 0, 0}, {3, 3, 5, 6, 1}, {2, 0, 0, 0, 0}}
	lengths   = []int32{3, 5, 1}
	classes   = []int64{0, 2, 1}
)

// lstm reads sentences of several lengths: a While over the words of the longest one, in which the
// state of a sentence stays as it is after its last word.
type lstm struct {
	g              *tf.Graph
	words, n       tf.Output
	loss, logits   tf.Output
	step           *tf.Operation
	table, w, u, b *tf.Variable
}

func newLSTM(t *testing.T) *lstm {
	t.Helper()
	const units = 4
	g := tf.NewGraph()
	s := g.Scope()
	m := &lstm{g: g}
	variable := func(name string, init tf.Initializer) *tf.Variable {
		v, err := tf.NewVariable(g, name, init, nil)
		require.NoError(t, err)
		return v
	}
	m.table, m.w, m.u = variable("table", tf.Value(startValues(7, 3))), variable("w", tf.Value(startValues(3, 4*units))), variable("u", tf.Value(startValues(units, 4*units)))
	m.b = variable("b", tf.Zeros(4*units))
	out := variable("out", tf.Value(startValues(units, 3)))
	m.words = op.Placeholder(s.Sub("words"), dtype.Int32, op.PlaceholderShape(tf.MakeShape(-1, -1)))
	m.n = op.Placeholder(s.Sub("lengths"), dtype.Int32, op.PlaceholderShape(tf.MakeShape(-1)))
	labels := op.Const(s, classes)
	x := op.GatherV2(s, m.table.Read(s), op.Transpose(s, m.words, op.Const(s, []int32{1, 0})), op.Const(s, int32(0)))
	longest := op.Max(s, m.n, op.Const(s, int32(0)))
	zeros := op.Fill(s, op.Pack(s, []tf.Output{op.Size(s, m.n), op.Const(s, int32(units))}), op.Const(s, float32(0)))
	state := tf.MakeShape(-1, units)
	final := tf.While(s, []tf.Output{op.Const(s, int32(0)), zeros, zeros},
		func(s *tf.Scope, v []tf.Output) tf.Output { return op.Less(s, v[0], longest) },
		func(s *tf.Scope, v []tf.Output) []tf.Output {
			word := op.GatherV2(s, x, v[0], op.Const(s, int32(0)))
			z := op.BiasAdd(s, op.AddV2(s, op.MatMul(s, word, m.w.Read(s)), op.MatMul(s, v[1], m.u.Read(s))), m.b.Read(s))
			gates := op.Split(s, op.Const(s, int32(1)), z, 4)
			c := op.AddV2(s, op.Mul(s, op.Sigmoid(s, gates[2]), v[2]), op.Mul(s, op.Sigmoid(s, gates[0]), op.Tanh(s, gates[1])))
			h := op.Mul(s, op.Sigmoid(s, gates[3]), op.Tanh(s, c))
			on := op.ExpandDims(s, op.Less(s, v[0], m.n), op.Const(s, int32(1)))
			return []tf.Output{op.AddV2(s, v[0], op.Const(s, int32(1))), op.SelectV2(s, on, h, v[1]), op.SelectV2(s, on, c, v[2])}
		}, &tf.WhileOptions{Shapes: []tf.Shape{tf.MakeShape(), state, state}})
	m.logits = op.Identity(s.Sub("logits"), op.MatMul(s, final[1], out.Read(s)))
	xent, _ := op.SparseSoftmaxCrossEntropyWithLogits(s, m.logits, labels)
	m.loss = op.Mean(s, xent, op.Const(s, int32(0)))
	require.NoError(t, g.Err())
	var err error
	m.step, err = train.Minimize(g, train.NewAdam(0.05), m.loss, nil)
	require.NoError(t, err)
	return m
}

const lstmTwin = `
tf1.enable_control_flow_v2()
sv = lambda *s: (np.sin(np.arange(1, int(np.prod(s)) + 1) * 1.7) * 0.5).reshape(s).astype(np.float32)
var = lambda name, v: tf1.get_variable(name, initializer=v, use_resource=True)
table, w, u, b, out = var("table", sv(7, 3)), var("w", sv(3, 16)), var("u", sv(4, 16)), var("b", np.zeros(16, np.float32)), var("out", sv(4, 3))
words, n = tf1.placeholder(tf.int32, [None, None]), tf1.placeholder(tf.int32, [None])
x = tf.gather(table, tf.transpose(words))
def step(t, h, c):
    i, g, f, o = tf.split(tf.nn.bias_add(x[t] @ w + h @ u, b), 4, 1)
    c2 = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    h2 = tf.sigmoid(o) * tf.tanh(c2)
    on = (t < n)[:, None]
    return t + 1, tf.where(on, h2, h), tf.where(on, c2, c)
zeros = tf.zeros([tf.size(n), 4])
_, h, _ = tf.while_loop(lambda t, *_: t < tf.reduce_max(n), step, [0, zeros, zeros], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 4]), tf.TensorShape([None, 4])])
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=np.array(args[2], np.int64), logits=h @ out))
train = tf1.train.AdamOptimizer(0.05).minimize(loss)
feeds = {words: args[0], n: args[1]}
ours = tf1.MetaGraphDef(); ours.ParseFromString(args[3])
init = tf1.global_variables_initializer()
with tf1.Session() as s:
    s.run(init)
    twin = [float(s.run([loss, train], feeds)[0]) for _ in range(12)]
with tf1.Graph().as_default() as g:
    tf1.train.import_meta_graph(ours)
    feeds = {args[4]: args[0], args[5]: args[1]}
    with tf1.Session() as s:
        s.run(tf1.global_variables_initializer())
        there = [float(s.run([args[6], g.get_operation_by_name(args[7])], feeds)[0]) for _ in range(12)]
tf1.disable_control_flow_v2()
result = [twin, there]
`

func TestLSTMOfDynamicLengthEqualsPython(t *testing.T) {
	m := newLSTM(t)
	mg, err := tf.ExportMetaGraph(m.g, nil)
	require.NoError(t, err)
	raw, err := graphdef.MarshalBinary(mg)
	require.NoError(t, err)
	name := func(o tf.Output) string { return o.Op.Name() + ":0" }
	losses := oracle.Value[[][]float64](t, lstmTwin, sentences, lengths, classes, raw, name(m.words), name(m.n), name(m.loss), m.step.Name())
	sess := tfgraph.Initialized(t, m.g)
	words, err := tf.NewTensor(sentences)
	require.NoError(t, err)
	n, err := tf.NewTensor(lengths)
	require.NoError(t, err)
	defer tf.Release(words, n)
	feeds := map[tf.Output]*tf.Tensor{m.words: words, m.n: n}
	for i := range losses[0] {
		got, err := sess.Run(t.Context(), feeds, []tf.Output{m.loss}, []*tf.Operation{m.step}, nil)
		require.NoError(t, err)
		assert.InDelta(t, losses[0][i], got[0].Value(), 1e-4, "loss of step %d in Go", i)
		assert.InDelta(t, losses[0][i], losses[1][i], 1e-4, "loss of step %d of the graph of Go in Python", i)
		tf.Release(got...)
	}
	assert.Less(t, losses[0][11], losses[0][0]/2, "the model learns")
}
