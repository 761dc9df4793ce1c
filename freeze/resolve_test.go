package freeze_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// renaming is linear with a saver that keeps "w" under another key. between is the node
// that the assignment takes the value from.
func renaming(keys, between string) string {
	return linear + keys + `
node { name: "save/file" op: "Const" }
node { name: "save/Restore" op: "RestoreV2" input: "save/file" input: "keys" input: "slices"
  attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_FLOAT } } } }
node { name: "save/Assign" op: "Assign" input: "w" input: "` + between + `" }
node { name: "save/Assign_1" op: "Assign" input: "unused" input: "save/Restore:1" }
`
}

func TestNewFindsRenamedKeys(t *testing.T) {
	t.Parallel()
	keys, packed := tftest.StringsNode("keys", "model/w", "model/unused"), tftest.PackedStringsNode("keys", "model/w", "model/unused")
	slices := tftest.StringsNode("slices", "", "")
	for _, c := range []struct{ name, text, between string }{
		{"listed strings", keys + slices, "save/Restore"},
		{"packed strings", packed + tftest.PackedStringsNode("slices", "", ""), "save/Restore"},
		{"repeated strings", keys + tftest.StringsNodeOf("slices", 2, "string_val: ''"), "save/Restore"},
		{"identity", packed + slices + `node { name: "id" op: "Identity" input: "save/Restore:0" }`, "id"},
		{"reshape", packed + slices + `node { name: "r" op: "Reshape" input: "save/Restore" input: "shape" }`, "r:0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			plan, err := freeze.New(t.Context(), graph(t, renaming(c.text, c.between)), memory{"model/w": floats(2)}, &freeze.Options{Outputs: []string{"y"}})
			require.NoError(t, err)
			require.Len(t, plan.Report().Frozen, 1)
			assert.Equal(t, "model/w", plan.Report().Frozen[0].Key)
		})
	}
}

// A saver that casts keeps another type in the checkpoint than the variable has.
func TestNewRefusesCastKeys(t *testing.T) {
	t.Parallel()
	text := renaming(tftest.PackedStringsNode("keys", "model/w", "model/unused")+tftest.StringsNode("slices", "", "")+
		`node { name: "cast" op: "Cast" input: "save/Restore" }`, "cast")
	half := checkpoint.TensorInfo{DType: dtype.Float16, Shape: []int64{2}, Bytes: 4}
	_, err := freeze.New(t.Context(), graph(t, text), memory{"model/w": half}, &freeze.Options{Outputs: []string{"y"}})
	require.ErrorIs(t, err, tfkeep.ErrMismatch)
	assert.ErrorContains(t, err, "w: the graph has float32, the checkpoint float16")
}

func TestNewTakesSlicesOfShardedSavers(t *testing.T) {
	t.Parallel()
	text := `
node { name: "w/part_0" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: 1 } dim { size: 2 } } } } }
node { name: "w/part_1" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: 2 } dim { size: 2 } } } } }
node { name: "y" op: "ConcatV2" input: "w/part_0" input: "w/part_1" }
node { name: "save/r0" op: "RestoreV2" input: "f" input: "keys" input: "slice0" attr { key: "dtypes" value { list { type: DT_FLOAT } } } device: "/job:ps/task:0" }
node { name: "save/r1" op: "RestoreV2" input: "f" input: "keys" input: "slice1" attr { key: "dtypes" value { list { type: DT_FLOAT } } } device: "/job:ps/task:1" }
node { name: "save/a0" op: "Assign" input: "w/part_0" input: "save/r0" }
node { name: "save/a1" op: "Assign" input: "w/part_1" input: "save/r1" }
` + tftest.PackedStringsNode("keys", "renamed") + tftest.PackedStringsNode("slice0", "3 2 0,1:-") + tftest.PackedStringsNode("slice1", "3 2 1,2:-")
	plan, err := freeze.New(t.Context(), graph(t, text), memory{"renamed": floats(3, 2)}, &freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	assert.Equal(t, []freeze.Variable{
		{Name: "w/part_0", Key: "renamed", DType: "float32", Shape: []int64{1, 2}, Bytes: 8},
		{Name: "w/part_1", Key: "renamed", DType: "float32", Shape: []int64{2, 2}, Bytes: 16},
	}, plan.Report().Frozen)
}

// A computed key is not known. The name of the variable would be a guess.
func TestNewRefusesComputedKeys(t *testing.T) {
	t.Parallel()
	text := renaming(`node { name: "keys" op: "StringJoin" }`+tftest.StringsNode("slices", "", ""), "save/Restore")
	def := graph(t, text)
	_, err := freeze.New(t.Context(), def, memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"y"}})
	require.ErrorIs(t, err, tfkeep.ErrUnsupported)
	assert.ErrorContains(t, err, "w: its key is not known, because it is computed when the graph runs, for save/Restore")

	plan, err := freeze.New(t.Context(), def, memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"y"}, NodeNames: true})
	require.NoError(t, err)
	assert.Equal(t, "w", plan.Report().Frozen[0].Key)
}
