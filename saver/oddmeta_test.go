package saver_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// contents returns the names of a graph's nodes and functions and its collections.
func contents(t *testing.T, g *tf.Graph) []string {
	t.Helper()
	def, err := g.GraphDef()
	require.NoError(t, err)
	all := append(tftest.NodeNames(def), g.CollectionKeys()...)
	for _, f := range def.GetLibrary().GetFunction() {
		all = append(all, f.GetSignature().GetName())
	}
	return all
}

func TestRefusedImportLeavesGraphAsItWas(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	// What tfkeep refuses besides what TensorFlow does is the table of graphdef/check.
	dir := t.TempDir()
	for _, odd := range tftest.OddMetaGraphs(t) {
		path := filepath.Join(dir, "odd.meta")
		require.NoError(t, os.WriteFile(path, odd.Data, 0o644))
		g := tf.NewGraph()
		_, err := tf.NewVariable(g, "mine", tf.Zeros(2), nil)
		require.NoError(t, err)
		before := contents(t, g)
		s, err := saver.ImportMetaGraph(ctx, g, path, nil)
		if odd.Error != "" && odd.Name != "a version that is none" && odd.Name != "unbound inputs of a number" && odd.Name != "unbound inputs without kind" {
			assert.Error(t, err, "%s: TensorFlow says %q", odd.Name, odd.Error)
		}
		if err != nil {
			assert.Equal(t, before, contents(t, g), odd.Name)
			continue
		}
		require.NoError(t, s.Close())
	}
}

func TestImportInScopeWithoutVariables(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plain.meta")
	want := oracle.Value[[]any](t, `
with tf1.Graph().as_default():
    tf.identity(tf.constant(1.0), name="y")
    tf1.train.export_meta_graph(args[0])
with tf1.Graph().as_default() as g:
    tf1.get_variable("mine", [2], use_resource=False)
    before = len(g.get_operations())
    s = tf1.train.import_meta_graph(args[0], import_scope="imp")
    whole = tf1.train.import_meta_graph(args[0])
    result = [s is None, before, whole is None]
`, path)
	assert.Equal(t, true, want[0])
	assert.Equal(t, false, want[2])
	g := tf.NewGraph()
	_, err := tf.NewVariable(g, "mine", tf.Zeros(2), nil)
	require.NoError(t, err)
	nodes := len(g.Operations())
	s, err := saver.ImportMetaGraph(ctx, g, path, &tf.ImportMetaGraphOptions{ImportScope: "imp"})
	require.NoError(t, err)
	assert.Nil(t, s.SaverDef(), "an empty Saver")
	assert.Len(t, g.Operations(), nodes+2, "no nodes of a Saver")
	require.NoError(t, s.Close())

	s, err = saver.ImportMetaGraph(ctx, g, path, nil)
	require.NoError(t, err)
	assert.NotNil(t, s.SaverDef(), "without a scope it is the Saver of the whole graph")
	require.NoError(t, s.Close())

	mg, err := graphdef.ReadMetaGraphDef(path, nil)
	require.NoError(t, err)
	im, err := tf.ImportMetaGraph(ctx, g, mg, &tf.ImportMetaGraphOptions{ImportScope: "imp"})
	require.NoError(t, err)
	s, err = saver.FromImported(g, im, &saver.Options{VarList: saver.Vars(g.GlobalVariables()...)})
	require.NoError(t, err)
	assert.NotNil(t, s.SaverDef(), "a list of variables counts")
	require.NoError(t, s.Close())
}
