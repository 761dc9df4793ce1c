package freeze_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// variables are two variables of each kind, and what nodes of a model need besides.
const variables = `
node { name: "h" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shared_name" value { s: "h" } } }
node { name: "h2" op: "VarHandleOp" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shared_name" value { s: "h2" } } }
node { name: "r" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "r2" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "i" op: "Placeholder" attr { key: "dtype" value { type: DT_INT64 } } }
node { name: "p" op: "Placeholder" attr { key: "dtype" value { type: DT_BOOL } } }
`

var fourValues = memory{"h": floats(2), "h2": floats(2), "r": floats(2), "r2": floats(2)}

// frozenNodes freezes the variables with more nodes and returns the nodes of the frozen
// graph by name.
func frozenNodes(t *testing.T, nodes string, o *freeze.Options) (map[string]*graphdef.NodeDef, freeze.Report, error) {
	t.Helper()
	plan, err := freeze.New(t.Context(), graph(t, variables+nodes), fourValues, o)
	if err != nil {
		return nil, freeze.Report{}, err
	}
	def, err := plan.GraphDef(t.Context())
	require.NoError(t, err)
	byName := map[string]*graphdef.NodeDef{}
	for _, n := range def.Node {
		byName[n.Name] = n
	}
	return byName, plan.Report(), nil
}

// types returns the attributes of a node that are types.
func types(n *graphdef.NodeDef) map[string]string {
	all := map[string]string{}
	for key, a := range n.Attr {
		if dt := a.GetType(); dt != 0 {
			all[key] = dtype.Name(dt)
		}
	}
	return all
}

func TestReadsBecomeOperationsOnValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		node  string // has the name "y"
		op    string
		input []string
		types map[string]string
	}{
		{"ReadVariableOp", `op: "ReadVariableOp" input: "h" attr { key: "dtype" value { type: DT_FLOAT } }`,
			"Identity", []string{"h"}, map[string]string{"T": "float32"}},
		{"ResourceGather", `op: "ResourceGather" input: "h" input: "i" input: "^x" attr { key: "Tindices" value { type: DT_INT64 } }`,
			"GatherV2", []string{"h", "i", "y/axis", "^x"}, map[string]string{"Tparams": "float32", "Tindices": "int64", "Taxis": "int64"}},
		{"ResourceGatherNd", `op: "ResourceGatherNd" input: "h" input: "i" attr { key: "Tindices" value { type: DT_INT64 } }`,
			"GatherNd", []string{"h", "i"}, map[string]string{"Tparams": "float32", "Tindices": "int64"}},
		{"VariableShape", `op: "VariableShape" input: "h"`,
			"Shape", []string{"h"}, map[string]string{"T": "float32", "out_type": "int32"}},
		{"VariableShape of int64", `op: "VariableShape" input: "h" attr { key: "out_type" value { type: DT_INT64 } }`,
			"Shape", []string{"h"}, map[string]string{"T": "float32", "out_type": "int64"}},
		{"VarIsInitializedOp", `op: "VarIsInitializedOp" input: "h" input: "^x"`,
			"Const", []string{"^x"}, map[string]string{"dtype": "bool"}},
		{"IsVariableInitialized", `op: "IsVariableInitialized" input: "r"`,
			"Const", nil, map[string]string{"dtype": "bool"}},
		{"read of a reference", `op: "Mul" input: "r" input: "x" attr { key: "T" value { type: DT_FLOAT } }`,
			"Mul", []string{"r", "x"}, map[string]string{"T": "float32"}},
		{"Identity of a reference", `op: "Identity" input: "r" attr { key: "T" value { type: DT_FLOAT } }`,
			"Identity", []string{"r"}, map[string]string{"T": "float32"}},
		{"RefSwitch", `op: "RefSwitch" input: "r" input: "p" attr { key: "T" value { type: DT_FLOAT } }`,
			"Switch", []string{"r", "p"}, map[string]string{"T": "float32"}},
		{"RefMerge", `op: "RefMerge" input: "r" input: "r2" attr { key: "T" value { type: DT_FLOAT } }`,
			"Merge", []string{"r", "r2"}, map[string]string{"T": "float32"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			nodes, report, err := frozenNodes(t, fmt.Sprintf(`node { name: "y" %s }`, c.node), &freeze.Options{Outputs: []string{"y"}})
			require.NoError(t, err)
			y := nodes["y"]
			assert.Equal(t, c.op, y.Op)
			assert.Equal(t, c.input, y.Input)
			assert.Equal(t, c.types, types(y))
			for _, in := range y.Input {
				assert.Contains(t, nodes, nodedef.NodeName(in))
			}
			assert.Empty(t, report.Kept)
		})
	}
}

func TestGatherKeepsBatchDimsAndFrame(t *testing.T) {
	t.Parallel()
	nodes, _, err := frozenNodes(t, `
node { name: "enter" op: "Enter" input: "h" attr { key: "T" value { type: DT_RESOURCE } } }
node { name: "y" op: "ResourceGather" input: "enter" input: "i"
  attr { key: "batch_dims" value { i: 1 } } attr { key: "Tindices" value { type: DT_INT32 } } }
node { name: "out" op: "Exit" input: "y" attr { key: "T" value { type: DT_FLOAT } } }`, &freeze.Options{Outputs: []string{"out"}})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"T": "float32"}, types(nodes["enter"]))
	assert.EqualValues(t, 1, nodes["y"].Attr["batch_dims"].GetI())
	axis := nodes["y/axis"]
	assert.Equal(t, []int32{1}, axis.Attr["value"].GetTensor().GetIntVal())
	assert.Equal(t, []string{"^enter"}, axis.Input, "the constant has to be in the frame of the loop")
}

