package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// TestSavedModelShowEqualsSavedModelCLI compares the output with that of saved_model_cli.
func TestSavedModelShowEqualsSavedModelCLI(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "m")
	want := oracle.Value[map[string]string](t, `
import io, contextlib
from tensorflow.python.tools import saved_model_cli
x = tf1.placeholder(tf.float32, [None, 2], name="x")
s = tf1.sparse_placeholder(tf.int64, [3, 4], name="s")
w = tf1.get_variable("w", initializer=[[1.0], [2.0]])
y = tf.matmul(x, w, name="y")
z = tf1.placeholder(tf.string, name="z")
sig = tf1.saved_model.build_signature_def
info = tf1.saved_model.build_tensor_info
with tf1.Session() as sess:
    sess.run(tf1.global_variables_initializer())
    b = tf1.saved_model.Builder(args[0])
    b.add_meta_graph_and_variables(sess, ["serve"], {
        "serving_default": tf1.saved_model.predict_signature_def({"x": x, "any": z}, {"y": y}),
        "another": sig({"x": info(x)}, {}, "my/method")})
    b.add_meta_graph(["train", "gpu"])
    b.save()
def say(f, *a):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        f(*a)
    return out.getvalue()
result = {
    "tags": say(saved_model_cli._show_tag_sets, args[0]),
    "keys": say(saved_model_cli._show_signature_def_map_keys, args[0], "serve"),
    "signature": say(saved_model_cli._show_inputs_outputs, args[0], "serve", "serving_default"),
    "all": say(saved_model_cli._show_all, args[0]),
}
`, dir)
	for _, c := range []struct {
		name string
		args []string
	}{
		{"tags", []string{}},
		{"keys", []string{"--tags", "serve"}},
		{"signature", []string{"--tag_set", "serve", "--signature_def", "serving_default"}},
		{"all", []string{"--all"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, stderr := execute(t, append([]string{"savedmodel", "show", dir}, c.args...)...)
			require.Zero(t, code, stderr)
			assert.Equal(t, sortOps(want[c.name]), sortOps(out))
		})
	}
	t.Run("json", func(t *testing.T) {
		code, out, _ := execute(t, "savedmodel", "show", dir, "--json")
		require.Zero(t, code)
		var got savedModelJSON
		require.NoError(t, json.Unmarshal([]byte(out), &got))
		require.Len(t, got.Graphs, 2)
		assert.Equal(t, tensorInfoJSON{Name: "x:0", DType: "float32", Shape: []int64{-1, 2}}, got.Graphs[0].Signatures["serving_default"].Inputs["x"])
		assert.Contains(t, got.Graphs[0].Ops, "MatMul")
	})
	t.Run("edits are read by TensorFlow", func(t *testing.T) {
		for _, args := range [][]string{
			{"retag", dir, "--from", "serve", "--to", "serve,v2"},
			{"prune", dir, "--keep", "v2,serve"},
			{"resign", dir, "--remove", "another"},
			{"resign", dir, "--rename", "serving_default=old"},
			{"resign", dir, "--signature", "serving_default", "--input", "images=x", "--output", "y:0"},
		} {
			code, _, stderr := execute(t, append([]string{"savedmodel"}, args...)...)
			require.Zero(t, code, stderr)
		}
		got := oracle.Value[[]float32](t, `
with tf1.Session() as s:
    mg = tf1.saved_model.loader.load(s, ["serve", "v2"], args[0])
    assert sorted(mg.signature_def) == ["old", "serving_default"], sorted(mg.signature_def)
    sig = mg.signature_def["serving_default"]
    result = s.run(sig.outputs["y"].name, {sig.inputs["images"].name: [[1., 1.]]}).ravel().tolist()
`, dir)
		assert.Equal(t, []float32{3}, got)
	})
}

// sortOps sorts the sets that Python prints in any order.
func sortOps(text string) string {
	return regexp.MustCompile(`ops: \{[^}]*\}`).ReplaceAllStringFunc(text, func(set string) string {
		names := strings.Split(strings.TrimSuffix(strings.TrimPrefix(set, "ops: {"), "}"), ", ")
		sort.Strings(names)
		return strings.Join(names, " ")
	})
}

