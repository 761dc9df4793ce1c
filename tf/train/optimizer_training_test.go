package train_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

// trainer is a small model with every kind of update: a table with lookups, whose gradient
// is slices, weights and biases with dense gradients, and sparse cross entropy.
type trainer struct {
	g           *tf.Graph
	ids, x, lab tf.Output
	loss        tf.Output
	step        *tf.Variable
}

const (
	batch   = 6
	inTable = 9
	steps   = 10
)

// startValues returns the start values of trainScript.
func startValues(rows, columns int) [][]float32 {
	values := make([][]float32, rows)
	for i := range values {
		values[i] = make([]float32, columns)
		for j := range values[i] {
			values[i][j] = float32(math.Sin(float64(i*columns+j+1)*1.7) * 0.5)
		}
	}
	return values
}

func newTrainer(t testing.TB, ref bool) *trainer {
	t.Helper()
	g := tf.NewGraph()
	m := &trainer{g: g}
	variable := func(name string, init tf.Initializer) *tf.Variable {
		v, err := tf.NewVariable(g, name, init, &tf.VariableOptions{Ref: ref})
		require.NoError(t, err)
		return v
	}
	feed := func(name string, dt dtype.DataType, dims ...int64) tf.Output {
		return tfgraph.Op(t, g, "Placeholder", name, map[string]any{"dtype": dt, "shape": tf.MakeShape(dims...)})
	}
	m.ids, m.x, m.lab = feed("ids", dtype.Int32, -1, 2), feed("x", dtype.Float32, -1, 5), feed("labels", dtype.Int64, -1)
	table := variable("table", tf.Value(startValues(inTable, 4)))
	w1, b1 := variable("hidden/w", tf.Value(startValues(9, 8))), variable("hidden/b", tf.Zeros(8))
	w2, b2 := variable("out/w", tf.Value(startValues(8, 3))), variable("out/b", tf.Zeros(3))

	var rows tf.Output
	if ref {
		rows = tfgraph.Op(t, g, "GatherV2", "rows", nil, table.Value(), m.ids, tfgraph.Const(t, g, "c", int32(0)))
	} else {
		rows = tfgraph.Op(t, g, "ResourceGather", "rows", map[string]any{"dtype": dtype.Float32}, table.Handle(), m.ids)
	}
	bag := tfgraph.Op(t, g, "Mean", "bag", nil, rows, tfgraph.Const(t, g, "c", int32(1)))
	in := tfgraph.Op(t, g, "ConcatV2", "in", nil, tf.OutputList{bag, m.x}, tfgraph.Const(t, g, "c", int32(1)))
	layer := func(x tf.Output, w, b *tf.Variable, name string) tf.Output {
		return tfgraph.Op(t, g, "BiasAdd", name, nil, tfgraph.Op(t, g, "MatMul", name, nil, x, w.Value()), b.Value())
	}
	h := tfgraph.Op(t, g, "Tanh", "h", nil, layer(in, w1, b1, "z1"))
	logits := layer(h, w2, b2, "logits")
	xent, err := g.AddOp(tf.OpSpec{Type: "SparseSoftmaxCrossEntropyWithLogits", Name: "xent", Input: []tf.Input{logits, m.lab}})
	require.NoError(t, err)
	m.loss = tfgraph.Op(t, g, "Mean", "loss", nil, xent.Output(0), tfgraph.Const(t, g, "c", int32(0)))
	m.step, err = train.GetOrCreateGlobalStep(g)
	require.NoError(t, err)
	return m
}

// data returns the batch of one step.
func data(step int) (ids [][]int32, x [][]float32, labels []int64) {
	for i := range batch {
		ids = append(ids, []int32{int32((step + 3*i) % inTable), int32((2*step + i) % inTable)})
		row := make([]float32, 5)
		for j := range row {
			row[j] = float32(math.Cos(float64(step*31 + i*5 + j)))
		}
		x = append(x, row)
		labels = append(labels, int64((step+i)%3))
	}
	return ids, x, labels
}

// train runs the steps from first up to but not including last.
func (m *trainer) train(t testing.TB, sess *tf.Session, op *tf.Operation, first, last int) {
	t.Helper()
	for step := first; step < last; step++ {
		ids, x, labels := data(step)
		feeds := make(map[tf.Output]*tf.Tensor)
		for o, v := range map[tf.Output]any{m.ids: ids, m.x: x, m.lab: labels} {
			tensor, err := tf.NewTensor(v)
			require.NoError(t, err)
			defer tf.Release(tensor)
			feeds[o] = tensor
		}
		_, err := sess.Run(context.Background(), feeds, nil, []*tf.Operation{op}, nil)
		require.NoError(t, err)
	}
}

