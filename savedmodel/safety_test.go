package savedmodel_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/savedmodel"
)

// rewrite changes the graph of a model with one graph.
func rewrite(t *testing.T, dir string, change func(mg *graphdef.MetaGraphDef)) {
	t.Helper()
	sm, err := graphdef.ReadSavedModel(dir)
	require.NoError(t, err)
	change(sm.MetaGraphs[0])
	require.NoError(t, graphdef.Write(filepath.Join(dir, "saved_model.pb"), sm, nil))
}

func TestAssetsOutsideOfModel(t *testing.T) {
	dir := tftest.Model(t, "words")
	name := ""
	for file := range assets(t, dir) {
		name = file
	}
	sibling := dir + "-sibling"
	require.NoError(t, os.Mkdir(sibling, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(sibling, "words"), []byte("a\n"), 0o644))
	m, err := savedmodel.Open(ctx, dir, nil)
	require.NoError(t, err, "the unchanged model loads")
	require.NoError(t, m.Close())
	whole, err := os.ReadFile(filepath.Join(dir, "saved_model.pb"))
	require.NoError(t, err)

	for _, path := range []string{
		"../../../../../../etc/passwd", "/etc/passwd", "../variables/variables.index", "..", ".", "",
		"../../" + filepath.Base(sibling) + "/words", "../assets/" + name, "./" + name, "a/../../x", name + "/", `..\..\x`,
	} {
		t.Run("name "+path, func(t *testing.T) {
			rewrite(t, dir, func(mg *graphdef.MetaGraphDef) {
				for _, asset := range mg.CollectionDef[modeldir.AssetsCollection].GetAnyList().Value {
					asset.Value = assetDef(t, "vocabulary:0", path)
				}
			})
			_, err := savedmodel.Open(ctx, dir, nil)
			require.Error(t, err)
			if path == `..\..\x` { // a valid name on Unix, but there is no such file
				require.ErrorIs(t, err, tfkeep.ErrCorrupt)
			} else {
				require.ErrorIs(t, err, tfkeep.ErrUnsafe)
			}
			memory, _ := inMemory(t, dir)
			_, err = openFS(memory)
			require.Error(t, err)
		})
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "saved_model.pb"), whole, 0o644))

	words := filepath.Join(dir, "assets", name)
	inside := filepath.Join(dir, "assets", "inside")
	require.NoError(t, os.Rename(words, inside))
	for _, test := range []struct {
		what   string
		target string
	}{{"outside", "/etc/passwd"}, {"sibling", filepath.Join(sibling, "words")}, {"relative", "../../" + filepath.Base(sibling) + "/words"}, {"inside", "inside"}} {
		what, target := test.what, test.target
		t.Run("link "+what, func(t *testing.T) {
			require.NoError(t, os.Symlink(target, words))
			defer func() { require.NoError(t, os.Remove(words)) }()
			_, err := savedmodel.Open(ctx, dir, nil)
			require.ErrorIs(t, err, tfkeep.ErrUnsafe)
		})
	}
	t.Run("a folder", func(t *testing.T) {
		require.NoError(t, os.Mkdir(words, 0o755))
		defer func() { require.NoError(t, os.Remove(words)) }()
		_, err := savedmodel.Open(ctx, dir, nil)
		require.ErrorIs(t, err, tfkeep.ErrUnsafe)
	})
	t.Run("missing", func(t *testing.T) {
		_, err := savedmodel.Open(ctx, dir, nil)
		require.ErrorIs(t, err, tfkeep.ErrCorrupt)
		assert.ErrorContains(t, err, "assets/"+name)
	})
	require.NoError(t, os.Rename(inside, words))
	for _, folder := range []string{"assets", "variables"} {
		t.Run("folder linked: "+folder, func(t *testing.T) {
			out := filepath.Join(sibling, folder)
			require.NoError(t, os.Rename(filepath.Join(dir, folder), out))
			require.NoError(t, os.Symlink(out, filepath.Join(dir, folder)))
			_, err := savedmodel.Open(ctx, dir, nil)
			require.Error(t, err)
			require.NoError(t, os.Remove(filepath.Join(dir, folder)))
			require.NoError(t, os.Rename(out, filepath.Join(dir, folder)))
		})
	}
	m, err = savedmodel.Open(ctx, dir, nil)
	require.NoError(t, err, "the repaired model loads")
	require.NoError(t, m.Close())
}