func TestIdentityNChangesTheTypesOfHandles(t *testing.T) {
	t.Parallel()
	nodes, report, err := frozenNodes(t, `
node { name: "n" op: "IdentityN" input: "x" input: "h" attr { key: "T" value { list { type: DT_FLOAT type: DT_RESOURCE } } }
  attr { key: "_handle_dtypes" value { list { type: DT_FLOAT } } } }
node { name: "y" op: "ReadVariableOp" input: "n:1" }`, &freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	assert.Equal(t, []dtype.DataType{dtype.Float32, dtype.Float32}, nodes["n"].Attr["T"].GetList().GetType())
	assert.NotContains(t, nodes["n"].Attr, "_handle_dtypes")
	assert.Equal(t, "Identity", nodes["y"].Op)
	assert.Equal(t, 2, report.Converted)
}

func TestColocationStaysWhereItsNodeDoes(t *testing.T) {
	t.Parallel()
	nodes, _, err := frozenNodes(t, `
node { name: "write" op: "AssignVariableOp" input: "h" input: "x" input: "^a" }
node { name: "a" op: "ReadVariableOp" input: "h" attr { key: "_class" value { list { s: "loc:@h" } } } }
node { name: "y" op: "Neg" input: "a" input: "^write" attr { key: "_class" value { list { s: "loc:@write" } } } }`,
		&freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"h"}, nodedef.Colocations(nodes["a"]))
	assert.NotContains(t, nodes["y"].Attr, "_class")
	assert.NotContains(t, nodes, "write")
}

func TestUsesWithoutMeaningAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, nodes string
		deny        []string
		says        string
	}{
		{"an unknown operation takes a handle", `node { name: "y" op: "MyOp" input: "h" }`, nil, "has no counterpart for a value"},
		{"Merge with a variable that stays", `node { name: "y" op: "Merge" input: "h" input: "h2" attr { key: "T" value { type: DT_RESOURCE } } }`,
			[]string{"h2"}, "freeze both or neither"},
		{"an optimizer's slot is frozen", `node { name: "y" op: "ApplyMomentum" input: "r" input: "r2" input: "x" }`, []string{"r"}, "freeze both or neither"},
		{"a handle is assigned through another", `node { name: "y" op: "AssignVariableOp" input: "h" input: "h2" }`, []string{"h"}, "freeze both or neither"},
		{"a scatter is an output", `node { name: "y" op: "ScatterAdd" input: "r" input: "i" input: "x" }`, nil, "it is an output"},
		{"a resource write is an output", `node { name: "y" op: "AssignAddVariableOp" input: "h" input: "x" }`, nil, "it is an output"},
		{"the axis has no name", `node { name: "y/axis" op: "NoOp" } node { name: "y" op: "ResourceGather" input: "h" input: "i" input: "^y/axis" attr { key: "Tindices" value { type: DT_INT64 } } }`,
			nil, "already has a node of this name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := frozenNodes(t, c.nodes, &freeze.Options{Outputs: []string{"y"}, VariableDenylist: c.deny})
			require.ErrorIs(t, err, tfkeep.ErrUnsupported)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestAFrozenValueMayBeWrittenElsewhere(t *testing.T) {
	t.Parallel()
	nodes, _, err := frozenNodes(t, `node { name: "y" op: "Assign" input: "r" input: "r2" }`, &freeze.Options{Outputs: []string{"y"}, VariableDenylist: []string{"r"}})
	require.NoError(t, err)
	assert.Equal(t, "Assign", nodes["y"].Op)
	assert.Equal(t, "VariableV2", nodes["r"].Op)
	assert.Equal(t, "Const", nodes["r2"].Op)
}

// Control edges through removed writes keep their meaning.
func TestRemovedWritesPassControlEdgesOn(t *testing.T) {
	t.Parallel()
	nodes, report, err := frozenNodes(t, `
node { name: "w1" op: "AssignVariableOp" input: "h" input: "x" input: "^p" }
node { name: "w2" op: "AssignAddVariableOp" input: "h" input: "x" input: "^w1" input: "^i" }
node { name: "read" op: "ReadVariableOp" input: "h2" input: "^w2" input: "^p" }
node { name: "y" op: "Neg" input: "read" input: "^w1" }`, &freeze.Options{Outputs: []string{"y"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"h2", "^p", "^i"}, nodes["read"].Input)
	assert.Equal(t, []string{"read", "^p"}, nodes["y"].Input)
	assert.Equal(t, []freeze.Repair{{Node: "w1", From: "AssignVariableOp"}, {Node: "w2", From: "AssignAddVariableOp"}}, report.Repairs)
	assert.NotContains(t, nodes, "w1")
	assert.NotContains(t, nodes, "w2")
}
