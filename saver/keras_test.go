package saver_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// TestGraphStartsFromKeras starts a graph of TensorFlow 1 from a checkpoint of a Keras model, by
// InitFromCheckpoint and by a Saver with a VarMap.
func TestGraphStartsFromKeras(t *testing.T) {
	var python struct {
		Path        string
		First, Last [][]float32
	}
	oracle.RunEager(t, `
		tf.keras.backend.clear_session()
		m = tf.keras.Sequential([tf.keras.Input([2]), tf.keras.layers.Dense(2), tf.keras.layers.Dense(1)])
		other = tf.keras.Sequential([tf.keras.Input([2]), tf.keras.layers.Dense(3)], name="other")
		path = tf.train.Checkpoint(model=m, other=other, count=tf.Variable(7.0), twin=tf.Variable(8.0)).save(args[0] + "/ckpt")
		result = {"Path": path, "First": m.layers[0].kernel.numpy(), "Last": m.layers[1].kernel.numpy()}
	`, t.TempDir()).Decode(t, &python)
	build := func(prefix string) (*tf.Graph, *tf.Session, []*tf.Variable) {
		g := tf.NewGraph()
		all := []*tf.Variable{
			variable(t, g, prefix+"dense/kernel", [][]float32{{0, 0}, {0, 0}}),
			variable(t, g, prefix+"dense_1/kernel", [][]float32{{0}, {0}}),
		}
		return g, initialized(t, g), all
	}
	const first, last = "model/_functional/_operations/1/_kernel", "model/_functional/_operations/2/_kernel"
	for _, c := range []struct {
		name, prefix string
		assign       map[string]string
	}{
		{"names without the model", "", map[string]string{"/": "/"}},
		{"full names", "net/", map[string]string{"sequential/": "net/"}},
		{"a scope of another name", "net/", map[string]string{"/": "net/"}},
		{"paths", "net/", map[string]string{first: "net/dense/kernel", last: "net/dense_1/kernel"}},
		{"paths from a child", "", map[string]string{"_functional/_operations/1/_kernel": "dense/kernel", "_functional/_operations/2/_kernel": "dense_1/kernel"}},
		{"keys", "", map[string]string{first + "/.ATTRIBUTES/VARIABLE_VALUE": "dense/kernel", "sequential/dense_1/kernel": "dense_1/kernel"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, sess, all := build(c.prefix)
			require.NoError(t, saver.InitFromCheckpoint(ctx, sess, python.Path, c.assign))
			assert.Equal(t, python.First, tfgraph.Value(t, sess, all[0].Value()))
			assert.Equal(t, python.Last, tfgraph.Value(t, sess, all[1].Value()))
		})
	}
	for _, names := range [][2]string{{first, last}, {"dense/kernel", "dense_1/kernel"}, {"sequential/dense/kernel", "sequential/dense_1/kernel"}} {
		g, sess, all := build("mine/")
		s := newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{names[0]: saver.Var(all[0]), names[1]: saver.Var(all[1])}})
		_, err := s.Restore(ctx, sess, python.Path, nil)
		require.NoError(t, err)
		assert.Equal(t, python.First, tfgraph.Value(t, sess, all[0].Value()))
		assert.Equal(t, python.Last, tfgraph.Value(t, sess, all[1].Value()))
	}
	for _, c := range []struct {
		name   string
		assign map[string]string
		kind   error
		says   string
	}{
		{"a name of two variables", map[string]string{"Variable": "dense/kernel"}, tfkeep.ErrMismatch, "could be meant by Variable"},
		{"another shape", map[string]string{"other/dense_2/kernel": "dense/kernel"}, tfkeep.ErrMismatch, "[2,3]"},
		{"no such name", map[string]string{"sequential/dense_9/kernel": "dense/kernel"}, tfkeep.ErrNotFound, `"sequential/dense_9/kernel"`},
		{"one for two", map[string]string{"sequential/dense/kernel": "dense/kernel", first: "dense_1/kernel"}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, sess, all := build("")
			err := saver.InitFromCheckpoint(ctx, sess, python.Path, c.assign)
			require.Error(t, err)
			if c.kind != nil {
				require.ErrorIs(t, err, c.kind)
			}
			assert.ErrorContains(t, err, c.says)
			assert.Equal(t, [][]float32{{0, 0}, {0, 0}}, tfgraph.Value(t, sess, all[0].Value()), "nothing was assigned")
		})
	}
}
