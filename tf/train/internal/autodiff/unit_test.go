package autodiff_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/tf/train/internal/autodiff"
)

// TestRecomputeEqualsKeeping compares the gradients with Python's, which keeps all activations, and
// counts the operations that run again.
func TestRecomputeEqualsKeeping(t *testing.T) {
	for _, tt := range []struct {
		name, script, again string
		count               int
	}{
		{"layers", `
w1, w2, b = v("w1", 4, 5), v("w2", 5, 3), v("b", 5)
x = feed(values(6, 4), shape=[None, 4])
with tf1.name_scope("block"):
    h = tf.tanh(tf.matmul(x, w1) + b)
    h = tf.tanh(h * h)
y = tf.reduce_sum(tf.matmul(h, w2) ** 2) + tf.reduce_sum(h)
xs = [w1, w2, b, x]`, "Tanh", 2},
		{"dropout and an embedding", `
tf1.set_random_seed(4)
w, table = v("w", 4, 4), v("table", 7, 4)
with tf1.name_scope("block"):
    h = tf.nn.embedding_lookup(table, feed([1, 3, 3], np.int32))
    h = tf.nn.dropout(tf.tanh(tf.matmul(h, w)), 0.0) + tf.round(tf1.random_uniform([3, 4], seed=2)) * 0.0
    h = tf.gather(tf.sin(h), [2, 1], axis=1)
y = tf.reduce_sum(h * values(3, 2))
xs = [w, table]`, "Tanh", 1},
		{"a conditional", `
tf1.disable_control_flow_v2()
w = v("w", 3)
a = w * 2.0
with tf1.name_scope("block"):
    h = tf1.cond(feed(True, np.bool_), lambda: tf.sin(a) * a, lambda: tf.cos(a))
    h = tf.exp(h)
y = tf.reduce_sum(h * h)
xs = [w]`, "Sin", 1},
		{"in a loop", `
tf1.disable_control_flow_v2()
w, x = v("w", 3, 3), v("x", 2, 3)
def body(i, a):
    with tf1.name_scope("block"):
        b = tf.tanh(tf.sin(tf.matmul(a, w)) * a)
    return i + 1, b + x
y = tf.reduce_sum(tf1.while_loop(lambda i, a: i < 4, body, [0, x * 1.0], name="loop")[1])
xs = [w, x]`, "Tanh", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := pythonModel(t, tt.script)
			scope := "block"
			if tt.name == "in a loop" {
				scope = "loop/block"
			}
			sameGradientsWith(t, m, autodiff.Options{Recompute: []string{scope}})

			g := m.load(t)
			_, err := autodiff.Build(g, outputs(t, g, m.Ys), outputs(t, g, m.Xs), &autodiff.Options{Recompute: []string{scope}})
			require.NoError(t, err)
			var again []string
			for _, op := range g.Operations() {
				if op.Type() == tt.again && strings.HasPrefix(op.Name(), "gradients/") && strings.Contains(op.Name(), "/again/"+scope+"/") {
					again = append(again, op.Name())
				}
			}
			assert.Len(t, again, tt.count, "operations that run again")
		})
	}
}

func TestRecomputeRefusesWrongScopes(t *testing.T) {
	g, ys, xs := forward(t, `
w = v("w", 2)
with tf1.name_scope("first"):
    a = tf.sin(w)
b = tf.cos(a)
with tf1.name_scope("first/"):
    y = tf.reduce_sum(a * b)
xs = [w]`)
	before := len(g.Operations())
	_, err := autodiff.Build(g, ys, xs, &autodiff.Options{Recompute: []string{"first"}})
	assert.ErrorContains(t, err, `"Cos" is outside of it`)
	_, err = autodiff.Build(g, ys, xs, &autodiff.Options{Recompute: []string{"second"}})
	assert.ErrorContains(t, err, `no operation of the scope "second"`)
	_, err = autodiff.Build(g, ys, append(xs, g.Operation("first/Sin").Output(0)), &autodiff.Options{Recompute: []string{"first"}})
	require.ErrorContains(t, err, "first/Sin is in the scope")
	assert.Len(t, g.Operations(), before, "the graph is unchanged")
}
