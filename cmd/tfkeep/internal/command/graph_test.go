package command

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

const smallGraph = `
node { name: "x" op: "Placeholder" device: "/gpu:0" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: -1 } } } } }
node { name: "h/w" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "h/id" op: "Identity" input: "h/w" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "y" op: "Mul" input: "x" input: "h/id" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "unused" op: "NoOp" attr { key: "_x" value { i: 1 } } }
versions { producer: 2474 }`

// graphFile writes a GraphDef and returns its path.
func graphFile(t *testing.T, text string) string {
	t.Helper()
	def, err := graphdef.ParseGraphDef([]byte(text))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "g.pb")
	require.NoError(t, graphdef.Write(path, def, nil))
	return path
}

func nodeNames(t *testing.T, path string) []string {
	t.Helper()
	def, err := graphdef.ReadGraphDef(path)
	require.NoError(t, err)
	var names []string
	for _, n := range def.Node {
		names = append(names, n.Name)
	}
	return names
}

func TestGraphExtractingVerbs(t *testing.T) {
	t.Parallel()
	in := graphFile(t, smallGraph)
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"extract", []string{"extract", in, "OUT", "y"}, []string{"x", "h/w", "h/id", "y"}},
		{"strip-unused", []string{"strip-unused", in, "OUT", "--inputs", "h/id,x", "--outputs=y"}, []string{"x", "h/id", "y"}},
		{"with types", []string{"strip-unused", in, "OUT", "--inputs", "h/id", "--outputs=y", "--types", "float64"}, []string{"x", "h/id", "y"}},
		{"remove-training-nodes", []string{"remove-training-nodes", in, "OUT"}, []string{"x", "h/w", "y", "unused"}},
		{"keep", []string{"remove-training-nodes", in, "OUT", "--keep", "h/id"}, []string{"x", "h/w", "h/id", "y", "unused"}},
		{"rename-scope", []string{"rename-scope", in, "OUT", "h", "deep/er"}, []string{"x", "deep/er/w", "deep/er/id", "y", "unused"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.pbtxt")
			args := append([]string{"graph"}, c.args...)
			args[3] = out
			code, stdout, stderr := execute(t, args...)
			require.Zero(t, code, stderr)
			assert.Contains(t, stdout, "GraphDef, ")
			assert.Equal(t, c.want, nodeNames(t, out))
			text, err := os.ReadFile(out)
			require.NoError(t, err)
			assert.Contains(t, string(text), "node {\n", "the name asks for text")

			code, _, stderr = execute(t, args...)
			assert.Equal(t, cli.ExitFailed, code)
			assert.Contains(t, stderr, "--force replaces it")
			code, _, stderr = execute(t, append(args, "--force")...)
			assert.Zero(t, code, stderr)
		})
	}
}

func TestGraphEditingVerbs(t *testing.T) {
	t.Parallel()
	def, err := graphdef.ParseGraphDef([]byte(`node { name: "a" op: "VarHandleOp" device: "/gpu:0" attr { key: "container" value { s: "" } } }`))
	require.NoError(t, err)
	dir := t.TempDir()
	meta := filepath.Join(dir, "m.meta")
	require.NoError(t, graphdef.Write(meta, &graphdef.MetaGraphDef{GraphDef: def, MetaInfoDef: &graphdef.MetaInfoDef{Tags: []string{"t"}}}, nil))

	out := filepath.Join(dir, "bare.meta")
	code, _, stderr := execute(t, "graph", "clear-devices", meta, out)
	require.Zero(t, code, stderr)
	mg, err := graphdef.ReadMetaGraphDef(out, nil)
	require.NoError(t, err)
	assert.Empty(t, mg.GraphDef.Node[0].Device)
	assert.Equal(t, []string{"t"}, mg.MetaInfoDef.Tags)

	out = filepath.Join(dir, "stripped.meta")
	code, _, stderr = execute(t, "graph", "strip-defaults", meta, out)
	require.Zero(t, code, stderr)
	mg, err = graphdef.ReadMetaGraphDef(out, nil)
	require.NoError(t, err)
	assert.Empty(t, mg.GraphDef.Node[0].Attr)
	assert.True(t, mg.MetaInfoDef.StrippedDefaultAttrs)

	code, _, stderr = execute(t, "graph", "rename-scope", meta, filepath.Join(dir, "x"), "a", "b")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, stderr, "rename the scope of a GraphDef")
}

