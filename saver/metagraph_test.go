package saver_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

func TestMultiSaverCollection(t *testing.T) {
	dir := t.TempDir()
	g := tf.NewGraph()
	v0 := variable(t, g, "v0", [][]float32{{1, 2}, {3, 4}, {5, 6}})
	v1 := variable(t, g, "v1", float32(11))
	s0 := newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{"v0": saver.Var(v0)}, Name: "saver0"})
	s1 := newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{"v1": saver.Var(v1)}, Name: "saver1"})
	g.AddToCollection(tf.Savers, s0)
	g.AddToCollection(tf.Savers, s1.SaverDef())
	sess := initialized(t, g)
	p0 := mustSave(t, s0, sess, filepath.Join(dir, "saver0"), nil)
	p1 := mustSave(t, s1, sess, filepath.Join(dir, "saver1"), nil)
	plain, err := tf.ExportMetaGraph(g, nil)
	require.NoError(t, err)
	assert.Nil(t, plain.SaverDef)
	mg, err := s0.ExportMetaGraph(nil)
	require.NoError(t, err)
	assert.Equal(t, "saver0/Const:0", mg.SaverDef.FilenameTensorName)
	assert.Len(t, mg.CollectionDef[tf.Savers].GetBytesList().Value, 2)

	g = tf.NewGraph()
	_, err = tf.ImportMetaGraph(ctx, g, mg, nil)
	require.NoError(t, err)
	sess = newSession(t, g)
	items := g.Collection(tf.Savers)
	require.Len(t, items, 2)
	var again []*saver.Saver
	for _, item := range items {
		again = append(again, newSaver(t, g, &saver.Options{SaverDef: item.Value().(*graphdef.SaverDef)}))
	}
	require.NoError(t, restore(again[0], sess, p0))
	names, err := tf.UninitializedVariables(ctx, sess)
	require.NoError(t, err)
	assert.Equal(t, []string{"v1"}, names)
	require.NoError(t, restore(again[1], sess, p1))
}

// A Saver without variables has no SaverDef; anything else is no Saver.
func TestSaversThatAreNone(t *testing.T) {
	g := tf.NewGraph()
	g.AddToCollection(tf.Savers, newSaver(t, g, &saver.Options{AllowEmpty: true}))
	mg, err := tf.ExportMetaGraph(g, nil)
	require.NoError(t, err)
	assert.Empty(t, mg.CollectionDef[tf.Savers].GetBytesList().GetValue())
	v := variable(t, g, "v", float32(1))
	s := newSaver(t, g, nil)
	g.AddToCollection(tf.Savers, v)
	_, err = s.Save(ctx, initialized(t, g), filepath.Join(t.TempDir(), "m"), nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, `collection "savers"`)
}

func TestClearExtraneousSavers(t *testing.T) {
	g := tf.NewGraph()
	goRefs(t, g, "", "")
	s0 := newSaver(t, g, nil)
	s1 := newSaver(t, g, nil)
	g.AddToCollection(tf.Savers, s0.SaverDef())
	g.AddToCollection(tf.Savers, s1.SaverDef())
	all, err := s0.ExportMetaGraph(nil)
	require.NoError(t, err)
	one, err := s0.ExportMetaGraph(&tf.ExportMetaGraphOptions{ClearExtraneousSavers: true})
	require.NoError(t, err)
	assert.Len(t, one.CollectionDef[tf.Savers].GetBytesList().Value, 1)
	assert.Len(t, all.GraphDef.Node, len(one.GraphDef.Node)+13, "the nodes of a Saver of two variables")
	_, err = tf.ImportMetaGraph(ctx, tf.NewGraph(), one, nil)
	require.NoError(t, err)
}

