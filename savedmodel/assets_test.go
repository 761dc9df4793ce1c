package savedmodel_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// asset writes a file and adds a constant with its path to the graph.
func asset(t *testing.T, g *tf.Graph, node, path, content string) tf.Output {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	return constant(t, g, node, path)
}

func constant(t *testing.T, g *tf.Graph, node string, v any) tf.Output {
	t.Helper()
	value, err := tf.NewTensor(v)
	require.NoError(t, err)
	o, err := g.AddOp(tf.OpSpec{Type: "Const", Name: node, Attrs: map[string]any{"value": value, "dtype": value.DataType()}})
	require.NoError(t, err)
	return o.Output(0)
}

// assets returns the contents of the files in a model's asset folder by name.
func assets(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(dir, "assets"))
	require.NoError(t, err)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, "assets", e.Name()))
		require.NoError(t, err)
		files[e.Name()] = string(data)
	}
	return files
}

func TestAssetNames(t *testing.T) {
	for _, c := range []struct {
		name  string
		files [][2]string // path, content
		want  map[string]string
	}{
		{"one", [][2]string{{"a/hello42.txt", "foo bar baz"}}, map[string]string{"hello42.txt": "foo bar baz"}},
		{"same name, other content", [][2]string{{"a/hello42.txt", "one"}, {"b/hello42.txt", "two"}}, map[string]string{"hello42.txt": "one", "hello42.txt_1": "two"}},
		{"same name, same content", [][2]string{{"a/hello42.txt", "one"}, {"b/hello42.txt", "one"}}, map[string]string{"hello42.txt": "one"}},
		{"same length, other last letter", [][2]string{{"a/x", "aaab"}, {"b/x", "aaac"}, {"c/x", "aaab"}}, map[string]string{"x": "aaab", "x_1": "aaac"}},
		{"many", [][2]string{{"0/h", "0"}, {"1/h", "1"}, {"2/h", "2"}, {"3/h", "3"}, {"4/h", "4"}},
			map[string]string{"h": "0", "h_1": "1", "h_2": "2", "h_3": "3", "h_4": "4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			sess := session(t, map[string]float32{"v": 42})
			require.NoError(t, os.WriteFile(filepath.Join(root, "unrelated.txt"), nil, 0o644))
			var list []tf.Output
			for i, f := range c.files {
				list = append(list, asset(t, sess.Graph(), fmt.Sprint("asset_file_tensor_", i), filepath.Join(root, f[0]), f[1]))
			}
			dir := filepath.Join(root, "m")
			build(t, dir, nil, func(b *savedmodel.Builder) {
				require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{"foo"}, &savedmodel.GraphOptions{Assets: list}))
			})
			assert.Equal(t, c.want, assets(t, dir))
			openTags(t, dir, "foo")
		})
	}
}

func TestAssetsCollection(t *testing.T) {
	root := t.TempDir()
	sess := session(t, map[string]float32{"v": 42})
	sess.Graph().AddToCollection("asset_filepaths", asset(t, sess.Graph(), "asset_file_tensor", filepath.Join(root, "hello42.txt"), "foo bar baz"))
	dir := filepath.Join(root, "m")
	build(t, dir, nil, func(b *savedmodel.Builder) {
		require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{"foo"}, &savedmodel.GraphOptions{AssetsCollection: "asset_filepaths"}))
	})
	assert.Equal(t, []string{"hello42.txt", "asset_file_tensor:0"}, oracle.Value[[]string](t, `
from tensorflow.core.protobuf import meta_graph_pb2
with tf1.Session() as s:
    mg = tf1.saved_model.loader.load(s, ["foo"], args[0])
    a = meta_graph_pb2.AssetFileDef()
    assert mg.collection_def["saved_model_assets"].any_list.value[0].Unpack(a)
    result = [a.filename, a.tensor_info.name]
`, dir))
	m, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{Tags: []string{"foo"}, LoadOptions: savedmodel.LoadOptions{ImportScope: "scope_name"}})
	require.NoError(t, err)
	defer m.Close()
	assert.Equal(t, float32(42), value(t, m, "scope_name/v"))
	paths := m.Graph().Collection("asset_filepaths")
	require.Len(t, paths, 1)
	assert.Equal(t, "scope_name/asset_file_tensor", paths[0].Output().Op.Name())
}

func TestFirstAssetOfNameWins(t *testing.T) {
	root := t.TempDir()
	foo, bar := session(t, map[string]float32{"v": 1}), session(t, map[string]float32{"v": 1})
	inFoo := asset(t, foo.Graph(), "a", filepath.Join(root, "foo", "foo.txt"), "content_foo")
	inBar := asset(t, bar.Graph(), "a", filepath.Join(root, "bar", "foo.txt"), "content_bar")
	other := asset(t, bar.Graph(), "b", filepath.Join(root, "bar", "bar.txt"), "another")
	dir := filepath.Join(root, "m")
	build(t, dir, nil, func(b *savedmodel.Builder) {
		require.NoError(t, b.AddMetaGraphAndVariables(ctx, foo, []string{"foo"}, &savedmodel.GraphOptions{Assets: []tf.Output{inFoo}}))
		require.NoError(t, b.AddMetaGraph(ctx, bar.Graph(), []string{"bar"}, &savedmodel.GraphOptions{Assets: []tf.Output{inBar, other}}))
	})
	assert.Equal(t, map[string]string{"foo.txt": "content_foo", "bar.txt": "another"}, assets(t, dir))
	sm, err := graphdef.ReadSavedModel(dir)
	require.NoError(t, err)
	assert.Len(t, sm.MetaGraphs[0].CollectionDef[modeldir.AssetsCollection].GetAnyList().GetValue(), 1)
	assert.Len(t, sm.MetaGraphs[1].CollectionDef[modeldir.AssetsCollection].GetAnyList().GetValue(), 2)
}

func TestInvalidAssets(t *testing.T) {
	sess := session(t, map[string]float32{"v": 1})
	g := sess.Graph()
	root := t.TempDir()
	for _, test := range []struct {
		name string
		out  tf.Output
	}{
		{"a number", constant(t, g, "number", float32(1))},
		{"a list", constant(t, g, "list", []string{"a", "b"})},
		{"an empty path", constant(t, g, "empty", "")},
		{"a placeholder", placeholder(t, g, "fed", dtype.String)},
		{"nothing", tf.Output{}},
		{"a missing file", constant(t, g, "missing", filepath.Join(root, "nope"))},
		{"a folder", constant(t, g, "folder", root)},
	} {
		name, out := test.name, test.out
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "m")
			b, err := savedmodel.NewBuilder(dir, nil)
			require.NoError(t, err)
			defer b.Close()
			err = b.AddMetaGraphAndVariables(ctx, sess, []string{"serve"}, &savedmodel.GraphOptions{Assets: []tf.Output{out}})
			require.Error(t, err)
			if name == "a missing file" {
				assert.ErrorIs(t, err, os.ErrNotExist)
			} else {
				assert.ErrorIs(t, err, tfkeep.ErrArgument)
			}
		})
	}
}
