package autodiff_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// functionalModels have the functional control flow that Python writes today.
var functionalModels = []struct{ name, script string }{
	{"cond", `
w, x = v("w", 3, 3), f(2, 3)
p = feed(True, np.bool_)
a, b = tf.cond(p, lambda: (tf.tanh(x @ w), tf.reduce_sum(w * w)), lambda: (tf.sin(x), tf.reduce_sum(w)))
c = tf.cond(tf.logical_not(p), lambda: tf.exp(x) * x, lambda: tf.tanh(tf.square(x @ w)))
y = tf.reduce_sum(a * c) * b
xs = [w, x]`},
	{"cond without influence", `
w, x = v("w", 3), f(3)
y = tf.reduce_sum(tf.cond(feed(False, np.bool_), lambda: w * 2.0, lambda: tf.square(x)))
xs = [w, x]`},
	{"nested cond", `
w, x = v("w", 3, 3), f(2, 3)
p = feed(True, np.bool_)
def inner(a):
    return tf.cond(tf.reduce_sum(a) > 100.0, lambda: tf.exp(a), lambda: tf.sigmoid(tf.sin(a) @ w))
y = tf.reduce_sum(tf.cond(p, lambda: inner(x @ w), lambda: x))
xs = [w, x]`},
	{"case", `
w, x = v("w", 3, 3), f(2, 3)
y = tf.reduce_sum(tf.switch_case(feed(1, np.int32), [lambda: x, lambda: tf.square(tf.tanh(x @ w)), lambda: w[:2] * tf.exp(x)]))
xs = [w, x]`},
	{"while", `
w, x = v("w", 3, 3), f(2, 3)
i, a = tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, tf.tanh(a @ w) * x), [0, x])
y = tf.reduce_sum(a)
xs = [w, x]`},
	{"while with several variables", `
w, x, n = v("w", 3), f(3), feed(5, np.int32)
def body(i, a, b, c):
    return i + 1, tf.sin(a) + b, b * w, c * 2.0
i, a, b, c = tf.while_loop(lambda i, a, *_: i < n, body, [0, x, w, x], maximum_iterations=7)
y = [tf.reduce_sum(a * b), tf.reduce_sum(b)]
xs = [w, x]`},
	{"while without iterations", `
w, x = v("w", 3), f(3)
y = tf.reduce_sum(tf.while_loop(lambda i, a: i < 0, lambda i, a: (i + 1, tf.exp(a) * w), [0, x])[1] * x)
xs = [w, x]`},
	{"growing while", `
w, x = v("w", 3), f(2, 3)
a = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.concat([a * w, tf.exp(x)], 0)), [0, x], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])])[1]
y = tf.reduce_sum(a * a)
xs = [w, x]`},
	{"cond in while", `
w, x = v("w", 3, 3), f(2, 3)
def body(i, a):
    return i + 1, tf.cond(tf.equal(i % 2, 0), lambda: tf.tanh(a @ w), lambda: tf.sin(a) * x)
y = tf.reduce_sum(tf.while_loop(lambda i, a: i < 5, body, [0, x])[1])
xs = [w, x]`},
	{"while in while", `
w, x = v("w", 3, 3), f(2, 3)
def inner(a, n):
    return tf.while_loop(lambda j, b: j < n, lambda j, b: (j + 1, tf.tanh(b @ w)), [0, a])[1]
y = tf.reduce_sum(tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, inner(a, i + 1) * x), [0, x])[1])
xs = [w, x]`},
	{"while in cond", `
w, x = v("w", 3, 3), f(2, 3)
y = tf.reduce_sum(tf.cond(feed(True, np.bool_), lambda: tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.tanh(a @ w)), [0, x])[1], lambda: x))
xs = [w, x]`},
	{"tensor arrays", `
w, x = v("w", 3, 3), f(4, 3)
def body(i, h, ta):
    h = tf.tanh(h @ w + x[i])
    return i + 1, h, ta.write(i, h)
_, h, ta = tf.while_loop(lambda i, *_: i < 4, body, [0, tf.zeros([1, 3]), tf.TensorArray(tf.float32, 4)])
y = tf.reduce_sum(tf.square(ta.stack())) + tf.reduce_sum(ta.gather([1, 1])) + tf.reduce_sum(ta.concat() * 0.5) + tf.reduce_sum(h)
xs = [w, x]`},
	{"map, scan and fold", `
w, x = v("w", 3, 3), f(4, 3)
step = lambda a, e: tf.tanh(tf.reshape(a[None] @ w, [3])) + e
y = tf.reduce_sum(tf.map_fn(lambda e: tf.sin(e) * w[0], x)) + tf.reduce_sum(tf.square(tf.scan(step, x))) + tf.reduce_sum(tf.foldl(step, x)) + tf.reduce_sum(tf.foldr(step, x, tf.ones([3])))
xs = [w, x]`},
	{"lists", `
from tensorflow.python.ops import list_ops as lists
x = f(4, 3)
l = lists.tensor_list_from_tensor(tf.sin(x), [3])
longer = lists.tensor_list_resize(lists.tensor_list_resize(l, 6), 4)
scattered = lists.tensor_list_scatter(tf.exp(x), [2, 0, 1, 3], [3])
into = lists.tensor_list_scatter(tf.square(x[:2]), [3, 1], input_handle=l)
pushed = lists.tensor_list_push_back(l, x[0])
shorter, last = lists.tensor_list_pop_back(pushed, tf.float32)
parts = lists.tensor_list_split(x * x, [-1, 3], [1, 3])
stack = lambda l: tf.reduce_sum(tf.square(lists.tensor_list_stack(l, tf.float32)))
y = stack(longer) + stack(scattered) + stack(into) + stack(shorter) + tf.reduce_sum(tf.exp(last)) + tf.reduce_sum(tf.sin(lists.tensor_list_get_item(parts, 1, tf.float32))) + tf.reduce_sum(tf.sin(lists.tensor_list_concat(parts, tf.float32, [-1, 3])))
xs = [x]`},
	{"an embedding in a loop", `
w, n = v("w", 5, 3), feed([1, 3, 1], np.int32)
y = tf.reduce_sum(tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.tanh(a + tf.gather(w, n[i]))), [0, tf.zeros([3])])[1])
xs = [w]`},
	{"second gradient of cond", `
x = f(3)
z = tf.reduce_sum(tf.cond(feed(True, np.bool_), lambda: tf.sin(x) * x, lambda: x))
y = tf.reduce_sum(tf.square(tf1.gradients(z, x)[0]))
xs = [x]`},
	{"second gradient of while", `
w, x = v("w", 3), f(3)
z = tf.reduce_sum(tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.sin(a) * w), [0, x])[1])
y = tf.reduce_sum(tf.square(tf1.gradients(z, x)[0]))
xs = [x, w]`},
	{"Keras LSTM with a mask", `
w, u, bias, x = v("w", 3, 8), v("u", 2, 8), v("b", 8), f(2, 4, 3)
n = feed([4, 2], np.int32)
def step(t, h, c):
    i, g, fo, o = tf.split(x[:, t] @ w + h @ u + bias, 4, 1)
    c2 = tf.sigmoid(fo) * c + tf.sigmoid(i) * tf.tanh(g)
    h2 = tf.sigmoid(o) * tf.tanh(c2)
    on = (t < n)[:, None]
    return t + 1, tf.where(on, h2, h), tf.where(on, c2, c)
_, h, c = tf.while_loop(lambda t, *_: t < tf.reduce_max(n), step, [0, tf.zeros([2, 2]), tf.zeros([2, 2])])
y = tf.reduce_sum(tf.square(h)) + tf.reduce_sum(c)
xs = [w, u, bias, x]`},
}

// functionalModel builds a model with the control flow of version 2.
func functionalModel(t *testing.T, script string) model {
	t.Helper()
	var m model
	oracle.Run(t, prologue+"tf1.enable_control_flow_v2()\n"+script+epilogue+"tf1.disable_control_flow_v2()\n").Decode(t, &m)
	return m
}

func TestFunctionalGradientsEqualPython(t *testing.T) {
	for _, tt := range functionalModels {
		t.Run(tt.name, func(t *testing.T) { sameGradients(t, functionalModel(t, tt.script)) })
	}
}

func TestFunctionGradientsEqualPython(t *testing.T) {
	var m model
	oracle.Run(t, prologue+`
w, x = v("w", 3, 3), f(2, 3)
def g(a): return tf.tanh(a @ w), tf.sin(a)
a, b = tf.function(g)(x)
y = tf.reduce_sum(a * b * a)
xs = [w, x]`+epilogue).Decode(t, &m)
	require.NotEmpty(t, m.Grads)
	sameGradients(t, m)
}
