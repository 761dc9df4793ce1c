package saver_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/savedmodel/offline"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// The parameters of a CudnnRNN are saved as weights and biases, through ops that need a GPU. The
// model has the nodes that contrib's CudnnParamsSaveable made, and a checkpoint of their keys.
const cudnnModel = `
from tensorflow.python.training.saving import saveable_object as so
sizes = dict(num_layers=1, num_units=2, input_size=2, rnn_mode="gru")
class Params(so.SaveableObject):
    def __init__(self, v, name, transpose):
        self.v, self.transpose = v, transpose
        w, b = tf.raw_ops.CudnnRNNParamsToCanonical(params=v, num_params=6, **sizes)
        w = [tf.transpose(x) for x in w] if transpose else w
        specs = [so.SaveSpec(x, "", "%s/%s%d" % (name, kind, i), tf.float32) for kind, xs in (("w", w), ("b", b)) for i, x in enumerate(xs)]
        super().__init__(v, specs, v.op.name)
    def restore(self, tensors, shapes):
        w = [tf.transpose(x) for x in tensors[:6]] if self.transpose else tensors[:6]
        p = tf.raw_ops.CudnnRNNCanonicalToParams(weights=w, biases=tensors[6:], **sizes)
        return tf1.assign(self.v, p, validate_shape=False)
v = tf1.get_variable("rnn/opaque", [36], collections=[tf1.GraphKeys.TRAINABLE_VARIABLES] + ([tf1.GraphKeys.GLOBAL_VARIABLES] if args[2] else []))
w = tf1.get_variable("w", initializer=3.0)
tf1.add_to_collection(tf1.GraphKeys.SAVEABLE_OBJECTS, Params(v, "rnn/canonical", args[1]))
y = tf.identity(tf.reduce_sum(v) + w, name="y")
saver = tf1.train.Saver([w] + tf1.get_collection(tf1.GraphKeys.SAVEABLE_OBJECTS))
saver.export_meta_graph(args[0] + ".meta")
with tf.Graph().as_default(), tf1.Session() as s:
    keys = {"w": tf1.get_variable("w", initializer=3.0)}
    for i in range(6):
        keys["rnn/canonical/w%d" % i] = tf1.get_variable("w%d" % i, [2, 2])
        keys["rnn/canonical/b%d" % i] = tf1.get_variable("b%d" % i, [2])
    s.run(tf1.global_variables_initializer())
    tf1.train.Saver(keys).save(s, args[0], write_meta_graph=False)
`

// No verb loses the parameters without a word: what cannot save or restore them names the
// operation, or the variable.
func TestCudnnParametersAreRefusedByName(t *testing.T) {
	for _, c := range []struct {
		name              string
		transpose, global bool
	}{{"plain", false, false}, {"transposed", true, false}, {"a global variable too", false, true}} {
		t.Run(c.name, func(t *testing.T) {
			prefix := filepath.Join(t.TempDir(), "m")
			oracle.Run(t, cudnnModel, prefix, c.transpose, c.global)
			g := tf.NewGraph()
			own, err := saver.ImportMetaGraph(ctx, g, prefix+".meta", nil)
			require.NoError(t, err)
			defer own.Close()
			_, err = saver.New(g, nil)
			require.ErrorIs(t, err, tfkeep.ErrUnsupported)
			assert.ErrorContains(t, err, "(CudnnRNNCanonicalToParams) restores state that is no variable")

			sess := newSession(t, g)
			_, err = own.Restore(ctx, sess, prefix, nil)
			require.ErrorContains(t, err, "CudnnRNNCanonicalToParams")
			_, err = own.Save(ctx, sess, prefix+"-2", nil)
			require.ErrorContains(t, err, "CudnnRNNParamsToCanonical")
			assert.NoFileExists(t, prefix+"-2.index")

			_, err = freeze.FromCheckpoint(ctx, prefix, &freeze.Options{Outputs: []string{"y"}})
			require.ErrorContains(t, err, "rnn/opaque")
			_, err = offline.FromCheckpoint(ctx, prefix, prefix+"-model", &offline.Options{Inputs: map[string]string{"x": "w"}, Outputs: map[string]string{"y": "y"}})
			require.NoError(t, err, "the model has the nodes and the keys of the graph's own Saver")
		})
	}
}
