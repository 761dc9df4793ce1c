package command

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	graphpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
)

// frozenModel writes a graph y = x * w with its checkpoint, and returns the folder.
func frozenModel(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	def := &graphpb.GraphDef{}
	require.NoError(t, prototext.Unmarshal([]byte(`
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "w" op: "VariableV2" device: "/gpu:0" attr { key: "dtype" value { type: DT_FLOAT } }
  attr { key: "shape" value { shape { dim { size: 300 } } } } attr { key: "container" value { s: "" } } attr { key: "shared_name" value { s: "" } } }
node { name: "training" op: "Placeholder" attr { key: "dtype" value { type: DT_BOOL } } }
node { name: "w/read" op: "Identity" input: "w" input: "^training" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "y" op: "Mul" input: "x" input: "w/read" attr { key: "T" value { type: DT_FLOAT } } }`), def))
	require.NoError(t, graphdef.Write(filepath.Join(dir, "graph.pbtxt"), def, nil))
	meta := &graphdef.MetaGraphDef{GraphDef: def}
	require.NoError(t, graphdef.Write(filepath.Join(dir, "model.meta"), meta, nil))
	w, err := checkpoint.Create(t.Context(), filepath.Join(dir, "model"), nil)
	require.NoError(t, err)
	defer w.Close()
	ctx := context.Background()
	require.NoError(t, w.Add(ctx, checkpoint.Tensor{Name: "w", DType: dtype.Float32, Shape: []int64{300}, Data: make([]byte, 1200)}))
	require.NoError(t, w.Commit(ctx))
	return dir
}

func execute(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Run(context.Background(), args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestFreezeTakesTheFlagsOfFreezeGraph(t *testing.T) {
	t.Parallel()
	dir := frozenModel(t)
	out := filepath.Join(t.TempDir(), "frozen.pb")
	for _, c := range []struct {
		name string
		args []string
	}{
		{"checkpoint alone", []string{"freeze", filepath.Join(dir, "model"), "-o", out}},
		{"text graph", []string{"freeze", "--input_graph", filepath.Join(dir, "graph.pbtxt"), "--input_binary", "true",
			"--input_checkpoint", filepath.Join(dir, "model"), "--output_node_names", "y", "--output_graph", out,
			"--restore_op_name", "save/restore_all", "--filename_tensor_name=save/Const:0", "--clear_devices", "True", "--initializer_nodes", ""}},
		{"meta graph", []string{"freeze", "--input_meta_graph=" + filepath.Join(dir, "model.meta"), "--input_checkpoint=" + filepath.Join(dir, "model"),
			"--output_node_names=y", "--output_graph=" + out}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_ = os.Remove(out)
			code, stdout, stderr := execute(t, c.args...)
			require.Zero(t, code, stderr)
			assert.Contains(t, stdout, "froze     1 variable, 1.17 KiB")
			def, err := graphdef.ReadGraphDef(out)
			require.NoError(t, err)
			for _, n := range def.Node {
				assert.Empty(t, n.Device)
				assert.NotEqual(t, "VariableV2", n.Op)
			}
		})
	}
}

func TestFreezeRoundsAndOptimizes(t *testing.T) {
	t.Parallel()
	dir := frozenModel(t)
	out := filepath.Join(dir, "frozen.pb")
	code, stdout, stderr := execute(t, "freeze", dir+"/model", "-o", out, "--output_node_names", "y",
		"--optimize", "--round", "float16", "--constant", "training=false", "--json")
	require.Zero(t, code, stderr)
	var got struct {
		Nodes   int
		Inputs  []string
		Rounded []struct{ Node string }
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	assert.Equal(t, []string{"x"}, got.Inputs, "the placeholder that was fixed is no input any more")
	require.Len(t, got.Rounded, 1)
	assert.Equal(t, "w", got.Rounded[0].Node)
	_, err := graphdef.ReadGraphDef(out)
	require.NoError(t, err)
}

func TestFreezeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := frozenModel(t)
	model, out := filepath.Join(dir, "model"), filepath.Join(dir, "frozen.pb")
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"no output file", []string{"freeze", model}, cli.ExitUsage, "-o FILE"},
		{"no model", []string{"freeze", "-o", out}, cli.ExitUsage, "no model"},
		{"two models", []string{"freeze", model, "--input_graph", "g", "-o", out}, cli.ExitUsage, "more than one model"},
		{"no values", []string{"freeze", "--input_graph", "g", "-o", out}, cli.ExitUsage, "--input_checkpoint"},
		{"odd rounding", []string{"freeze", model, "-o", out, "--round", "int4"}, cli.ExitUsage, "float16 or bfloat16"},
		{"odd constant", []string{"freeze", model, "-o", out, "--constant", "x"}, cli.ExitUsage, "NAME=true"},
		{"no checkpoint", []string{"freeze", filepath.Join(dir, "nope"), "-o", out}, cli.ExitFailed, "nope"},
		{"unknown output", []string{"freeze", model, "-o", out, "--output_node_names", "w/reed"}, cli.ExitFailed, "did you mean w/read"},
		{"output is a folder", []string{"freeze", model, "-o", dir}, cli.ExitFailed, dir},
		{"no such variable", []string{"freeze", "--input_graph", filepath.Join(dir, "graph.pbtxt"), "--input_checkpoint", other(t), "-o", out}, cli.ExitFailed, "without a value: w"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, _, stderr := execute(t, c.args...)
			assert.Equal(t, c.code, code, stderr)
			assert.Contains(t, stderr, c.says)
			assert.NoFileExists(t, out)
		})
	}
}

