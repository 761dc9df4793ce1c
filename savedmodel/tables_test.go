package savedmodel_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/savedmodel/offline"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

const wordsAndCounts = `
d = args[0]
with open(d + "/words.txt", "w") as f:
    f.write("the\nfox\n")
x = tf1.placeholder(tf.string, [None], name="x")
w = tf1.get_variable("w", initializer=np.int64([1, 10, 100]))
words = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(d + "/words.txt", tf.string, -2, tf.int64, -1), -1)
y = tf.gather(w, words.lookup(x) + 1)
if args[1]:
    counts = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, 0, name="counts")
    y += counts.lookup(x)
tf.identity(y, name="y")
with tf1.Session() as s:
    s.run([tf1.global_variables_initializer(), tf1.tables_initializer()])
    if args[1]:
        s.run(counts.insert(["fox"], tf.constant([5000], tf.int64)))
    tf1.train.Saver().save(s, d + "/model")
result = s.graph.get_collection("saveable_objects") != []
`

const served = `
m = tf.saved_model.load(args[0])
f = m.signatures["serving_default"]
result = [int(v) for v in f(tf.constant(["fox", "the", "z"]))["y"].numpy()]
`

func runServed(t *testing.T, dir string) (values []int) {
	t.Helper()
	oracle.RunEager(t, served, dir).Decode(t, &values)
	return values
}

// openImported imports the meta graph of a checkpoint and restores it.
func openImported(t *testing.T, dir string) *tf.Session {
	t.Helper()
	g := tf.NewGraph()
	sv, err := saver.ImportMetaGraph(ctx, g, filepath.Join(dir, "model.meta"), nil)
	require.NoError(t, err)
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sess.Close()) })
	_, err = sv.Restore(ctx, sess, filepath.Join(dir, "model"), nil)
	require.NoError(t, err)
	require.NoError(t, sv.Close())
	return sess
}

// An imported graph has the nodes of the table's Saveable, but not the Saveable.
func TestSimpleSaveKeepsTables(t *testing.T) {
	for _, mutable := range []bool{false, true} {
		dir := t.TempDir()
		require.Equal(t, mutable, oracle.Value[bool](t, wordsAndCounts, dir, mutable))
		sess := openImported(t, dir)
		x, err := sess.Graph().OutputByName("x:0")
		require.NoError(t, err)
		y, err := sess.Graph().OutputByName("y:0")
		require.NoError(t, err)
		export := filepath.Join(dir, "export")
		require.NoError(t, savedmodel.SimpleSave(ctx, sess, export, map[string]tf.Output{"x": x}, map[string]tf.Output{"y": y}, nil))
		require.NoError(t, os.Remove(filepath.Join(dir, "words.txt")))
		want := []int{100, 10, 1}
		if mutable {
			want[0] = 5100
		}
		assert.Equal(t, want, runServed(t, export))
	}
}

func TestFromCheckpointKeepsTables(t *testing.T) {
	dir := t.TempDir()
	oracle.Value[bool](t, wordsAndCounts, dir, true)
	o := &offline.Options{Inputs: map[string]string{"x": "x:0"}, Outputs: map[string]string{"y": "y:0"}}
	export := filepath.Join(dir, "export")
	_, err := offline.FromCheckpoint(ctx, filepath.Join(dir, "model"), export, o)
	require.NoError(t, err)
	words := filepath.Join(dir, "words.txt")
	require.NoError(t, os.Remove(words))
	assert.Equal(t, []int{5100, 10, 1}, runServed(t, export))

	_, err = offline.FromCheckpoint(ctx, filepath.Join(dir, "model"), filepath.Join(dir, "second"), o)
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, words)
	assert.NoDirExists(t, filepath.Join(dir, "second"))
}

func TestNewSaverRefusesToLoseState(t *testing.T) {
	dir := t.TempDir()
	oracle.Value[bool](t, `
ds = tf1.data.make_initializable_iterator(tf.data.Dataset.range(10))
ds.get_next()
w = tf1.get_variable("w", initializer=1.0)
tf1.add_to_collection(tf1.GraphKeys.SAVEABLE_OBJECTS, tf.data.experimental.make_saveable_from_iterator(ds))
with tf1.Session() as s:
    s.run([tf1.global_variables_initializer(), ds.initializer])
    tf1.train.Saver().save(s, args[0] + "/model")
result = True
`, dir)
	g := tf.NewGraph()
	sv, err := saver.ImportMetaGraph(ctx, g, filepath.Join(dir, "model.meta"), nil)
	require.NoError(t, err)
	require.NoError(t, sv.Close())
	_, err = saver.New(g, nil)
	require.ErrorIs(t, err, tfkeep.ErrUnsupported)
	assert.ErrorContains(t, err, "DeserializeIterator")
}

// A table that a function fills would stay empty in the model, or lack its file.
func TestFromCheckpointRefusesFillsInFunctions(t *testing.T) {
	for _, kind := range []string{"file", "constants"} {
		dir := t.TempDir()
		functions := oracle.Value[[]string](t, `
with open(args[0] + "/words.txt", "w") as f:
    f.write("the\nfox\n")
x = tf1.placeholder(tf.string, [None], name="x")
w = tf1.get_variable("w", initializer=np.int64(7))
@tf.function(autograph=False)
def f(x):
    h = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name="t")
    if args[1] == "file":
        fill = tf.raw_ops.InitializeTableFromTextFileV2(table_handle=h, filename=args[0] + "/words.txt", key_index=-2, value_index=-1)
    else:
        fill = tf.raw_ops.InitializeTableV2(table_handle=h, keys=["a"], values=tf.constant([1], tf.int64))
    with tf.control_dependencies([fill]):
        return tf.raw_ops.LookupTableFindV2(table_handle=h, keys=x, default_value=tf.constant(-1, tf.int64))
y = tf.identity(f(x) + w, name="y")
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    tf1.train.Saver().save(s, args[0] + "/model")
result = [n.op for fn in s.graph.as_graph_def().library.function for n in fn.node_def]
`, dir, kind)
		require.NotEmpty(t, functions)
		_, err := offline.FromCheckpoint(ctx, filepath.Join(dir, "model"), filepath.Join(dir, "export"),
			&offline.Options{Inputs: map[string]string{"x": "x:0"}, Outputs: map[string]string{"y": "y:0"}})
		require.ErrorIs(t, err, tfkeep.ErrUnsupported, kind)
		assert.ErrorContains(t, err, "in the function", kind)
		assert.NoDirExists(t, filepath.Join(dir, "export"))
	}
}
