package verify_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// Writes models whose variables do not fit, and returns which of them TensorFlow refuses:
// of TensorFlow 2 (folders with their variables exchanged or gone), and of TensorFlow 1 (a
// graph of one shape, a checkpoint of another).
const misfits = `
import shutil
refused = {}
def tf2(name, make, change):
    folder = os.path.join(args[0], name)
    m = tf.Module(); make(m)
    m.f = tf.function(lambda x: x * tf.cast(tf.reduce_sum(m.w), tf.float32), input_signature=[tf.TensorSpec([2], tf.float32)])
    tf.saved_model.save(m, folder, signatures=m.f)
    change(folder)
    try:
        tf.saved_model.load(folder); refused[name] = False
    except Exception:
        refused[name] = True
def w(*shape, dtype=tf.float32, name="w"):
    def make(m): m.w = tf.Variable(tf.ones(shape, dtype), name=name)
    return make
def exchanged(make):
    def change(folder):
        m = tf.Module(); make(m)
        tf.saved_model.save(m, folder + "_other")
        shutil.rmtree(folder + "/variables"); shutil.move(folder + "_other/variables", folder); shutil.rmtree(folder + "_other")
    return change
def other(m): m.v = tf.Variable(tf.ones([2, 3]), name="w")
tf2("good", w(2, 3), lambda folder: None)
tf2("same", w(2, 3), exchanged(w(2, 3)))
tf2("shape", w(2, 3), exchanged(w(2, 4)))
tf2("type", w(2, 3), exchanged(w(2, 3, dtype=tf.int32)))
tf2("attribute", w(2, 3), exchanged(other))
tf2("gone", w(2, 3), lambda folder: shutil.rmtree(folder + "/variables"))
tf2("index", w(2, 3), lambda folder: os.remove(folder + "/variables/variables.index"))
for flavor in ("ref", "resource"):
    for name, shape in (("same", [2, 3]), ("shape", [2, 4])):
        folder = os.path.join(args[0], flavor + " " + name); os.makedirs(folder)
        def build(shape):
            g = tf.Graph()
            with g.as_default():
                tf.compat.v1.get_variable("w", shape, use_resource=flavor == "resource")
                return g, tf.compat.v1.train.Saver()
        g, s = build(shape)
        with tf.compat.v1.Session(graph=g) as sess:
            sess.run(g.get_operation_by_name("w/Assign"))
            s.save(sess, folder + "/m", write_state=False)
        g, s = build([2, 3])
        with g.as_default(): tf.compat.v1.train.export_meta_graph(folder + "/m.meta", saver_def=s.as_saver_def())
        try:
            with tf.compat.v1.Session(graph=g) as sess: s.restore(sess, folder + "/m")
            refused[flavor + " " + name] = False
        except Exception:
            refused[flavor + " " + name] = True
result = refused
`

func TestVariablesAreHeldAgainstTheCheckpoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	refused := map[string]bool{}
	oracle.RunEager(t, misfits, dir).Decode(t, &refused)
	says := map[string]string{
		"shape":          `BAD .: variable "w" has shape [2 3], and "w/.ATTRIBUTES/VARIABLE_VALUE" in the checkpoint [2 4]`,
		"type":           `BAD .: variable "w" has type float32, and "w/.ATTRIBUTES/VARIABLE_VALUE" in the checkpoint int32`,
		"attribute":      `BAD .: the checkpoint has no object for variable "w"`,
		"gone":           "BAD .: it has variables, but no values for them",
		"index":          "BAD ",
		"ref shape":      `BAD m.meta: variable "w" has shape [2 3], and "w" in the checkpoint [2 4]`,
		"resource shape": `note m.meta: variable "w" has shape [2 3], and "w" in the checkpoint [2 4]`,
	}
	require.Len(t, refused, 11)
	for name, bad := range refused {
		folder := filepath.Join(dir, name)
		found := strings.Join(faults(t, folder, reports(t, folder)), "\n")
		assert.Equal(t, bad, strings.Contains(found, "BAD "), "%s: TensorFlow refuses it: %t\n%s", name, bad, found)
		if says[name] == "" {
			assert.Empty(t, found, name)
		}
		assert.Contains(t, found, says[name], name)
	}
}
