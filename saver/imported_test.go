package saver_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// A new Saver of an imported graph saves the tables that the graph's own Saver restores, under
// the same keys: Python restores them from its checkpoint.
func TestNewSaverSavesImportedTables(t *testing.T) {
	const model = `
		def build():
			words = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1, name="words")
			vectors = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, [0.0, 0.0], name="vectors")
			w = tf1.get_variable("w", initializer=3.0)
			return words, vectors, w
	`
	dir := t.TempDir()
	prefix := filepath.Join(dir, "python")
	oracle.Run(t, model+`
		words, vectors, w = build()
		fill = [words.insert(["a", "b"], tf.constant([1, 2], tf.int64)), vectors.insert(tf.constant([7], tf.int64), [[1.5, 2.5]])]
		with tf1.Session() as s:
			s.run([tf1.global_variables_initializer()] + fill)
			tf1.train.Saver().save(s, args[0])
	`, prefix)
	g := tf.NewGraph()
	first, err := saver.ImportMetaGraph(ctx, g, prefix+".meta", nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, first.Close()) }()
	s := newSaver(t, g, &saver.Options{Name: "again"})
	sess := newSession(t, g)
	_, err = first.Restore(ctx, sess, prefix, nil)
	require.NoError(t, err)
	saved, err := s.Save(ctx, sess, filepath.Join(dir, "go"), nil)
	require.NoError(t, err)

	got := oracle.Value[[]any](t, model+`
		words, vectors, w = build()
		out = [words.lookup(tf.constant(["b", "a", "z"])), vectors.lookup(tf.constant([7, 8], tf.int64)), w]
		with tf1.Session() as s:
			tf1.train.Saver().restore(s, args[0])
			result = [x.tolist() for x in s.run(out)]
	`, saved)
	assert.Equal(t, []any{[]any{2., 1., -1.}, []any{[]any{1.5, 2.5}, []any{0., 0.}}, 3.}, got)
}

// The hooks run before a save takes values and after a restore has assigned them. Their errors
// end the save or the restore.
func TestSaveAndRestoreHooks(t *testing.T) {
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Value(float32(1)), nil)
	require.NoError(t, err)
	var calls []string
	var fails error
	hook := func(name string) func(context.Context, *tf.Session) error {
		return func(ctx context.Context, sess *tf.Session) error {
			calls = append(calls, name)
			return fails
		}
	}
	s := newSaver(t, g, &saver.Options{BeforeSave: hook("save"), AfterRestore: hook("restore")})
	sess := newSession(t, g)
	require.NoError(t, sess.RunOps(ctx, v.Initializer()))
	prefix := filepath.Join(t.TempDir(), "m")
	saved, err := s.Save(ctx, sess, prefix, nil)
	require.NoError(t, err)
	_, err = s.Restore(ctx, sess, saved, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"save", "restore"}, calls)

	fails = tfkeep.ErrMismatch
	_, err = s.Save(ctx, sess, prefix+"-2", nil)
	require.ErrorIs(t, err, fails)
	assert.NoFileExists(t, prefix+"-2.index")
	_, err = s.Restore(ctx, sess, saved, nil)
	require.ErrorIs(t, err, fails)
}

// The options of an imported Saver are obeyed or refused.
func TestOptionsOfImportedSaver(t *testing.T) {
	g := tf.NewGraph()
	w := variable(t, g, "w", []float32{1})
	mg, err := newSaver(t, g, nil).ExportMetaGraph(nil)
	require.NoError(t, err)
	imported := func(t *testing.T, o saver.Options) (*saver.Saver, *tf.Session, error) {
		g := tf.NewGraph()
		im, err := tf.ImportMetaGraph(ctx, g, mg, nil)
		require.NoError(t, err)
		s, err := saver.FromImported(g, im, &o)
		if err != nil {
			return nil, nil, err
		}
		t.Cleanup(func() { assert.NoError(t, s.Close()) })
		sess := newSession(t, g)
		require.NoError(t, sess.RunOps(ctx, g.GlobalVariables()[0].Initializer()))
		return s, sess, nil
	}
	for _, c := range []struct {
		name string
		o    saver.Options
		kept []string // of seven checkpoints
		def  [2]float64
	}{
		{"as in the file", saver.Options{}, []string{"m-3", "m-4", "m-5", "m-6", "m-7"}, [2]float64{5, 10000}},
		{"fewer", saver.Options{MaxToKeep: 2}, []string{"m-6", "m-7"}, [2]float64{2, 10000}},
		{"all", saver.Options{MaxToKeep: saver.KeepAll}, []string{"m-1", "m-2", "m-3", "m-4", "m-5", "m-6", "m-7"}, [2]float64{0, 10000}},
		{"every second hour", saver.Options{MaxToKeep: 1, KeepEvery: 2 * time.Hour}, []string{"m-3", "m-5", "m-7"}, [2]float64{1, 2}},
		{"a sharded file", saver.Options{WriteVersion: checkpoint.V2, MaxToKeep: 1}, []string{"m-7"}, [2]float64{1, 10000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Unix(1e9, 0)
			c.o.Clock = func() time.Time { return now }
			s, sess, err := imported(t, c.o)
			require.NoError(t, err)
			dir := t.TempDir()
			for step := range int64(7) {
				now = now.Add(time.Hour)
				mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(step + 1)})
			}
			var have []string
			for _, name := range files(t, dir) {
				if prefix, ok := strings.CutSuffix(name, ".index"); ok {
					have = append(have, prefix)
				}
			}
			assert.Equal(t, c.kept, have)
			def := s.SaverDef()
			assert.Equal(t, c.def, [2]float64{float64(def.MaxToKeep), float64(def.KeepCheckpointEveryNHours)})
		})
	}
	for _, c := range []struct {
		name string
		o    saver.Options
	}{
		{"VarList", saver.Options{VarList: saver.Vars(w)}},
		{"VarMap", saver.Options{VarMap: map[string]saver.Saveable{"w": saver.Var(w)}}},
		{"Reshape", saver.Options{Reshape: true}},
		{"Sharded", saver.Options{Sharded: true}},
		{"WriteVersion", saver.Options{WriteVersion: checkpoint.V1}},
		{"Filename", saver.Options{Filename: "other"}},
		{"Name", saver.Options{Name: "other"}},
		{"SaverDef", saver.Options{SaverDef: &graphdef.SaverDef{}}},
	} {
		t.Run("refused "+c.name, func(t *testing.T) {
			_, _, err := imported(t, c.o)
			require.ErrorIs(t, err, tfkeep.ErrArgument)
			assert.ErrorContains(t, err, "build saver: invalid argument: "+c.name)
		})
	}
}