func TestImportIntoNamescope(t *testing.T) {
	dir := t.TempDir()
	g := tf.NewGraph()
	variable(t, g, "v", float32(7))
	s := newSaver(t, g, nil)
	path := mustSave(t, s, initialized(t, g), filepath.Join(dir, "m"), nil)

	g = tf.NewGraph()
	s1, err := saver.ImportMetaGraph(ctx, g, path+".meta", &tf.ImportMetaGraphOptions{ImportScope: "new_model"})
	require.NoError(t, err)
	assert.Equal(t, "new_model/save/restore_all", s1.SaverDef().RestoreOpName)
	s2, err := saver.ImportMetaGraph(ctx, g, path+".meta", &tf.ImportMetaGraphOptions{ImportScope: "new_model"})
	require.NoError(t, err)
	assert.Equal(t, "new_model_1/save/restore_all", s2.SaverDef().RestoreOpName)
	sess := newSession(t, g)
	for i, s := range []*saver.Saver{s1, s2} {
		require.NoError(t, restore(s, sess, path))
		o, err := g.OutputByName([]string{"new_model", "new_model_1"}[i] + "/v/Read/ReadVariableOp:0")
		require.NoError(t, err)
		assert.Equal(t, float32(7), tfgraph.Value(t, sess, o))
	}
}

// The variables of a scope are saved under their names without the scope, and restored into
// another scope.
func TestScopedSaveAndRestore(t *testing.T) {
	dir := t.TempDir()
	g := tf.NewGraph()
	variable(t, g, "hidden1/weights", []float32{1, 2})
	variable(t, g, "hidden1/biases", []float32{3})
	vars := map[string]saver.Saveable{}
	for _, v := range g.VariablesInScope("hidden1") {
		vars[strings.TrimPrefix(v.TensorName(), "hidden1/")] = saver.Var(v)
	}
	assert.Len(t, vars, 2)
	assert.Contains(t, vars, "biases:0")
	s := newSaver(t, g, &saver.Options{VarMap: vars})
	path := mustSave(t, s, initialized(t, g), filepath.Join(dir, "m"), &saver.SaveOptions{NoMetaGraph: true})

	g2 := tf.NewGraph()
	variable(t, g2, "new_hidden1/weights", []float32{0, 0})
	variable(t, g2, "new_hidden1/biases", []float32{0})
	vars = map[string]saver.Saveable{}
	for _, v := range g2.VariablesInScope("new_hidden1") {
		vars[strings.TrimPrefix(v.TensorName(), "new_hidden1/")] = saver.Var(v)
	}
	sess := newSession(t, g2)
	require.NoError(t, restore(newSaver(t, g2, &saver.Options{VarMap: vars}), sess, path))
	assert.Equal(t, []float32{1, 2}, tfgraph.Value(t, sess, g2.VariablesInScope("new_hidden1")[0].Value()))
}

func TestImportMetaGraphWithoutSaverDef(t *testing.T) {
	file := filepath.Join(t.TempDir(), "g.meta")
	g := tf.NewGraph()
	variable(t, g, "v", float32(1))
	_, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{Filename: file})
	require.NoError(t, err)
	s, err := saver.ImportMetaGraph(ctx, tf.NewGraph(), file, nil)
	require.NoError(t, err)
	assert.NotNil(t, s.SaverDef())

	_, err = tf.ExportMetaGraph(tf.NewGraph(), &tf.ExportMetaGraphOptions{Filename: file})
	require.NoError(t, err)
	s, err = saver.ImportMetaGraph(ctx, tf.NewGraph(), file, nil)
	require.NoError(t, err)
	assert.Nil(t, s.SaverDef(), "no variables")
	g = tf.NewGraph()
	im, err := tf.ImportMetaGraphFile(ctx, g, file, nil)
	require.NoError(t, err)
	s, err = saver.FromImported(g, im, nil)
	require.NoError(t, err)
	assert.NoError(t, restore(s, newSession(t, g), "nothing to restore"))
}

func TestBadMetaGraphsAreNamed(t *testing.T) {
	dir := t.TempDir()
	_, err := saver.ImportMetaGraph(ctx, tf.NewGraph(), filepath.Join(dir, "zz.meta"), nil)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.ErrorContains(t, err, "zz.meta")
	for _, tt := range []struct{ name, content string }{{"binary", "\xff\xff\xff"}, {"text", "junk"}, {"cut", "\n\x05ab"}} {
		file := filepath.Join(dir, tt.name+".meta")
		require.NoError(t, os.WriteFile(file, []byte(tt.content), 0o644))
		_, err := saver.ImportMetaGraph(ctx, tf.NewGraph(), file, nil)
		require.Error(t, err, tt.name)
		assert.ErrorContains(t, err, file)
	}
}