// other writes a checkpoint without the variable of the model.
func other(t *testing.T) string {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "other")
	w, err := checkpoint.Create(t.Context(), prefix, nil)
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, w.Add(context.Background(), checkpoint.Tensor{Name: "v", DType: dtype.Float32, Shape: []int64{1}, Data: make([]byte, 4)}))
	require.NoError(t, w.Commit(context.Background()))
	return prefix
}

// Where savers of the graph disagree, the summary says which key was taken.
func TestFreezeSaysWhichKeyWasChosen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	def := &graphpb.GraphDef{}
	restore := func(saver, key string) string {
		return `node { name: "` + saver + `/key" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: "` + key + `" } } } }
node { name: "` + saver + `/none" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: "" } } } }
node { name: "` + saver + `/RestoreV2" op: "RestoreV2" input: "` + saver + `/Const" input: "` + saver + `/key" input: "` + saver + `/none" attr { key: "dtypes" value { list { type: DT_FLOAT } } } }
node { name: "` + saver + `/Assign" op: "Assign" input: "w" input: "` + saver + `/RestoreV2" attr { key: "T" value { type: DT_FLOAT } } }
`
	}
	require.NoError(t, prototext.Unmarshal([]byte(restore("save", "w/average")+restore("save_1", "w")+`
node { name: "w" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { } } } }
node { name: "y" op: "Identity" input: "w" attr { key: "T" value { type: DT_FLOAT } } }`), def))
	graph := filepath.Join(dir, "graph.pb")
	require.NoError(t, graphdef.Write(graph, def, nil))
	w, err := checkpoint.Create(t.Context(), filepath.Join(dir, "model"), nil)
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: "w", DType: dtype.Float32, Data: []byte{0, 0, 0, 64}}))
	require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: "w/average", DType: dtype.Float32, Data: []byte{0, 0, 128, 63}}))
	require.NoError(t, w.Commit(t.Context()))
	args := []string{"freeze", "--input_graph", graph, "--input_checkpoint", filepath.Join(dir, "model"), "--output_node_names", "y", "-o", filepath.Join(dir, "frozen.pb")}
	code, stdout, stderr := execute(t, args...)
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, `chosen    w from "w"; another saver of the graph restores it from ["w/average"]`)

	code, stdout, stderr = execute(t, append(args, "--json", "--force")...)
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, `"other_keys":["w/average"]`)
}

func TestFreezeReplacesOnlyWithForce(t *testing.T) {
	t.Parallel()
	dir := frozenModel(t)
	out := filepath.Join(dir, "frozen.pb")
	require.NoError(t, os.WriteFile(out, []byte("precious"), 0o666))
	code, _, stderr := execute(t, "freeze", dir+"/model", "-o", out, "--outputs", "y")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, stderr, "--force replaces it")
	left, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Equal(t, "precious", string(left))
	code, _, stderr = execute(t, "freeze", dir+"/model", "-o", out, "--output", "y", "--force")
	require.Zero(t, code, stderr)
	_, err = graphdef.ReadGraphDef(out)
	require.NoError(t, err)
}

