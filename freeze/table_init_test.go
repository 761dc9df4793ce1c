package freeze_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// The init op of a SavedModel runs after the restore. What it inserts into a mutable table is
// not in the checkpoint.
func TestInitOpThatChangesATableIsRefused(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	oracle.Run(t, `
		for name in ["plain", "inserts"]:
			with tf1.Graph().as_default(), tf1.Session() as sess:
				table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
				x = tf1.placeholder(tf.string, [None], "x")
				y = tf.identity(table.lookup(x), "y")
				first = table.insert(tf.constant(["a"]), tf.constant([1], tf.int64))
				second = table.insert(tf.constant(["b"]), tf.constant([2], tf.int64))
				sess.run(first)
				b = tf1.saved_model.builder.SavedModelBuilder(os.path.join(args[0], name))
				b.add_meta_graph_and_variables(sess, ["serve"], main_op=second if name == "inserts" else None, saver=tf1.train.Saver(tf1.get_collection(tf1.GraphKeys.SAVEABLE_OBJECTS)),
					signature_def_map={"serving_default": tf1.saved_model.predict_signature_def({"x": x}, {"y": y})})
				b.save()
	`, base)
	for name, refused := range map[string]bool{"plain": false, "inserts": true} {
		plan, err := freeze.FromSavedModel(t.Context(), filepath.Join(base, name), &freeze.Options{EmbedTables: true})
		if refused {
			require.ErrorIs(t, err, tfkeep.ErrUnsupported, name)
			require.ErrorContains(t, err, "init op changes a lookup table", name)
			continue
		}
		require.NoError(t, err, name)
		assert.NoError(t, plan.Close())
	}
}