// Graphs of TensorFlow before 1.6 have a restore node for each variable, and
// those before 1.13 a plain constant for the path.
func TestOldSaversRun(t *testing.T) {
	dir := t.TempDir()
	g := tf.NewGraph()
	goRefs(t, g, "", "")
	path := mustSave(t, newSaver(t, g, nil), initialized(t, g), filepath.Join(dir, "m"), nil)
	forms := map[string]string{
		"a restore node for each variable": `
name = tf.constant('model', name='save/Const')
saved = tf.raw_ops.SaveV2(prefix=name, tensor_names=['a1', 'v0'], shape_and_slices=['', ''], tensors=[a1, v0], name='save/SaveV2')
with tf.control_dependencies([saved]): out = tf.identity(name, name='save/control_dependency')
assigns = [tf1.assign(v, tf.raw_ops.RestoreV2(prefix=name, tensor_names=[v.op.name], shape_and_slices=[''], dtypes=[v.dtype.base_dtype], name='save/RestoreV2')[0], name='save/Assign') for v in (a1, v0)]
tf.group(*assigns, name='save/restore_all')`,
		"RestoreSlice": `
name = tf.constant('model', name='save/Const')
saved = tf.raw_ops.SaveV2(prefix=name, tensor_names=['a1', 'v0'], shape_and_slices=['', ''], tensors=[a1, v0], name='save/SaveV2')
with tf.control_dependencies([saved]): out = tf.identity(name, name='save/control_dependency')
assigns = [tf1.assign(v, tf.raw_ops.RestoreSlice(file_pattern=name, tensor_name=v.op.name, shape_and_slice='', dt=v.dtype.base_dtype, name='save/restore_slice'), name='save/Assign') for v in (a1, v0)]
tf.group(*assigns, name='save/restore_all')`,
	}
	for form, script := range forms {
		t.Run(form, func(t *testing.T) {
			meta := filepath.Join(t.TempDir(), "old.meta")
			oracle.Run(t, pythonRefs+"v0, a1 = refs()"+script+`
d = tf1.train.SaverDef(filename_tensor_name='save/Const:0', save_tensor_name='save/control_dependency:0', restore_op_name='save/restore_all', version=tf1.train.SaverDef.V2)
tf1.train.export_meta_graph(args[0], saver_def=d)
`, meta)
			for _, d := range drivers {
				name, driver := d.name, d.v
				if name == "ops" && strings.HasPrefix(form, "RestoreSlice") {
					continue // TensorFlow's own node reads V1 files only
				}
				g := tf.NewGraph()
				im, err := tf.ImportMetaGraphFile(ctx, g, meta, nil)
				require.NoError(t, err)
				s, err := saver.FromImported(g, im, &saver.Options{Driver: driver})
				require.NoError(t, err)
				sess := newSession(t, g)
				require.NoError(t, restore(s, sess, path), name)
				again := mustSave(t, s, sess, filepath.Join(t.TempDir(), "m"), nil)
				equalCheckpoints(t, path, again)
				require.NoError(t, s.Close())
			}
		})
	}
}

func TestCheckpointExistsAndMtimes(t *testing.T) {
	for _, version := range []checkpoint.Version{checkpoint.V1, checkpoint.V2} {
		for _, sharded := range []bool{false, true} {
			folder := t.TempDir()
			g := tf.NewGraph()
			variable(t, g, "v", float32(1))
			s := newSaver(t, g, &saver.Options{WriteVersion: version, Sharded: sharded})
			assert.False(t, exists(filepath.Join(folder, "m")))
			path := mustSave(t, s, initialized(t, g), filepath.Join(folder, "m"), nil)
			assert.True(t, exists(path))
			latest, err := latestIn(folder)
			require.NoError(t, err)
			assert.True(t, exists(latest))
			_, err = dir.Mtime(ctx, path)
			require.NoError(t, err)
		}
	}
}