func TestUnsafeOpsAreRefused(t *testing.T) {
	victim := filepath.Join(t.TempDir(), "victim")
	write := func(name string) []*graphdef.NodeDef {
		return []*graphdef.NodeDef{stringConst("path", victim), stringConst("text", "gotcha"), {Name: name, Op: "WriteFile", Input: []string{"path", "text"}}}
	}
	for _, test := range []struct {
		name   string
		change func(mg *graphdef.MetaGraphDef)
	}{
		{"before the main op", func(mg *graphdef.MetaGraphDef) {
			mg.GraphDef.Node = append(mg.GraphDef.Node, write("evil")...)
			main := mg.CollectionDef[modeldir.MainOpCollection].GetNodeList().Value[0]
			n := nodeOf(mg, main)
			n.Input = append(n.Input, "^evil")
		}},
		{"as the main op", func(mg *graphdef.MetaGraphDef) {
			mg.GraphDef.Node = append(mg.GraphDef.Node, write("evil")...)
			mg.CollectionDef[modeldir.MainOpCollection].GetNodeList().Value[0] = "evil"
		}},
		{"before the restore op", func(mg *graphdef.MetaGraphDef) {
			mg.GraphDef.Node = append(mg.GraphDef.Node, write("evil")...)
			n := nodeOf(mg, mg.SaverDef.RestoreOpName)
			n.Input = append(n.Input, "^evil")
		}},
		{"in a function", func(mg *graphdef.MetaGraphDef) {
			mg.GraphDef.Library = &function_go_proto.FunctionDefLibrary{Function: []*function_go_proto.FunctionDef{
				function("outer", &graphdef.NodeDef{Name: "call", Op: "inner"}),
				function("inner", stringConst("path", victim), stringConst("text", "gotcha"),
					&graphdef.NodeDef{Name: "evil", Op: "WriteFile", Input: []string{"path:output:0", "text:output:0"}}),
			}}
			mg.GraphDef.Node = append(mg.GraphDef.Node, &graphdef.NodeDef{Name: "call", Op: "outer"})
			mg.CollectionDef[modeldir.MainOpCollection].GetNodeList().Value[0] = "call"
		}},
		{"a table from another file", func(mg *graphdef.MetaGraphDef) {
			mg.GraphDef.Node = append(mg.GraphDef.Node, stringConst("passwd", "/etc/passwd"))
			for _, n := range mg.GraphDef.Node {
				if strings.HasPrefix(n.Op, "InitializeTableFromTextFile") {
					n.Input[1] = "passwd"
				}
			}
		}},
		{"an asset fed to a node that reads a file", func(mg *graphdef.MetaGraphDef) {
			mg.GraphDef.Node = append(mg.GraphDef.Node, stringConst("passwd", "/etc/passwd"), &graphdef.NodeDef{Name: "leak", Op: "ReadFile", Input: []string{"passwd"}})
			mg.CollectionDef[modeldir.AssetsCollection].GetAnyList().Value[0].Value = assetDef(t, "leak:0", "words.txt")
			n := nodeOf(mg, mg.CollectionDef[modeldir.MainOpCollection].GetNodeList().Value[0])
			n.Input = append(n.Input, "^leak")
		}},
	} {
		name, change := test.name, test.change
		t.Run(name, func(t *testing.T) {
			dir := tftest.Model(t, "words")
			rewrite(t, dir, change)
			_, err := savedmodel.Open(ctx, dir, nil)
			require.ErrorIs(t, err, tfkeep.ErrUnsafe)
			assert.NoFileExists(t, victim)
			assert.ErrorContains(t, err, "AllowOps")
		})
	}
	t.Run("a function that calls itself", func(t *testing.T) {
		dir := tftest.Model(t, "words")
		rewrite(t, dir, func(mg *graphdef.MetaGraphDef) {
			mg.GraphDef.Library = &function_go_proto.FunctionDefLibrary{Function: []*function_go_proto.FunctionDef{function("f", &graphdef.NodeDef{Name: "again", Op: "f"})}}
			mg.GraphDef.Node = append(mg.GraphDef.Node, &graphdef.NodeDef{Name: "call", Op: "f"})
		})
		_, err := savedmodel.Open(ctx, dir, nil)
		require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	})
	t.Run("an init op that is not there", func(t *testing.T) {
		dir := tftest.Model(t, "words")
		rewrite(t, dir, func(mg *graphdef.MetaGraphDef) {
			mg.CollectionDef[modeldir.MainOpCollection].GetNodeList().Value[0] = "nope"
		})
		_, err := savedmodel.Open(ctx, dir, nil)
		require.Error(t, err)
	})
}

