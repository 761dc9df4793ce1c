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
