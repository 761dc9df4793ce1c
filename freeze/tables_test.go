package freeze_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// The model looks words up in a file.
func TestTablesAreReportedAndEmbedded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	initializer := oracle.Value[string](t, `
d = args[0]
with open(d + "/words.txt", "w") as f:
    f.write("the\tx\nquick\ty\nfox\tz\n")
words = tf1.placeholder(tf.string, [None], name="x")
init = tf.lookup.TextFileInitializer(d + "/words.txt", tf.string, 0, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)
table = tf.lookup.StaticHashTable(init, -1)
w = tf1.get_variable("w", initializer=np.arange(8, dtype=np.float32).reshape(4, 2))
tf.gather(w, table.lookup(words) + 1, name="y")
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    tf1.train.Saver().save(s, d + "/model")
result = tf1.get_collection(tf1.GraphKeys.TABLE_INITIALIZERS)[0].name
`, dir)
	ckpt := filepath.Join(dir, "model")
	plain, err := freeze.FromCheckpoint(t.Context(), ckpt, &freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	defer plain.Close()
	r := plain.Report()
	assert.Len(t, r.Tables, 1)
	assert.Len(t, r.Assets, 1)
	assert.Equal(t, []string{initializer}, r.TableInitializers)

	plan, err := freeze.FromCheckpoint(t.Context(), ckpt, &freeze.Options{Outputs: []string{"y"}, InitializerNodes: []string{initializer}, EmbedTables: true})
	require.NoError(t, err)
	defer plan.Close()
	frozen := filepath.Join(dir, "frozen.pb")
	err = plan.WriteFile(t.Context(), frozen, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(dir, "words.txt")}, plan.Report().Embedded)
	y := oracle.Value[[][]float64](t, `
os.remove(args[1])
d = tf1.GraphDef()
d.ParseFromString(open(args[0], "rb").read())
assert not [n for n in d.node if "TextFile" in n.op or n.op == "VarHandleOp"]
tf1.import_graph_def(d, name="")
with tf1.Session() as s:
    s.run(args[2])
    result = s.run("y:0", {"x:0": ["fox", "nothing", "the"]}).tolist()
`, frozen, filepath.Join(dir, "words.txt"), initializer)
	assert.Equal(t, [][]float64{{6, 7}, {0, 1}, {2, 3}}, y)

	// The file is somewhere else by now, and Assets says where.
	moved := t.TempDir()
	o := &freeze.Options{Outputs: []string{"y"}, EmbedTables: true}
	_, err = freeze.FromCheckpoint(t.Context(), ckpt, o)
	require.Error(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(moved, "words.txt"), []byte("a\t1\n"), 0o600))
	o.Assets = moved
	elsewhere, err := freeze.FromCheckpoint(t.Context(), ckpt, o)
	require.NoError(t, err)
	defer elsewhere.Close()
	require.NoError(t, elsewhere.WriteFile(t.Context(), filepath.Join(moved, "frozen.pb"), nil))
	assert.Equal(t, []string{filepath.Join(moved, "words.txt")}, elsewhere.Report().Embedded)

	_, err = freeze.FromCheckpoint(t.Context(), ckpt, &freeze.Options{Outputs: []string{"y"}, InitializerNodes: []string{initializer}, EmbedTables: true})
	require.ErrorIs(t, err, tfkeep.ErrUnsupported, "the file is gone")
	assert.ErrorContains(t, err, "words.txt")
}