// The initialization of a TensorFlow 2 model is a function that gets the asset as an
// argument.
func TestTensorFlow2Initialization(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	oracle.RunEager(t, `
d = args[0]
with open(d + ".words", "w") as f:
    f.write("a\nb\nc\n")
class M(tf.Module):
    def __init__(self):
        self.table = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(d + ".words", tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), -1)
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="x")])
    def f(self, x):
        return {"y": self.table.lookup(x)}
m = M()
tf.saved_model.save(m, d, signatures=m.f)
os.remove(d + ".words")
result = 1
`, dir)
	m, err := savedmodel.Open(ctx, dir, nil)
	require.NoError(t, err)
	defer m.Close()
	predictWords(t, m)
	memory, _ := inMemory(t, dir)
	fromMemory, err := openFS(memory)
	require.NoError(t, err)
	defer fromMemory.Close()
	predictWords(t, fromMemory)

	t.Run("a file that is not an asset", func(t *testing.T) {
		rewrite(t, dir, func(mg *graphdef.MetaGraphDef) {
			for _, f := range mg.GraphDef.Library.Function {
				for _, n := range f.NodeDef {
					if strings.HasPrefix(n.Op, "InitializeTableFromTextFile") {
						f.NodeDef = append(f.NodeDef, stringConst("passwd", "/etc/passwd"))
						n.Input[1] = "passwd:output:0"
						return
					}
				}
			}
			t.Fatal("no table in a function")
		})
		_, err := savedmodel.Open(ctx, dir, nil)
		require.ErrorIs(t, err, tfkeep.ErrUnsafe)
		assert.ErrorContains(t, err, "a file that is not an asset")
	})
	_, err = openFS(fstest.MapFS{})
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
}

func TestScanPredictFindsWhatSignaturesRun(t *testing.T) {
	dir := tftest.Model(t, "words")
	require.NoError(t, savedmodel.ScanPredict(dir, nil))
	rewrite(t, dir, func(mg *graphdef.MetaGraphDef) {
		mg.GraphDef.Node = append(mg.GraphDef.Node, stringConst("passwd", "/etc/passwd"), &graphdef.NodeDef{Name: "leak", Op: "ReadFile", Input: []string{"passwd"}})
		mg.SignatureDef["leaks"] = &graphdef.SignatureDef{Outputs: map[string]*graphdef.TensorInfo{"y": {
			Encoding: &for_core_protos_go_proto.TensorInfo_Name{Name: "leak:0"}}}}
	})
	err := savedmodel.ScanPredict(dir, nil)
	require.ErrorIs(t, err, tfkeep.ErrUnsafe)
	assert.ErrorContains(t, err, "running signature leaks would run what is refused: leak (ReadFile)")
	require.NoError(t, savedmodel.ScanPredict(dir, &savedmodel.ScanOptions{Keys: []string{"serving_default"}}))
	require.NoError(t, savedmodel.ScanPredict(dir, &savedmodel.ScanOptions{AllowOps: []string{"ReadFile"}}))
	require.ErrorIs(t, savedmodel.ScanPredict(dir, &savedmodel.ScanOptions{Tags: []string{"none"}}), tfkeep.ErrNotFound)
	require.Error(t, savedmodel.ScanPredict(t.TempDir()+"/none", nil))

	m, err := savedmodel.Open(ctx, dir, nil)
	require.NoError(t, err, "by default signatures may run anything")
	require.NoError(t, m.Close())
	_, err = savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{CheckSignatures: true}})
	require.ErrorIs(t, err, tfkeep.ErrUnsafe)
	m, err = savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{CheckSignatures: true, AllowAllOps: true}})
	require.NoError(t, err)
	require.NoError(t, m.Close())
}