// State that no new Saver can save is refused by name: what functions restore, and tables of the
// ops of TensorFlow's first years.
func TestNewSaverNamesWhatItWouldLose(t *testing.T) {
	for _, c := range []struct{ name, model, says string }{
		{"table in a function", `
words = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1, name="words")
tf1.get_default_graph().clear_collection("saveable_objects")
@tf.function
def fill(path):
    k, v = tf.raw_ops.RestoreV2(prefix=path, tensor_names=["words-keys", "words-values"], shape_and_slices=["", ""], dtypes=[tf.string, tf.int64])
    with tf.control_dependencies([tf.raw_ops.LookupTableImportV2(table_handle=words.resource_handle, keys=k, values=v)]):
        return tf.identity(path)
fill(tf1.placeholder(tf.string, []))
`, `(LookupTableImportV2) of function __inference_fill`},
		{"first tables", `
h = tf.raw_ops.MutableHashTable(key_dtype=tf.string, value_dtype=tf.int64)
k, v = tf.raw_ops.RestoreV2(prefix="p", tensor_names=["t-keys", "t-values"], shape_and_slices=["", ""], dtypes=[tf.string, tf.int64])
tf.raw_ops.LookupTableImport(table_handle=h, keys=k, values=v)
`, "(LookupTableImport) restores state that is no variable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			meta := filepath.Join(t.TempDir(), "m.meta")
			oracle.Run(t, "tf1.get_variable('w', initializer=1.0)\n"+c.model+"\ntf1.train.export_meta_graph(args[0])\n", meta)
			g := tf.NewGraph()
			_, err := tf.ImportMetaGraphFile(ctx, g, meta, nil)
			require.NoError(t, err)
			_, err = saver.New(g, nil)
			require.ErrorIs(t, err, tfkeep.ErrUnsupported)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

// A dense table is saved like a hash table.
func TestNewSaverSavesDenseTables(t *testing.T) {
	dir := t.TempDir()
	const build = `
t = tf.lookup.experimental.DenseHashTable(tf.int64, tf.int64, default_value=-1, empty_key=0, deleted_key=-9, name="dense")
w = tf1.get_variable("w", initializer=1.0)
y = t.lookup(tf.constant([5, 6], tf.int64))
`
	oracle.Run(t, build+`
with tf1.Session() as s:
    s.run([tf1.global_variables_initializer(), t.insert(tf.constant([5], tf.int64), tf.constant([50], tf.int64))])
    tf1.train.Saver().save(s, args[0] + "/m")`, dir)
	g := tf.NewGraph()
	first, err := saver.ImportMetaGraph(ctx, g, filepath.Join(dir, "m.meta"), nil)
	require.NoError(t, err)
	sess := newSession(t, g)
	require.NoError(t, restore(first, sess, filepath.Join(dir, "m")))
	require.NoError(t, first.Close())
	path := mustSave(t, newSaver(t, g, &saver.Options{Name: "again"}), sess, filepath.Join(dir, "go"), nil)
	assert.Equal(t, []int64{50, -1}, oracle.Value[[]int64](t, build+`
with tf1.Session() as s:
    tf1.train.Saver().restore(s, args[0])
    result = s.run(y).tolist()`, path))
}