func TestGraphCheck(t *testing.T) {
	t.Parallel()
	code, out, _ := execute(t, "graph", "check", graphFile(t, `node { name: "a" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }`))
	assert.Zero(t, code)
	assert.Contains(t, out, "no faults")
	code, out, _ = execute(t, "graph", "check", graphFile(t, `node { name: "a" op: "Neg" input: "gone" } node { name: "b" op: "Nope" }`))
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, out, "Node 'a': Unknown input node 'gone'\n")
	assert.Contains(t, out, "note: Node 'b': op \"Nope\" is not known; it may be one of another library\n")
	assert.Contains(t, out, "2 faults", "the attribute T is missing too")
	code, out, _ = execute(t, "graph", "check", graphFile(t, `node { name: "b" op: "Nope" }`))
	assert.Zero(t, code, "the graph may be sound")
	assert.Contains(t, out, "no faults; it needs ops of another library")
}

func TestGraphDiff(t *testing.T) {
	t.Parallel()
	a := graphFile(t, smallGraph)
	code, out, _ := execute(t, "graph", "diff", a, a)
	assert.Zero(t, code)
	assert.Contains(t, out, "no difference in 5 nodes")
	b := graphFile(t, `node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: -1 } } } } }`)
	code, out, _ = execute(t, "graph", "diff", "--ignore-versions", a, b)
	assert.Equal(t, cli.ExitFailed, code)
	assert.Equal(t, "~ x device: /gpu:0 → none\n- h/w (Const)\n- h/id (Identity)\n- y (Mul)\n- unused (NoOp)\n", out)
	code, out, _ = execute(t, "graph", "diff", "--json", b, a)
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, out, `{"node":"y","b":"Mul"}`)
}

func TestGraphDraw(t *testing.T) {
	t.Parallel()
	in := graphFile(t, smallGraph)
	dir := t.TempDir()
	for _, c := range []struct{ name, want string }{{"g.svg", "<svg"}, {"g.dot", "digraph"}} {
		out := filepath.Join(dir, c.name)
		code, _, stderr := execute(t, "graph", "draw", in, out)
		require.Zero(t, code, stderr)
		picture, err := os.ReadFile(out)
		require.NoError(t, err)
		assert.Contains(t, string(picture), c.want)
	}
	_, out, _ := execute(t, "graph", "draw", in, "--dot", "--max-boxes", "4")
	assert.Contains(t, out, "folder")
	code, _, stderr := execute(t, "graph", "draw", in, "picture")
	assert.Equal(t, cli.ExitUsage, code)
	assert.Contains(t, stderr, "use .svg or .dot")
}

func TestConvertGraphsToTextAndBack(t *testing.T) {
	t.Parallel()
	in := graphFile(t, smallGraph)
	dir := t.TempDir()
	text, back := filepath.Join(dir, "g.pbtxt"), filepath.Join(dir, "g.pb")
	for _, args := range [][]string{{in, text}, {text, back}} {
		code, _, stderr := execute(t, append([]string{"convert"}, args...)...)
		require.Zero(t, code, stderr)
	}
	want, err := os.ReadFile(in)
	require.NoError(t, err)
	got, err := os.ReadFile(back)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	code, _, stderr := execute(t, "convert", in, text)
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, stderr, "--force")
}

func TestShowAGraph(t *testing.T) {
	t.Parallel()
	in := graphFile(t, smallGraph)
	code, out, stderr := execute(t, "show", in)
	require.Zero(t, code, stderr)
	assert.Equal(t, in+`  GraphDef
inputs       x float32 [?]
outputs      y float32
graph        5 nodes, no variables, version 2474
ops          Const 1, Identity 1, Mul 1, NoOp 1, Placeholder 1
devices      /gpu:0 1
`, out)
	_, out, _ = execute(t, "show", "--json", in)
	var s struct {
		Kind  string
		Graph struct{ Nodes int }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &s))
	assert.Equal(t, "GraphDef", s.Kind)
	assert.Equal(t, 5, s.Graph.Nodes)
}

func TestShowTakesWhateverItIs(t *testing.T) {
	t.Parallel()
	dir := frozenModel(t)
	code, out, stderr := execute(t, "show", filepath.Join(dir, "model.meta"))
	require.Zero(t, code, stderr)
	assert.Contains(t, out, "MetaGraphDef")
	code, out, stderr = execute(t, "show", filepath.Join(dir, "model"))
	require.Zero(t, code, stderr)
	assert.Contains(t, out, "float32", "a checkpoint's tensors")
	code, _, stderr = execute(t, "show", filepath.Join(dir, "gone"))
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, stderr, "does not exist")
}

func TestShowASavedModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sm, err := graphdef.ParseSavedModel([]byte(`saved_model_schema_version: 1 meta_graphs {
		meta_info_def { tags: "serve" tensorflow_version: "1.2.0" }
		graph_def { node { name: "v" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: 2 } dim { size: 3 } } } } } }
		saver_def { save_tensor_name: "s:0" restore_op_name: "r" max_to_keep: 5 sharded: true version: V2 }
		collection_def { key: "variables" value { bytes_list { value: "\n\003v:0" } } }
		signature_def { key: "predict" value { method_name: "m" inputs { key: "in" value { name: "x:0" dtype: DT_FLOAT tensor_shape { unknown_rank: true } } } outputs { key: "out" value { name: "y:0" } } } }
		asset_file_def { filename: "vocab.txt" } }`))
	require.NoError(t, err)
	require.NoError(t, graphdef.Write(filepath.Join(dir, modeldir.FilenamePB), sm, nil))
	code, out, stderr := execute(t, "show", dir)
	require.Zero(t, code, stderr)
	for _, part := range []string{
		"SavedModel\n", "tags         serve\n", "TensorFlow 1.2.0", "saver        V2, keeps 5, sharded", "collections  variables 1",
		"signature    predict (m)", "out  out  y:0     ?", "assets       vocab.txt", "1 variable, 6 parameters", "[2, 3]",
	} {
		assert.Contains(t, out, part)
	}
	logs := filepath.Join(t.TempDir(), "logs")
	code, out, stderr = execute(t, "show", dir, "--tensorboard", logs)
	require.Zero(t, code, stderr)
	assert.Contains(t, out, filepath.Join(logs, "events.out.tfevents."))
}

func TestShowTheObjectsOfAModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	layers := strings.Repeat(`nodes { variable { dtype: DT_INT64 shape {} } }`, 60)
	var children strings.Builder
	for i := range 60 {
		fmt.Fprintf(&children, "children { node_id: %d local_name: \"v%d\" }", i+4, i)
	}
	sm, err := graphdef.ParseSavedModel([]byte(`meta_graphs { graph_def { node { name: "a" op: "NoOp" } } object_graph_def {
		nodes { user_object { identifier: "_generic_user_object" } children { node_id: 3 local_name: "layers" } children { node_id: 2 local_name: "train" } children { node_id: 1 local_name: "w\033[1m" } children { node_id: 64 local_name: "signatures" } children { node_id: 66 local_name: "empty" } }
		nodes { variable { dtype: DT_FLOAT shape { dim { size: 3 } } trainable: true name: "dense/w" } }
		nodes { function { concrete_functions: "f_1" concrete_functions: "f_2" } children { node_id: 65 local_name: "trace_0" } }
		nodes { user_object { identifier: "trackable_list_wrapper" } ` + children.String() + ` }
		` + layers + `
		nodes { user_object { identifier: "signature_map" } children { node_id: 65 local_name: "train" } }
		nodes { bare_concrete_function { concrete_function_name: "f_1" } }
		nodes { user_object {} }
		concrete_functions { key: "f_1" value { canonicalized_input_signature { tuple_value { values { tuple_value { values { tensor_spec_value { name: "x" dtype: DT_FLOAT shape { dim { size: -1 } } } } } } values { dict_value {} } } } output_signature { none_value {} } } }
	} }`))
	require.NoError(t, err)
	require.NoError(t, graphdef.Write(filepath.Join(dir, modeldir.FilenamePB), sm, nil))
	out := good(t, "show", dir)
	for _, part := range []string{
		"objects      67 objects, 61 variables, 1 function\n", "├─ train #2", "(x float32 [?]) → None, and 1 more\n",
		"├─ w\\x1b[1m #1", "float32 [3], trainable, dense/w\n", "└─ layers #3", "   ├─ v0 #4", "int64 []\n", "and 24 more (--all)\n",
	} {
		assert.Contains(t, out, part)
	}
	assert.NotContains(t, out, "signatures")
	assert.NotContains(t, out, "empty")
	out = good(t, "show", dir, "--all")
	assert.Contains(t, out, "signatures #64")
	assert.Contains(t, out, "   └─ train #65")
	assert.Contains(t, out, "v59 #63")
	assert.NotContains(t, out, "(--all)")
}

func TestConvertReadsFilesTooLargeForAGraph(t *testing.T) {
	for _, c := range []struct {
		name string
		want string
	}{
		{"w.npz", "not a zip archive"},
		{"w.safetensors", "safetensors"},
		{"v1.ckpt", "open v1.ckpt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			f, err := os.Create(c.name)
			require.NoError(t, err)
			defer f.Close()
			_, err = f.WriteAt([]byte("\x57\xfb\x80\x8b\x24\x75\x47\xdb"), 5<<29) // a sparse file takes no space
			require.NoError(t, err)
			code, _, stderr := execute(t, "convert", c.name, "out")
			assert.Equal(t, cli.ExitFailed, code)
			assert.Contains(t, stderr, c.want)
			assert.NotContains(t, stderr, "graphdef")
		})
	}
}