func TestSavedModelScan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	def := &graphdef.GraphDef{Node: []*graphdef.NodeDef{{Name: "w", Op: "WriteFile"}, {Name: "n", Op: "NoOp"}}}
	sm := &graphdef.SavedModel{SavedModelSchemaVersion: 1, MetaGraphs: []*graphdef.MetaGraphDef{{GraphDef: def, MetaInfoDef: &graphdef.MetaInfoDef{Tags: []string{"serve"}}}}}
	require.NoError(t, graphdef.Write(filepath.Join(dir, "saved_model.pb"), sm, nil))
	code, out, _ := execute(t, "savedmodel", "scan", dir)
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, out, "MetaGraph with tag set ['serve'] contains the following denylisted ops: {'WriteFile'}\n  w (WriteFile)")
	assert.NotContains(t, out, "refuse", "nothing runs the node")
	sm.MetaGraphs[0].SaverDef = &graphdef.SaverDef{RestoreOpName: "w", FilenameTensorName: "n:0"}
	require.NoError(t, graphdef.Write(filepath.Join(dir, "saved_model.pb"), sm, nil))
	code, out, _ = execute(t, "savedmodel", "scan", dir)
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, out, "MetaGraph with tag set ['serve'], restore: w (WriteFile): it reads, writes or lists files")
	_, out, _ = execute(t, "savedmodel", "scan", dir, "--json")
	assert.Contains(t, out, `"stage":"restore","reason":"it reads, writes or lists files"`)
	code, out, _ = execute(t, "savedmodel", "scan", dir, "--op_denylist", "ReadFile")
	assert.Zero(t, code)
	assert.Contains(t, out, "does not contain the default denylisted ops: {'ReadFile'}")
}

// TestModelsAreMadeWithoutASession makes models of a frozen graph and of a checkpoint.
func TestModelsAreMadeWithoutASession(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	oracle.Run(t, `
x = tf1.placeholder(tf.float32, [None, 2], name="x")
w = tf1.get_variable("w", initializer=[[1.0], [2.0]])
tf.matmul(x, w, name="scores/y")
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    tf1.train.Saver().save(s, args[0] + "/model", global_step=7)
`, dir)
	frozen := filepath.Join(dir, "frozen.pb")
	code, _, stderr := execute(t, "freeze", dir, "-o", frozen)
	require.Zero(t, code, stderr)
	for _, c := range []struct {
		name string
		args []string
	}{{"from-frozen", []string{frozen}}, {"from-checkpoint", []string{dir}}} {
		t.Run(c.name, func(t *testing.T) {
			model := filepath.Join(dir, c.name, "1")
			make := append(append([]string{"savedmodel", c.name}, c.args...), model, "--input", "x", "--output", "scores/y", "--manifest")
			code, out, stderr := execute(t, make...)
			require.Zero(t, code, stderr)
			assert.Equal(t, filepath.Join(model, "saved_model.pb")+"\n", out)
			code, out, stderr = execute(t, "verify", model)
			assert.Zero(t, code, out+stderr)
			r := oracle.RunEager(t, `
f = tf.saved_model.load(args[0]).signatures["serving_default"]
result = f(x=tf.constant([[1., 1.]]))["y"].numpy().ravel().tolist()
`, model)
			var got []float32
			r.Decode(t, &got)
			assert.Equal(t, []float32{3}, got)
			code, _, stderr = execute(t, make...)
			assert.Equal(t, cli.ExitFailed, code)
			assert.Contains(t, stderr, "is not empty")
		})
	}
	code, out, _ := execute(t, "savedmodel", "diff", filepath.Join(dir, "from-frozen", "1"), filepath.Join(dir, "from-checkpoint", "1"))
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, out, "node w")

	for _, c := range []struct {
		says string
		args []string
	}{
		{"did you mean x", []string{"from-frozen", frozen, filepath.Join(dir, "new"), "--input", "xx", "--output", "scores/y"}},
		{"the variable", []string{"from-frozen", unfrozen(t, dir), filepath.Join(dir, "new"), "--input", "x", "--output", "scores/y"}},
		{"--output is missing", []string{"from-frozen", frozen, filepath.Join(dir, "new"), "--input", "x"}},
	} {
		code, _, stderr := execute(t, append([]string{"savedmodel"}, c.args...)...)
		assert.NotZero(t, code)
		assert.Contains(t, stderr, c.says)
		assert.NoDirExists(t, filepath.Join(dir, "new"))
	}
}

// unfrozen writes the graph of the meta graph in dir to a file of its own.
func unfrozen(t *testing.T, dir string) string {
	t.Helper()
	mg, err := graphdef.ReadMetaGraphDef(filepath.Join(dir, "model-7.meta"), nil)
	require.NoError(t, err)
	path := filepath.Join(dir, "graph.pb")
	require.NoError(t, graphdef.Write(path, mg.GraphDef, nil))
	_, err = os.Stat(path)
	require.NoError(t, err)
	return path
}
