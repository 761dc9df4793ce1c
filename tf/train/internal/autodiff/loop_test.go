package autodiff_test

import "testing"

// loops are graphs of Python's control flow of TensorFlow 1, differentiated in Go and by
// tf.gradients.
var loops = []struct{ name, script string }{
	{"a loop", `
w = v("w", 2, 2)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.tanh(a) * a), [0, tf.convert_to_tensor(w)])[1])
xs = [w]`},
	{"an invariant", `
w, x = v("w", 3, 3), v("x", 2, 3)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, tf.tanh(tf.matmul(a, w))), [0, tf.convert_to_tensor(x)])[1])
xs = [w, x]`},
	{"variables that need one another", `
w, x = v("w", 3), v("x", 3)
_, a, b = tf1.while_loop(lambda i, a, b: i < 4, lambda i, a, b: (i + 1, b * x, a + tf.sin(b)), [0, w * 1.0, x * 2.0])
y = tf.reduce_sum(a * 3.0)
xs = [w, x]`},
	{"a next value without the old one", `
w, x = v("w", 3), v("x", 3)
_, a, b = tf1.while_loop(lambda i, a, b: i < 4, lambda i, a, b: (i + 1, tf.sin(x), b + a * x), [0, w * 1.0, x * 2.0])
y = tf.reduce_sum(b) + tf.reduce_sum(a)
xs = [w, x]`},
	{"no iteration", `
w, x = v("w", 3), v("x", 3)
n = feed(0, np.int32)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a * x), [0, w * 2.0])[1])
xs = [w, x]`},
	{"a condition of the values", `
w = v("w", 4)
y = tf.reduce_sum(tf1.while_loop(lambda a: tf.reduce_sum(a * a) < 300.0, lambda a: a * 1.7 + tf.cos(a), [w * 1.0])[0])
xs = [w]`},
	{"one iteration at a time", `
w = v("w", 4)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, tf.sin(a) + w), [0, w * 1.0], parallel_iterations=1)[1])
xs = [w]`},
	{"shapes that are not known", `
w = v("w", 4)
x = feed(values(3, 4), shape=[None, None])
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, tf.sin(a) * w + x), [0, x * 1.0])[1])
xs = [w, x]`},
	{"a shape that grows", `
w = v("w", 2, 3)
_, a = tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.concat([a, tf.sin(a[:1]) * w[0]], 0)), [0, w * 1.0],
                      shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])])
y = tf.reduce_sum(a * a)
xs = [w]`},
	{"variables read inside", `
w, b = v("w", 3, 3), v("b", 3)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, tf.tanh(tf.matmul(a, w.read_value()) + b)), [0, f(2, 3)])[1])
xs = [w, b]`},
	{"reference variables", `
ref = True
w, b = v("w", 3, 3), v("b", 3)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, tf.tanh(tf.matmul(a, w) + b)), [0, f(2, 3)])[1])
xs = [w, b]`},
	{"an embedding", `
w, x = v("w", 5, 3), v("x", 2, 3)
ids = feed([[0, 1], [4, 1], [2, 2]], np.int32)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * tf.nn.embedding_lookup(w, ids[i])), [0, x * 1.0])[1])
xs = [w, x]`},
	{"a table in a reference variable", `
ref = True
w, x = v("w", 5, 3), v("x", 2, 3)
ids = feed([[0, 1], [4, 1], [2, 2]], np.int64)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * tf.gather(w, ids[i])), [0, x * 1.0])[1])
xs = [w, x]`},
	{"random numbers", `
w = v("w", 4)
def body(i, a):
    r = tf1.random_uniform([4], seed=3)
    return i + 1, a * w * tf.stop_gradient(tf.round(r) * 0.0 + 1.0) + r * 0.0
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, body, [0, w * 1.0])[1])
xs = [w]`},
	{"a rule in the body", `
w = v("w", 2, 3)
def body(i, a):
    return i + 1, a * tf.reshape(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 2], logits=a * w), [2, 1])
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, body, [0, w * 1.0])[1])
xs = [w]`},
	{"stop gradient in the body", `
w = v("w", 4)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * tf.stop_gradient(a) + w), [0, w * 1.0])[1])
xs = [w]`},
	{"two loops", `
w = v("w", 4)
a = tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.sin(a) + w), [0, w * 1.0])[1]
b = tf1.while_loop(lambda i, b: i < 2, lambda i, b: (i + 1, b * a), [0, w * 1.0])[1]
y = tf.reduce_sum(b + a)
xs = [w]`},
	{"nested loops", `
w, x = v("w", 3, 3), v("x", 2, 3)
def inner(a):
    return tf1.while_loop(lambda j, b: j < 3, lambda j, b: (j + 1, tf.tanh(tf.matmul(b, w)) + a), [0, a * 2.0])[1]
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, inner(a) * x), [0, x * 1.0])[1])
xs = [w, x]`},
	{"nested loops of other lengths", `
w, x = v("w", 3), v("x", 3)
def inner(i, a):
    return tf1.while_loop(lambda j, b: j < i, lambda j, b: (j + 1, b * w), [0, a * 2.0])[1]
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, inner(i, a) * tf.cos(x)), [0, x * 1.0])[1])
xs = [w, x]`},
	{"three loops in one another", `
w = v("w", 3)
def c(b):
    return tf1.while_loop(lambda k, z: k < 2, lambda k, z: (k + 1, tf.sin(z) * w + b), [0, b * 1.0])[1]
def bb(a):
    return tf1.while_loop(lambda j, z: j < 3, lambda j, z: (j + 1, c(z) * a), [0, a * 1.0])[1]
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, bb(a) + w), [0, w * 1.0])[1])
xs = [w]`},
	{"an embedding in nested loops", `
w, x = v("w", 5, 3), v("x", 2, 3)
ids = feed([[0, 1], [4, 1], [2, 2]], np.int32)
def inner(a, i):
    return tf1.while_loop(lambda j, b: j < 2, lambda j, b: (j + 1, b * tf.nn.embedding_lookup(w, ids[i])), [0, a * 1.0])[1]
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.sin(inner(a, i))), [0, x * 1.0])[1])
a = x * 1.0
for i in range(3):
    for j in range(2):
        a *= tf.nn.embedding_lookup(w, ids[i])
    a = tf.sin(a)
reference = tf.reduce_sum(a)
xs = [w, x]`},
	{"a conditional", `
w = v("w", 2)
y = tf.reduce_sum(tf1.cond(feed(True, np.bool_), lambda: tf.exp(w) * w, lambda: w))
xs = [w]`},
	{"the other branch", `
w, x = v("w", 2), v("x", 2)
y = tf.reduce_sum(tf1.cond(feed(False, np.bool_), lambda: tf.exp(w) * w, lambda: w * x))
xs = [w, x]`},
	{"a branch without the variable", `
w = v("w", 2)
y = tf.reduce_sum(tf1.cond(feed(False, np.bool_), lambda: tf.exp(w) * w, lambda: tf.constant([1.0, 2.0])))
xs = [w]`},
	{"several results", `
w, x = v("w", 2), v("x", 2)
h = tf.exp(x)
a, b = tf1.cond(feed(True, np.bool_), lambda: (h * w, h), lambda: (w, tf.sin(x)))
y = tf.reduce_sum(a * b) + tf.reduce_sum(h)
xs = [w, x]`},
	{"conditionals in one another", `
w, x = v("w", 2), v("x", 2)
p, q = feed(True, np.bool_), feed(False, np.bool_)
y = tf.reduce_sum(tf1.cond(p, lambda: tf1.cond(q, lambda: w * x, lambda: tf.sin(x) * x), lambda: w) * x)
xs = [w, x]`},
	{"case", `
w, x = v("w", 2), v("x", 2)
n = feed(1, np.int32)
y = tf.reduce_sum(tf1.case([(tf.equal(n, 0), lambda: w * x), (tf.equal(n, 1), lambda: tf.exp(w)), (tf.equal(n, 2), lambda: x)], default=lambda: x * x))
xs = [w, x]`},
	{"an embedding in a branch", `
w, x = v("w", 5, 2), v("x", 2, 2)
y = tf.reduce_sum(tf1.cond(feed(True, np.bool_), lambda: tf.nn.embedding_lookup(w, [1, 3]) * x, lambda: tf.nn.embedding_lookup(w, [0, 2])))
xs = [w, x]`},
	{"an embedding in one branch only", `
w, x = v("w", 5, 2), v("x", 2, 2)
y = tf.reduce_sum(tf1.cond(feed(False, np.bool_), lambda: tf.nn.embedding_lookup(w, [1, 3]) * x, lambda: x))
xs = [w, x]`},
	{"a conditional of unknown shape", `
w = v("w", 2)
x = feed(values(3, 2), shape=[None, 2])
y = tf.reduce_sum(tf1.cond(feed(False, np.bool_), lambda: x * w, lambda: tf.zeros_like(x)))
xs = [w, x]`},
	{"Switch and Merge by hand", `
from tensorflow.python.ops import control_flow_ops as cf
w = v("w", 2)
a, b = cf.switch(tf.exp(w), feed(True, np.bool_))
y = tf.reduce_sum(cf.merge([a * 2.0, tf.sin(b)])[0])
xs = [w]`},
	{"a conditional in a loop", `
w, x = v("w", 3), v("x", 3)
def body(i, a):
    return i + 1, tf1.cond(tf.equal(i % 2, 0), lambda: tf.sin(a) * w, lambda: a + x)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 5, body, [0, x * 1.0])[1])
xs = [w, x]`},
	{"conditionals in one another in a loop", `
w, x = v("w", 3), v("x", 3)
def body(i, a):
    def inner():
        return tf1.cond(tf.equal(i, 2), lambda: a * a * w, lambda: tf.cos(a))
    return i + 1, tf1.cond(tf.equal(i % 2, 0), inner, lambda: a + tf.exp(x))
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 5, body, [0, x * 1.0])[1])
xs = [w, x]`},
	{"a loop in a branch", `
w, x = v("w", 3), v("x", 3)
def loop():
    return tf1.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, tf.sin(a) * w), [0, x * 1.0])[1]
y = tf.reduce_sum(tf1.cond(feed(True, np.bool_), loop, lambda: w * 2.0))
xs = [w, x]`},
	{"a loop in a branch that is not taken", `
w, x = v("w", 3), v("x", 3)
def loop():
    return tf1.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, tf.sin(a) * w), [0, x * 1.0])[1]
y = tf.reduce_sum(tf1.cond(feed(False, np.bool_), loop, lambda: w * 2.0))
xs = [w, x]`},
	{"a loop in a branch in a loop", `
w, x = v("w", 3), v("x", 3)
def loop(a):
    return tf1.while_loop(lambda j, b: j < 3, lambda j, b: (j + 1, tf.sin(b) * w + a), [0, a * 1.0])[1]
def body(i, a):
    return i + 1, tf1.cond(tf.equal(i % 2, 0), lambda: loop(a), lambda: a * x)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 5, body, [0, x * 1.0])[1])
xs = [w, x]`},
	{"a conditional in a loop in a loop", `
w, x = v("w", 3), v("x", 3)
def loop(i, a):
    def body(j, b):
        return j + 1, tf1.cond(tf.equal((i + j) % 3, 0), lambda: tf.sin(b) * w, lambda: b * a + x)
    return tf1.while_loop(lambda j, b: j < 3, body, [0, a * 1.0])[1]
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, loop(i, a)), [0, x * 1.0])[1])
xs = [w, x]`},
	{"a shape in a branch in a loop", `
w = v("w", 3)
x = feed(values(2, 3), shape=[None, 3])
def body(i, a):
    return i + 1, tf1.cond(tf.equal(i % 2, 0), lambda: tf.sin(a) * w, lambda: tf.zeros_like(a) + tf.reduce_sum(w))
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, body, [0, x * 1.0])[1])
xs = [w, x]`},
	{"a variable in a branch in a loop", `
w, b = v("w", 3, 3), v("b", 3)
def body(i, a):
    return i + 1, tf1.cond(tf.equal(i % 2, 0), lambda: tf.tanh(tf.matmul(a, w)), lambda: a + b)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, body, [0, f(2, 3)])[1])
xs = [w, b]`},
	{"an embedding in a branch in a loop", `
w, x = v("w", 5, 3), v("x", 2, 3)
ids = feed([[0, 1], [4, 1], [2, 2]], np.int32)
def body(i, a):
    return i + 1, tf1.cond(tf.equal(i, 1), lambda: a * x, lambda: a * tf.nn.embedding_lookup(w, ids[i]))
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, body, [0, x * 1.0])[1])
xs = [w, x]`},
	{"a TensorArray", `
w = v("w", 3, 2)
ta = tf.TensorArray(tf.float32, 3, clear_after_read=False).unstack(tf.sin(w))
y = tf.reduce_sum(ta.read(0) * ta.read(2) + tf.reduce_sum(ta.stack()))
xs = [w]`},
	{"concat and split of a TensorArray", `
w = v("w", 6, 2)
a = tf.TensorArray(tf.float32, 3, infer_shape=False).split(w * w, [1, 2, 3])
b = tf.TensorArray(tf.float32, 2, infer_shape=False).write(0, a.read(2)).write(1, tf.sin(a.read(1)))
y = tf.reduce_sum(b.concat() * values(5, 2))
xs = [w]`},
	{"gather of a TensorArray", `
w = v("w", 4, 2)
ta = tf.TensorArray(tf.float32, 4).scatter([3, 1, 0, 2], w * w)
y = tf.reduce_sum(ta.gather([0, 2, 3]) * values(3, 2))
xs = [w]`},
	{"TensorArrays in a loop", `
w, x = v("w", 3, 3), v("x", 5, 2, 3)
inputs = tf.TensorArray(tf.float32, 5).unstack(x)
def body(i, h, out):
    h = tf.tanh(tf.matmul(h, w) + inputs.read(i))
    return i + 1, h, out.write(i, h)
_, h, out = tf1.while_loop(lambda i, *_: i < 5, body, [0, tf.zeros([2, 3]), tf.TensorArray(tf.float32, 5)])
y = tf.reduce_sum(out.stack() * values(5, 2, 3)) + tf.reduce_sum(h)
xs = [w, x]`},
	{"a TensorArray that grows", `
w = v("w", 3)
n = feed(4, np.int32)
def body(i, a, out):
    a = tf.sin(a) * w
    return i + 1, a, out.write(i, a)
out = tf1.while_loop(lambda i, *_: i < n, body, [0, w * 1.0, tf.TensorArray(tf.float32, 0, dynamic_size=True)])[2]
y = tf.reduce_sum(out.stack() * tf.reshape(tf.range(12.0), [4, 3]))
xs = [w]`},
	{"a TensorArray made in a loop", `
w = v("w", 3)
def body(i, a):
    ta = tf.TensorArray(tf.float32, 2).write(0, a * w).write(1, tf.sin(a))
    return i + 1, ta.read(0) * ta.read(1)
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 3, body, [0, w * 1.0])[1])
xs = [w]`},
	{"map_fn", `
w, x = v("w", 3), v("x", 4, 3)
y = tf.reduce_sum(tf.map_fn(lambda r: tf.sin(r) * w, tf.convert_to_tensor(x)) * values(4, 3))
xs = [w, x]`},
	{"scan", `
w, x = v("w", 3), v("x", 4, 3)
y = tf.reduce_sum(tf.scan(lambda a, r: tf.sin(a) * w + r, tf.convert_to_tensor(x)) * values(4, 3))
xs = [w, x]`},
	{"foldl and foldr", `
w, x = v("w", 3), v("x", 4, 3)
e = tf.convert_to_tensor(x)
y = tf.reduce_sum(tf.foldl(lambda a, r: tf.sin(a) * w + r, e) + tf.foldr(lambda a, r: a * r + w, e))
xs = [w, x]`},
	{"dynamic_rnn", `
x = feed(values(2, 5, 3))
out, state = rnn.dynamic_rnn(cells.BasicRNNCell(4), x, dtype=tf.float32)
y = tf.reduce_sum(out * values(2, 5, 4)) + tf.reduce_sum(state)
xs = tf1.trainable_variables() + [x]`},
	{"dynamic_rnn with lengths", `
x = feed(values(3, 5, 3), shape=[None, None, 3])
out, state = rnn.dynamic_rnn(cells.LSTMCell(4), x, sequence_length=feed([2, 5, 3], np.int32), dtype=tf.float32)
y = tf.reduce_sum(out * values(3, 5, 4)) + tf.reduce_sum(state.h)
xs = tf1.trainable_variables() + [x]`},
	{"bidirectional LSTM of an embedding", `
table = v("table", 7, 3)
ids = feed([[1, 2, 3, 0], [4, 1, 6, 6]], np.int32, shape=[None, None])
x = tf.nn.embedding_lookup(table, ids)
lengths = feed([3, 4], np.int32)
(fw, bw), _ = rnn.bidirectional_dynamic_rnn(cells.GRUCell(4), cells.BasicLSTMCell(4), x, sequence_length=lengths, dtype=tf.float32, swap_memory=True)
y = tf.reduce_sum(tf.concat([fw, bw], 2) * values(2, 4, 8))
xs = [table] + [t for t in tf1.trainable_variables() if t is not table]`},
	{"two layers of cells", `
x = feed(values(3, 4, 3), shape=[None, None, 3])
cell = cells.MultiRNNCell([cells.LSTMCell(4), cells.GRUCell(2)])
out, state = rnn.dynamic_rnn(cell, x, sequence_length=feed([2, 4, 1], np.int32), dtype=tf.float32, parallel_iterations=4)
y = tf.reduce_sum(out * values(3, 4, 2))
xs = tf1.trainable_variables()`},
	{"raw_rnn", `
x = feed(values(4, 2, 3))
inputs = tf.TensorArray(tf.float32, 4).unstack(x)
cell = cells.BasicRNNCell(3)
def loop(time, output, state, loop_state):
    next_state = cell.zero_state(2, tf.float32) if output is None else state
    done = tf.constant([4, 3]) <= time
    return done, tf1.cond(tf.reduce_all(done), lambda: tf.zeros([2, 3]), lambda: inputs.read(time)), next_state, output, None
out, state, _ = rnn.raw_rnn(cell, loop)
y = tf.reduce_sum(out.stack()) + tf.reduce_sum(state)
xs = tf1.trainable_variables()`},
	{"a loop that is differentiated twice", `
w = v("w", 3)
a = tf1.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.sin(a) * w), [0, w * 1.0])[1]
y = [tf.reduce_sum(a), tf.reduce_sum(a * a)]
xs = [w]`},
}

const loopPrologue = `
from tensorflow.python.keras.layers.legacy_rnn import rnn_cell_impl as cells
from tensorflow.python.ops import rnn
tf1.set_random_seed(1)
tf1.disable_control_flow_v2()
`

func TestLoopsMatchPython(t *testing.T) {
	for _, tt := range loops {
		t.Run(tt.name, func(t *testing.T) {
			sameGradients(t, pythonModel(t, loopPrologue+tt.script))
		})
	}
}
