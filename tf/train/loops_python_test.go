package train_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

// forwardOnly builds a model with the control flow of TensorFlow 1 and exports its meta graph
// without a training step. Then it trains the model.
const forwardOnly = `
from tensorflow.python.keras.layers.legacy_rnn import rnn_cell_impl as cells
from tensorflow.python.ops import rnn
tf1.disable_control_flow_v2()
tf1.set_random_seed(5)
def values(*shape):
    n = int(np.prod(shape))
    return (np.sin(np.arange(1, n + 1) * 1.7) * 0.8).reshape(shape).astype(np.float32)

def lstm():
    table = tf1.get_variable("table", [20, 6], initializer=tf1.random_normal_initializer(seed=3))
    ids = tf.constant((np.arange(40) * 7 % 20).reshape(5, 8), tf.int32)
    lengths = tf.constant([3, 8, 1, 6, 4])
    x = tf.nn.embedding_lookup(table, ids)
    _, state = rnn.dynamic_rnn(cells.LSTMCell(7), x, lengths, dtype=tf.float32, swap_memory=True, parallel_iterations=4)
    logits = tf.matmul(state.h, tf1.get_variable("w", [7, 3])) + tf1.get_variable("b", [3], initializer=tf1.zeros_initializer())
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 1, 2, 0, 1], logits=logits))

def nested():
    w = tf1.get_variable("w", [4, 4])
    b = tf1.get_variable("b", [4], initializer=tf1.zeros_initializer())
    def inner(a, n):
        return tf1.while_loop(lambda j, z: j < n, lambda j, z: (j + 1, tf.tanh(tf.matmul(z, w) + b)), [0, a])[1]
    def body(i, a):
        return i + 1, tf1.cond(tf.equal(i % 2, 0), lambda: inner(a, i + 1), lambda: a * tf.cos(b))
    out = tf1.while_loop(lambda i, a: i < 5, body, [0, tf.constant(values(3, 4))])[1]
    return tf.reduce_mean((out - values(3, 4)[::-1]) ** 2)

def noback():
    w = tf1.get_variable("w", [4])
    scale = tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * w), [0, tf.ones([4])], back_prop=False)[1]
    return tf.reduce_sum((w * scale - values(4)) ** 2)

loss = tf.identity({"lstm": lstm, "nested": nested, "noback": noback}[args[0]](), name="loss")
meta = tf1.train.export_meta_graph(clear_extraneous_savers=True).SerializeToString()
step = tf1.train.AdamOptimizer(0.05).minimize(loss)
after = tf1.global_variables_initializer()
losses = []
with tf1.Session() as s:
    s.run(after)
    for i in range(50):
        losses.append(float(s.run([loss, step])[0]))
result = {"Meta": meta, "Losses": losses}
`

func TestTrainLoopsAsPythonDoes(t *testing.T) {
	for _, name := range []string{"lstm", "nested", "noback"} {
		t.Run(name, func(t *testing.T) {
			var python struct {
				Meta   []byte
				Losses []float64
			}
			oracle.Run(t, forwardOnly, name).Decode(t, &python)
			mg, err := graphdef.ParseMetaGraphDef(python.Meta)
			require.NoError(t, err)
			g := tf.NewGraph()
			_, err = tf.ImportMetaGraph(context.Background(), g, mg, nil)
			require.NoError(t, err)
			loss, err := g.OutputByName("loss:0")
			require.NoError(t, err)
			step, err := train.Minimize(g, train.NewAdam(0.05), loss, nil)
			require.NoError(t, err)
			init, err := tf.GlobalVariablesInitializer(g)
			require.NoError(t, err)
			s, err := tf.NewSession(g, nil)
			require.NoError(t, err)
			defer s.Close()
			ctx := context.Background()
			require.NoError(t, s.RunOps(ctx, init))
			for i, want := range python.Losses {
				out, err := s.Run(ctx, nil, []tf.Output{loss}, []*tf.Operation{step}, nil)
				require.NoError(t, err)
				if !assert.InEpsilon(t, want, out[0].Value().(float32), 2e-4, "loss %d", i) {
					break
				}
			}
			assert.Less(t, python.Losses[49], python.Losses[0]/2, "it learns")
		})
	}
}