// state returns the memory of all variables, including the optimizer's.
func state(t testing.TB, g *tf.Graph, sess *tf.Session) map[string][]byte {
	t.Helper()
	values := make(map[string][]byte)
	for _, v := range g.GlobalVariables() {
		values[v.TensorName()] = tfgraph.Bytes(t, sess, v.Value())[0]
	}
	return values
}

// continueScript trains the graph that Go has built: from the start, and from the state
// that Go has reached after half of the steps.
const continueScript = `
from tensorflow.core.protobuf import meta_graph_pb2
meta, handed, batches = args
tf1.train.import_meta_graph(meta_graph_pb2.MetaGraphDef.FromString(meta))
g = tf1.get_default_graph()
variables = tf1.global_variables()
train = tf1.get_collection("train_op")[0]
def run(s, first, last):
    for step in range(first, last):
        ids, x, labels = batches[step]
        s.run(train, {"ids:0": ids, "x:0": x, "labels:0": labels})
    return {v.name: s.run(v).tobytes() for v in variables}
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    whole = run(s, 0, len(batches))
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    for v in variables:
        v.load(np.frombuffer(handed[v.name], v.dtype.base_dtype.as_numpy_dtype).reshape(v.shape), s)
    half = run(s, len(batches) // 2, len(batches))
result = {"whole": whole, "half": half}
`

// trainScript builds and trains the model in Python, with Python's gradients.
const trainScript = `
optimizer, ref, batches = args
def start(r, c):
    return (np.sin((np.arange(r * c) + 1) * 1.7) * 0.5).reshape(r, c).astype(np.float32)
def var(name, value):
    return tf1.get_variable(name, initializer=value, use_resource=not ref)
ids = tf1.placeholder(tf.int32, [None, 2])
x = tf1.placeholder(tf.float32, [None, 5])
labels = tf1.placeholder(tf.int64, [None])
table = var("table", start(9, 4))
w1, b1 = var("hidden/w", start(9, 8)), var("hidden/b", np.zeros(8, np.float32))
w2, b2 = var("out/w", start(8, 3)), var("out/b", np.zeros(3, np.float32))
h = tf.concat([tf.reduce_mean(tf.nn.embedding_lookup(table, ids), 1), x], 1)
h = tf.tanh(tf.nn.bias_add(tf.matmul(h, w1), b1))
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=tf.nn.bias_add(tf.matmul(h, w2), b2)))
train = eval(optimizer).minimize(loss, tf1.train.get_or_create_global_step())
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    for batch in batches:
        s.run(train, dict(zip([ids, x, labels], batch)))
    result = {v.name: s.run(v).astype(np.float64).ravel().tolist() for v in tf1.global_variables()}
`

func batches() [][]any {
	var all [][]any
	for step := range steps {
		ids, x, labels := data(step)
		all = append(all, []any{ids, x, labels})
	}
	return all
}

func TestTrainingMatchesPython(t *testing.T) {
	for _, ref := range []bool{false, true} {
		kind := map[bool]string{false: "resource", true: "reference"}[ref]
		for _, o := range optimizers {
			if ref && strings.Contains(o.name, ",") {
				continue // resource variables test these options
			}
			t.Run(o.name+"/"+kind, func(t *testing.T) {
				m := newTrainer(t, ref)
				op, err := train.Minimize(m.g, o.make, m.loss, &train.MinimizeOptions{GlobalStep: m.step})
				require.NoError(t, err)
				sess := tfgraph.Initialized(t, m.g)
				meta, err := tf.ExportMetaGraph(m.g, nil)
				require.NoError(t, err)
				raw, err := proto.Marshal(meta)
				require.NoError(t, err)
				m.train(t, sess, op, 0, steps/2)
				handed := state(t, m.g, sess)
				m.train(t, sess, op, steps/2, steps)
				got := state(t, m.g, sess)

				// The same graph and the same kernels give the same bits.
				var python struct{ Whole, Half map[string][]byte }
				oracle.Run(t, continueScript, raw, handed, batches()).Decode(t, &python)
				assert.Equal(t, got, python.Whole, "ten steps in Go and ten in Python")
				assert.Equal(t, got, python.Half, "five steps in Go, and five in Python from there")

				// Python's own graph has other nodes for the gradients, which may round
				// sums differently: by a few units in the last place of numbers near 1.
				want := oracle.Value[map[string][]float64](t, trainScript, o.python, ref, batches())
				require.Len(t, got, len(want))
				for name, values := range want {
					require.Contains(t, got, name)
					if name == "global_step:0" {
						continue
					}
					assert.InDeltaSlice(t, values, float32s(t, got[name]), 2e-6, name)
				}
				assert.Equal(t, []byte{steps, 0, 0, 0, 0, 0, 0, 0}, got["global_step:0"])
			})
		}
	}
}

func float32s(t testing.TB, raw []byte) []float64 {
	t.Helper()
	values := make([]float32, len(raw)/4)
	require.NoError(t, binary.Read(bytes.NewReader(raw), binary.LittleEndian, values))
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}
