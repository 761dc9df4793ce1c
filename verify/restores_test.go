package verify_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// saved writes a checkpoint that has the tensor "w" of two floats, and a meta graph
// whose saver restores what keys and slices say.
func saved(t *testing.T, constants string) (prefix string) {
	t.Helper()
	prefix = filepath.Join(t.TempDir(), "model")
	w, err := checkpoint.Create(t.Context(), prefix, nil)
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: "w", DType: dtype.Float32, Shape: []int64{2}, Data: make([]byte, 8)}))
	require.NoError(t, w.Commit(t.Context()))

	mg := &graphdef.MetaGraphDef{
		GraphDef: &graphdef.GraphDef{},
		SaverDef: &graphdef.SaverDef{FilenameTensorName: "save/Const:0", SaveTensorName: "save/Const:0", RestoreOpName: "save/restore_all"},
	}
	require.NoError(t, prototext.Unmarshal([]byte(`
node { name: "save/Const" op: "Const" attr { key: "dtype" value { type: DT_STRING } } attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape {} string_val: "model" } } } }
node { name: "save/Restore" op: "RestoreV2" input: "save/Const" input: "keys" input: "slices" attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_FLOAT } } } }
node { name: "save/restore_all" op: "NoOp" input: "^save/Restore" }
`+constants), mg.GraphDef))
	require.NoError(t, graphdef.Write(prefix+".meta", mg, nil))
	return prefix
}

func TestRestoredKeysAreChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		constants string
		want      string
	}{
		{"listed strings", tftest.StringsNode("keys", "w", "gone") + tftest.StringsNode("slices", "", ""),
			`BAD model.meta: node "save/Restore" restores "gone", which the checkpoint model does not have: `},
		{"packed strings", tftest.PackedStringsNode("keys", "w", "gone") + tftest.PackedStringsNode("slices", "", ""),
			`BAD model.meta: node "save/Restore" restores "gone", which the checkpoint model does not have: `},
		{"repeated strings", tftest.StringsNodeOf("keys", 2, "string_val: 'gone'") + tftest.StringsNodeOf("slices", 2, ""),
			`BAD model.meta: node "save/Restore" restores "gone", which the checkpoint model does not have: `},
		{"computed keys", `node { name: "keys" op: "StringJoin" input: "part" attr { key: "N" value { i: 1 } } }` + tftest.StringsNode("part", "w", "gone") + tftest.StringsNode("slices", "", ""),
			`note model.meta: not checked against the checkpoint model: read saver: node "save/Restore": `},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			prefix := saved(t, c.constants)
			got := faults(t, filepath.Dir(prefix), reports(t, prefix))
			require.NotEmpty(t, got)
			assert.Contains(t, got[0], c.want, strings.Join(got, "\n"))
		})
	}
}

// The keys of restores in branches and loops cannot be told from the graph. Those of plain
// calls can, and a file name stays the same behind an Identity.
func TestRestoresInFunctionsAreChecked(t *testing.T) {
	t.Parallel()
	const other = `node { name: "keys" op: "Const" } node { name: "slices" op: "Const" }`
	function := func(name, body string) string {
		return `function { signature { name: "` + name + `" input_arg { name: "file" type: DT_STRING } } ` + body + ` }
`
	}
	restores := function("restores", strings.ReplaceAll(tftest.StringsNode("keys", "gone")+tftest.StringsNode("slices", ""), "node {", "node_def {")+
		`node_def { name: "same" op: "Identity" input: "file" }
		 node_def { name: "r" op: "RestoreV2" input: "same:output:0" input: "keys:output:0" input: "slices:output:0" attr { key: "dtypes" value { list { type: DT_FLOAT } } } }`)
	calls := function("calls", `node_def { name: "inner" op: "PartitionedCall" input: "file" attr { key: "f" value { func { name: "restores" } } } }`)
	const gone = `BAD model.meta: node "r" restores "gone", which the checkpoint model does not have: `
	const unchecked = `note model.meta: not checked against the checkpoint model: read saver: node "call": `
	for _, c := range []struct{ name, call, want string }{
		{"a call", `op: "PartitionedCall" input: "save/Const" attr { key: "f" value { func { name: "restores" } } }`, gone},
		{"a call in a call", `op: "PartitionedCall" input: "save/Const" attr { key: "f" value { func { name: "calls" } } }`, gone},
		{"a branch", `op: "If" input: "c" input: "save/Const" attr { key: "then_branch" value { func { name: "restores" } } }`, unchecked},
		{"a branch that calls", `op: "StatelessIf" input: "c" input: "save/Const" attr { key: "else_branch" value { func { name: "calls" } } }`, unchecked},
		{"a case", `op: "Case" input: "c" input: "save/Const" attr { key: "branches" value { list { func { name: "none" } func { name: "restores" } } } }`, unchecked},
		{"a loop", `op: "While" input: "save/Const" attr { key: "body" value { func { name: "calls" } } }`, unchecked},
		{"the condition of a loop", `op: "While" input: "save/Const" attr { key: "cond" value { func { name: "restores" } } }`, unchecked},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			prefix := saved(t, other+`node { name: "call" `+c.call+` } library { `+restores+calls+` }`)
			got := strings.Join(faults(t, filepath.Dir(prefix), reports(t, prefix)), "\n")
			assert.Contains(t, got, c.want)
		})
	}
}