func TestFreezeRenamesVariables(t *testing.T) {
	t.Parallel()
	dir := frozenModel(t)
	prefix := filepath.Join(t.TempDir(), "averages")
	w, err := checkpoint.Create(t.Context(), prefix, nil)
	require.NoError(t, err)
	defer w.Close()
	for _, name := range []string{"w", "w/ExponentialMovingAverage"} {
		require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: name, DType: dtype.Float32, Shape: []int64{300}, Data: make([]byte, 1200)}))
	}
	require.NoError(t, w.Commit(t.Context()))
	freeze := func(rename string) (int, string, string) {
		return execute(t, "freeze", "--input_graph", dir+"/graph.pbtxt", "--input_checkpoint", prefix, "--outputs", "y",
			"--rename", rename, "-o", filepath.Join(dir, "frozen.pb"), "--json", "--force")
	}
	code, stdout, stderr := freeze(`(.*)=\1/ExponentialMovingAverage`)
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, `"key":"w/ExponentialMovingAverage"`)
	assert.Contains(t, stdout, `"renamed":["w"]`)
	for _, c := range []struct{ name, rename, says string }{
		{"no such key", `(.*)=\1/Averages`, `such as "w/Averages"`},
		{"no such variable", `v=w`, "matches the name of no variable"},
		{"not a pattern", `(=w`, "missing closing"},
		{"not a rule", `w`, "VARIABLE=KEY"},
	} {
		code, _, stderr := freeze(c.rename)
		assert.NotZero(t, code, c.name)
		assert.Contains(t, stderr, c.says, c.name)
	}
}

func TestFreezeNamesWhatWasGiven(t *testing.T) {
	t.Parallel()
	dir := frozenModel(t)
	out := filepath.Join(dir, "frozen.pb")
	graph, meta, ckpt := dir+"/graph.pbtxt", dir+"/model.meta", dir+"/model"
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"graph for a checkpoint", []string{graph}, "is a GraphDef, and CKPT takes a checkpoint"},
		{"checkpoint for a graph", []string{"--input_graph", ckpt, "--input_checkpoint", ckpt}, "is a checkpoint, and --input_graph takes a GraphDef"},
		{"checkpoint for a SavedModel", []string{"--input_saved_model_dir", ckpt}, "is a checkpoint, and --input_saved_model_dir takes a SavedModel"},
		{"meta graph for a graph", []string{"--input_graph", meta, "--input_checkpoint", ckpt}, "MetaGraphDef"},
		{"graph for a meta graph", []string{"--input_meta_graph", graph, "--input_checkpoint", ckpt}, "GraphDef"},
		{"graph for the values", []string{"--input_graph", graph, "--input_checkpoint", graph}, "is a GraphDef, and --input_checkpoint takes a checkpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, _, stderr := execute(t, append([]string{"freeze", "-o", out}, c.args...)...)
			assert.Equal(t, cli.ExitFailed, code)
			assert.Contains(t, stderr, c.says)
			assert.NoFileExists(t, out)
		})
	}
}

func TestUnknownFlagSuggestsNearOnes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"freeze", "--output_nodes", "y"}, "--output_node"},
		{[]string{"freeze", "--optimzie"}, "did you mean --optimize?"},
		{[]string{"graph", "optimize", "--output", "y"}, "did you mean --outputs?"},
		{[]string{"convert", "--forse"}, "did you mean --force?"},
		{[]string{"ls", "--jsn"}, "did you mean --json?"},
	} {
		code, _, stderr := execute(t, c.args...)
		assert.Equal(t, cli.ExitUsage, code)
		assert.Contains(t, stderr, c.says)
	}
	_, _, stderr := execute(t, "ls", "--nothing-like-it")
	assert.NotContains(t, stderr, "did you mean")
}

func TestGraphOptimize(t *testing.T) {
	t.Parallel()
	dir := frozenModel(t)
	frozen, small := filepath.Join(dir, "frozen.pb"), filepath.Join(dir, "small.pb")
	code, _, stderr := execute(t, "freeze", dir+"/model", "-o", frozen, "--outputs", "y")
	require.Zero(t, code, stderr)
	code, stdout, stderr := execute(t, "graph", "optimize", frozen, small, "--constant", "training=false", "--round", "float16")
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, "rounded")
	def, err := graphdef.ReadGraphDef(small)
	require.NoError(t, err)
	assert.Len(t, def.Node, 4, "x, the weights, their Cast and y")

	code, _, stderr = execute(t, "graph", "optimize", frozen, small)
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, stderr, "--force replaces it")
	code, _, stderr = execute(t, "graph", "optimize", "--force", dir+"/graph.pbtxt", small)
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, stderr, "is not frozen: w is a variable")
	code, _, stderr = execute(t, "graph", "optimize", frozen, small, "--round", "int4")
	assert.Equal(t, cli.ExitUsage, code)
	assert.Contains(t, stderr, "float16 or bfloat16")
}
