package freeze_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze"
)

func TestOutputsWithoutAValueAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, nodes, output string
		deny                []string
		says                string
	}{
		{"a group of writes", `node { name: "w" op: "AssignVariableOp" input: "h" input: "x" } node { name: "train" op: "NoOp" input: "^w" }`,
			"train", nil, `only runs node "w", which writes`},
		{"a saver", `node { name: "s" op: "SaveV2" input: "x" } node { name: "all" op: "NoOp" input: "^s" }`, "all", nil, "computes no value"},
		{"inside of a loop", `node { name: "e" op: "Enter" input: "x" attr { key: "frame_name" value { s: "loop" } } } node { name: "y" op: "Neg" input: "e" }`,
			"y", nil, "inside of a loop"},
		{"a reference that is written", `node { name: "w" op: "Assign" input: "r" input: "x" } node { name: "y" op: "RefIdentity" input: "w" }`, "y", nil, "refers to variable"},
		{"a read that races with a write", `node { name: "w" op: "AssignAddVariableOp" input: "h" input: "x" } node { name: "a" op: "ReadVariableOp" input: "h" }
node { name: "y" op: "Neg" input: "a" input: "^w" }`, "y", nil, `before or after node "w" changes it`},
		{"one handle of two stays", `node { name: "g" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shared_name" value { s: "h" } } }
node { name: "a" op: "ReadVariableOp" input: "g" } node { name: "b" op: "ReadVariableOp" input: "h" }
node { name: "y" op: "Add" input: "a" input: "b" }`, "y", []string{"g"}, "freeze both or neither"},
		{"a TPU", `node { name: "y" op: "TPUPartitionedCall" input: "x" }`, "y", nil, "runs only on TPUs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := frozenNodes(t, c.nodes, &freeze.Options{Outputs: []string{c.output}, VariableDenylist: c.deny, AllowNoVariables: true})
			require.ErrorIs(t, err, tfkeep.ErrUnsupported)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestOneReplicaOfATPUIsReplaced(t *testing.T) {
	t.Parallel()
	nodes, _, err := frozenNodes(t, `
node { name: "meta" op: "TPUReplicateMetadata" attr { key: "num_replicas" value { i: 1 } } }
node { name: "in" op: "TPUReplicatedInput" input: "h" attr { key: "N" value { i: 1 } } attr { key: "T" value { type: DT_RESOURCE } } }
node { name: "read" op: "ReadVariableOp" input: "in" input: "^meta" attr { key: "_tpu_replicate" value { s: "cluster" } } }
node { name: "y" op: "TPUReplicatedOutput" input: "read" attr { key: "num_replicas" value { i: 1 } } attr { key: "T" value { type: DT_FLOAT } } }`,
		&freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	assert.Equal(t, "NoOp", nodes["meta"].Op)
	assert.Equal(t, "Identity", nodes["in"].Op)
	assert.Equal(t, "Identity", nodes["y"].Op)
	assert.NotContains(t, nodes["read"].Attr, "_tpu_replicate")
}
