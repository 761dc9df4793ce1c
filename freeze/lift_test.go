package freeze_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze"
)

// ownHandle calls a function that makes the handle of "w" itself.
const ownHandle = `
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "y" op: "scale" input: "x" }
library { function {
  signature { name: "scale" input_arg { name: "a" type: DT_FLOAT } output_arg { name: "r" type: DT_FLOAT } }
  node_def { name: "h" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shared_name" value { s: "w" } }
    attr { key: "shape" value { shape { dim { size: 2 } } } } }
  node_def { name: "read" op: "ReadVariableOp" input: "h:resource:0" attr { key: "dtype" value { type: DT_FLOAT } } }
  node_def { name: "mul" op: "Mul" input: "a" input: "read:value:0" input: "^h" attr { key: "T" value { type: DT_FLOAT } } }
  ret { key: "r" value: "mul:z:0" }
} }`

func TestLiftFreezesHandlesOfFunctions(t *testing.T) {
	t.Parallel()
	plan, err := freeze.New(t.Context(), graph(t, ownHandle), memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	def, err := plan.GraphDef(t.Context())
	require.NoError(t, err)
	require.Len(t, plan.Report().Frozen, 1)
	assert.Equal(t, "w", plan.Report().Frozen[0].Name, "named after the variable")
	require.Len(t, def.Library.Function, 1, "the function that takes a value, and not the one that nothing calls now")
	frozen := def.Library.Function[0]
	assert.Equal(t, frozen.Signature.Name, def.Node[1].Op)
	assert.Equal(t, []string{"x", "w"}, def.Node[1].Input)
	for _, n := range frozen.NodeDef {
		assert.NotContains(t, []string{"VarHandleOp", "ReadVariableOp"}, n.Op)
		assert.NotContains(t, n.Input, "^h")
	}
}

// Handles without a shared_name have the empty one, and so are of one variable, whatever their
// nodes are called.
func TestLiftKnowsHandlesWithoutName(t *testing.T) {
	t.Parallel()
	text := strings.Replace(ownHandle, `attr { key: "shared_name" value { s: "w" } }`, "", 1) +
		`node { name: "v" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: 2 } } } } }
node { name: "z" op: "ReadVariableOp" input: "v" attr { key: "dtype" value { type: DT_FLOAT } } }`
	plan, err := freeze.New(t.Context(), graph(t, text), memory{"v": floats(2)}, &freeze.Options{Outputs: []string{"y", "z"}})
	require.NoError(t, err)
	require.Len(t, plan.Report().Frozen, 1)
	assert.Equal(t, "v", plan.Report().Frozen[0].Name)
}

func TestLiftLeavesDeniedHandles(t *testing.T) {
	t.Parallel()
	text := ownHandle + `node { name: "b" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "z" op: "ReadVariableOp" input: "b" attr { key: "dtype" value { type: DT_FLOAT } } }`
	plan, err := freeze.New(t.Context(), graph(t, text), memory{"b": floats(2)}, &freeze.Options{Outputs: []string{"y", "z"}, VariableDenylist: []string{"w"}})
	require.NoError(t, err)
	def, err := plan.GraphDef(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"w"}, plan.Report().Kept)
	names := map[string]bool{}
	for _, f := range def.Library.Function {
		names[f.Signature.Name] = true
	}
	for _, n := range def.Node {
		if n.Name == "y" {
			assert.True(t, names[n.Op], "the library has %s", n.Op)
		}
	}
}

func TestLiftReportsHandlesWithoutValue(t *testing.T) {
	t.Parallel()
	_, err := freeze.New(t.Context(), graph(t, ownHandle), memory{}, &freeze.Options{Outputs: []string{"y"}})
	var values *freeze.ValuesError
	require.ErrorAs(t, err, &values)
	assert.Len(t, values.Missing, 1)
}

func TestLiftRefusesRecursion(t *testing.T) {
	t.Parallel()
	text := `
node { name: "y" op: "f" }
library { function {
  signature { name: "f" output_arg { name: "r" type: DT_FLOAT } }
  node_def { name: "h" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shared_name" value { s: "w" } } }
  node_def { name: "again" op: "f" }
  ret { key: "r" value: "again:r:0" }
} }`
	_, err := freeze.New(t.Context(), graph(t, text), memory{"w": floats(2)}, &freeze.Options{Outputs: []string{"y"}})
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	assert.ErrorContains(t, err, "calls itself")
}
