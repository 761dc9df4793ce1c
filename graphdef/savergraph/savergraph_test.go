package savergraph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func parse(t *testing.T, text string) *Graph {
	t.Helper()
	var g graphdef.GraphDef
	require.NoError(t, prototext.Unmarshal([]byte(text), &g))
	return New(&g)
}

func intNode(name string, value int) string {
	return fmt.Sprintf("node { name: %q op: 'Const' attr { key: 'value' value { tensor { dtype: DT_INT32 int_val: %d } } } }\n", name, value)
}

const names = `
node { name: "names" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: 2 } } string_val: "b" string_val: "a" } } } }
node { name: "specs" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: 2 } } string_val: "" } } } }
`

func TestSaveFollowsTheGraph(t *testing.T) {
	t.Parallel()
	g := parse(t, names+`
node { name: "save" op: "SaveV2" input: "file" input: "names" input: "specs" input: "ref" input: "read:0" }
node { name: "ref" op: "VariableV2" }
node { name: "read" op: "ReadVariableOp" input: "handle" }
node { name: "done" op: "Identity" input: "file" input: "^save" }
node { name: "file" op: "Const" }
`)
	p, err := g.Save("done:0")
	require.NoError(t, err)
	assert.Equal(t, &SavePlan{Shards: 1, Tensors: []Saved{
		{Key: "a", Source: "read:0", Node: "save"},
		{Key: "b", Source: "ref", Node: "save", Aliases: true},
	}}, p)
}

// shardedSave saves two variables in two files, the first one as two slices.
const shardedSave = `
node { name: "f0" op: "ShardedFilename" input: "prefix" input: "zero" input: "two" device: "/job:ps/task:0" }
node { name: "f1" op: "ShardedFilename" input: "prefix" input: "one" input: "two" device: "/job:ps/task:1" }
node { name: "save" op: "SaveV2" input: "f0" input: "k0" input: "s0" input: "a" device: "/job:ps/task:0" }
node { name: "save_1" op: "SaveV2" input: "f1" input: "k1" input: "s1" input: "b" input: "c" device: "/job:ps/task:1" }
node { name: "merge" op: "MergeV2Checkpoints" input: "f0" input: "f1" input: "^save" input: "^save_1" device: "/job:chief/task:0" }
node { name: "done" op: "Identity" input: "prefix" input: "^merge" }
node { name: "a" op: "Identity" input: "read" }
node { name: "read" op: "ReadVariableOp" input: "handle" }
`

func TestSaveReadsShardsAndSlices(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		node func(string, ...string) string
	}{{"listed strings", tftest.StringsNode}, {"packed strings", tftest.PackedStringsNode}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := parse(t, shardedSave+intNode("zero", 0)+intNode("one", 1)+intNode("two", 2)+
				c.node("k0", "w")+c.node("s0", "4 2 0,2:-")+c.node("k1", "w", "step")+c.node("s1", "4 2 2,2:-", ""))
			p, err := g.Save("done:0")
			require.NoError(t, err)
			assert.Equal(t, &SavePlan{Shards: 2, Merge: "/job:chief/task:0", Tensors: []Saved{
				{Key: "w", Slice: "4 2 0,2:-", Source: "a", Node: "save", Device: "/job:ps/task:0"},
				{Key: "step", Source: "c", Shard: 1, Node: "save_1", Device: "/job:ps/task:1", Aliases: true},
				{Key: "w", Slice: "4 2 2,2:-", Source: "b", Shard: 1, Node: "save_1", Device: "/job:ps/task:1", Aliases: true},
			}}, p)
		})
	}
}

func TestUnknownFormsAreErrors(t *testing.T) {
	t.Parallel()
	save := names + `node { name: "save" op: "SaveV2" input: "f" input: "names" input: "specs" input: "v" input: "v" }`
	for _, c := range []struct{ name, text string }{
		{"computed keys", `node { name: "names" op: "Placeholder" } node { name: "save" op: "SaveV2" input: "f" input: "names" input: "names" input: "v" }`},
		{"fewer keys than tensors", names + `node { name: "save" op: "SaveV2" input: "f" input: "names" input: "specs" input: "v" }`},
		{"a shard is missing", save + intNode("i", 0) + `
			node { name: "f" op: "ShardedFilename" input: "p" input: "i" input: "n" }
			node { name: "n" op: "Const" attr { key: "value" value { tensor { dtype: DT_INT32 tensor_content: "\002\000\000\000" } } } }`},
		{"a shard beyond the last", save + intNode("i", 1) + intNode("n", 1) + `
			node { name: "f" op: "ShardedFilename" input: "p" input: "i" input: "n" }`},
		{"a shard written twice", tftest.StringsNode("k", "a") + intNode("i", 0) + intNode("n", 2) + `
			node { name: "f" op: "ShardedFilename" input: "p" input: "i" input: "n" }
			node { name: "s0" op: "SaveV2" input: "f" input: "k" input: "k" input: "v" }
			node { name: "s1" op: "SaveV2" input: "f" input: "k" input: "k" input: "v" }
			node { name: "save" op: "NoOp" input: "^s0" input: "^s1" }`},
		{"nothing is saved", `node { name: "save" op: "NoOp" }`},
		{"no node", ``},
		{"no inputs", `node { name: "save" op: "SaveV2" }`},
		{"too many strings", tftest.StringsNodeOf("names", 99999999999, "") + `
			node { name: "save" op: "SaveV2" input: "f" input: "names" input: "names" input: "v" }`},
		{"a cycle of identities", `node { name: "names" op: "Identity" input: "names" }
			node { name: "save" op: "SaveV2" input: "f" input: "names" input: "names" input: "v" }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, c.text).Save("save")
			require.ErrorIs(t, err, ErrUnknownForm)
			assert.ErrorIs(t, err, tfkeep.ErrUnsupported)
		})
	}
	_, err := parse(t, `node { name: "restore" op: "NoOp" }`).Restore("restore")
	assert.ErrorIs(t, err, ErrUnknownForm)
}

func TestRestoreKnowsWhatTakesEachTensor(t *testing.T) {
	t.Parallel()
	g := parse(t, names+`
node { name: "r" op: "RestoreV2" input: "f" input: "names" input: "specs" attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_INT32 } } } }
node { name: "id" op: "Identity" input: "r" }
node { name: "assign" op: "AssignVariableOp" input: "handle" input: "id" }
node { name: "handle" op: "VarHandleOp" attr { key: "shape" value { shape { dim { size: 2 } dim { size: -1 } } } } }
node { name: "loose" op: "Assign" input: "ref" input: "r:1" attr { key: "validate_shape" value { b: false } } }
node { name: "ref" op: "VariableV2" attr { key: "shape" value { shape { dim { size: 3 } } } } }
node { name: "all" op: "NoOp" input: "^assign" input: "^loose" }
`)
	p, err := g.Restore("all")
	require.NoError(t, err)
	assert.Equal(t, []Restored{
		{Key: "b", DType: dtype.Float32, Node: "r", Output: "r:0", File: "f", Assign: "assign", Variable: "handle", VariableID: "resource\x00\x00", Shape: []int64{2, -1}, HasShape: true},
		{Key: "a", DType: dtype.Int32, Node: "r", Output: "r:1", Port: 1, File: "f", Index: 1, Assign: "loose", Variable: "ref", VariableID: "ref\x00\x00ref"},
	}, p)
}

func TestRestoreLeavesTablesToTheirOperation(t *testing.T) {
	t.Parallel()
	g := parse(t, names+`
node { name: "r" op: "RestoreV2" input: "f" input: "names" input: "specs" attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_INT32 } } } }
node { name: "import" op: "LookupTableImportV2" input: "table" input: "r" input: "r:1" }
`)
	p, err := g.Restore("import")
	require.NoError(t, err)
	require.Len(t, p, 2)
	for _, r := range p {
		assert.Equal(t, [2]string{"import", "import"}, [2]string{r.Assign, r.Variable})
		assert.False(t, r.HasShape)
	}
}

// renamed restores v and w under other keys, in the order and with the nodes between
// that a test chooses.
func renamed(strings, between string) string {
	return strings + `
node { name: "f" op: "Const" }
node { name: "v" op: "VariableV2" attr { key: "shape" value { shape { dim { size: 2 } } } } }
node { name: "w" op: "VariableV2" attr { key: "shape" value { shape { dim { size: 2 } } } } }
node { name: "save/r" op: "RestoreV2" input: "f" input: "keys" input: "specs" attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_FLOAT } } } }
node { name: "save/Assign" op: "Assign" input: "v" input: "` + between + `" }
node { name: "save/Assign_1" op: "Assign" input: "w" input: "save/r:1" }
`
}

func TestAllRestoresFindsRenamedKeys(t *testing.T) {
	t.Parallel()
	specs := tftest.StringsNode("specs", "", "")
	for _, c := range []struct{ name, strings, between string }{
		{"listed", tftest.StringsNode("keys", "old/v", "old/w") + specs, "save/r"},
		{"packed", tftest.PackedStringsNode("keys", "old/v", "old/w") + tftest.PackedStringsNode("specs", "", ""), "save/r:0"},
		{"repeated slices", tftest.PackedStringsNode("keys", "old/v", "old/w") + tftest.StringsNodeOf("specs", 2, "string_val: ''"), "save/r"},
		{"no slices stored", tftest.StringsNode("keys", "old/v", "old/w") + tftest.StringsNodeOf("specs", 2, ""), "save/r"},
		{"identity", tftest.StringsNode("keys", "old/v", "old/w") + specs + `node { name: "id" op: "Identity" input: "save/r" }`, "id"},
		{"cast", tftest.StringsNode("keys", "old/v", "old/w") + specs + `node { name: "c" op: "Cast" input: "save/r" }`, "c"},
		{"constants behind an identity", tftest.StringsNode("hidden", "old/v", "old/w") + `node { name: "keys" op: "Identity" input: "hidden" }` + specs, "save/r"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := map[string]string{}
			for r, err := range parse(t, renamed(c.strings, c.between)).AllRestores() {
				require.NoError(t, err)
				assert.Equal(t, "f", r.File)
				assert.Equal(t, []int64{2}, r.Shape)
				got[r.Variable] = r.Key
			}
			assert.Equal(t, map[string]string{"v": "old/v", "w": "old/w"}, got)
		})
	}
}

func TestAllRestoresReadsTheOldForms(t *testing.T) {
	t.Parallel()
	scalar := func(name, value string) string {
		return fmt.Sprintf("node { name: %q op: 'Const' attr { key: 'value' value { tensor { dtype: DT_STRING tensor_shape {} string_val: %q } } } }\n", name, value)
	}
	g := parse(t, scalar("k", "key")+scalar("s", "4 0,2")+`
node { name: "v" op: "Variable" attr { key: "shape" value { shape {} } } }
node { name: "r0" op: "Restore" input: "f" input: "k" attr { key: "dt" value { type: DT_FLOAT } } }
node { name: "r1" op: "RestoreSlice" input: "f" input: "k" input: "s" attr { key: "dt" value { type: DT_FLOAT } } }
node { name: "shape" op: "Const" }
node { name: "reshape" op: "Reshape" input: "r0" input: "shape" }
node { name: "a0" op: "Assign" input: "v" input: "reshape" }
`)
	var got []Restored
	for r, err := range g.AllRestores() {
		require.NoError(t, err)
		got = append(got, r)
	}
	assert.Equal(t, []Restored{
		{Key: "key", DType: dtype.Float32, Node: "r0", Output: "r0:0", File: "f", Assign: "a0", Variable: "v", VariableID: "ref\x00\x00v", Reshapes: true},
		{Key: "key", Slice: "4 0,2", DType: dtype.Float32, Node: "r1", Output: "r1:0", File: "f"},
	}, got)
}

func TestAllRestoresReportsComputedKeys(t *testing.T) {
	t.Parallel()
	g := parse(t, renamed(tftest.StringsNode("keys", "v", "w")+tftest.StringsNode("specs", "", ""), "save/r")+`
node { name: "computed" op: "StringJoin" }
node { name: "r2" op: "RestoreV2" input: "other" input: "computed" input: "specs" attr { key: "dtypes" value { list { type: DT_FLOAT } } } device: "/cpu:0" }
`)
	var known, unknown []Restored
	for r, err := range g.AllRestores() {
		if err != nil {
			require.ErrorIs(t, err, ErrUnknownForm)
			assert.Contains(t, err.Error(), `node "r2"`)
			unknown = append(unknown, r)
		} else {
			known = append(known, r)
		}
	}
	assert.Len(t, known, 2)
	assert.Equal(t, []Restored{{Node: "r2", Device: "/cpu:0", File: "other"}}, unknown)
}

func TestAllRestoresYieldsEachAssignment(t *testing.T) {
	t.Parallel()
	g := parse(t, renamed(tftest.StringsNode("keys", "v", "w")+tftest.StringsNode("specs", "", ""), "save/r")+`
node { name: "copy" op: "VariableV2" }
node { name: "again" op: "Assign" input: "copy" input: "save/r:1" }
`)
	var got []string
	for r, err := range g.AllRestores() {
		require.NoError(t, err)
		got = append(got, r.Key+" "+r.Variable)
	}
	assert.Equal(t, []string{"v v", "w w", "w copy"}, got)
	for _, err := range g.AllRestores() {
		require.NoError(t, err)
		break // stops without a panic
	}
}

// restoring has functions as TensorFlow 2 saves them: they restore the variables whose
// handles they take. keys is the node of the keys.
func restoring(keys string) string {
	return tftest.StringsNode("outside", "outside/key") + `
node { name: "file" op: "Placeholder" }
node { name: "w" op: "VarHandleOp" attr { key: "shared_name" value { s: "w" } } attr { key: "shape" value { shape { dim { size: 2 } } } } }
node { name: "again" op: "Identity" input: "w" }
node { name: "w_1" op: "VarHandleOp" attr { key: "shared_name" value { s: "w_1" } } }
node { name: "restore" op: "StatefulPartitionedCall" input: "file" input: "w_1" input: "again" input: "^file"
  attr { key: "f" value { func { name: "outer" } } } }
library {
  function { signature { name: "outer" input_arg { name: "prefix" } input_arg { name: "h" } input_arg { name: "h2" } }
    node_def { name: "call" op: "inner" input: "h2" input: "h" input: "prefix" } }
  function { signature { name: "inner" input_arg { name: "b" } input_arg { name: "a" } input_arg { name: "prefix" } }
    node_def { name: "RestoreV2" op: "RestoreV2" input: "prefix" input: "keys:output:0" input: "specs:output:0"
      attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_INT32 type: DT_STRING } } } }
    node_def { name: "Identity" op: "Identity" input: "RestoreV2:tensors:1" }
    node_def { name: "assign" op: "AssignVariableOp" input: "a" input: "RestoreV2:tensors:0" }
    node_def { name: "assign_1" op: "AssignVariableOp" input: "b" input: "Identity:output:0" }
    ` + keys + strings.Replace(tftest.StringsNode("specs", "", "", ""), "node {", "node_def {", 1) + `
  }
}`
}

func TestAllRestoresFollowsFunctions(t *testing.T) {
	t.Parallel()
	keys := strings.Replace(tftest.StringsNode("keys", "a/KEY", "b/KEY", "graph"), "node {", "node_def {", 1)
	var got []Restored
	for r, err := range parse(t, restoring(keys)).AllRestores() {
		require.NoError(t, err)
		got = append(got, r)
	}
	assert.Equal(t, []Restored{
		{Key: "a/KEY", DType: dtype.Float32, Node: "RestoreV2", Output: "RestoreV2:0", File: "file", Func: "inner", Call: "restore",
			Assign: "assign", Variable: "w_1", VariableID: "resource\x00\x00w_1"},
		{Key: "b/KEY", DType: dtype.Int32, Node: "RestoreV2", Output: "RestoreV2:1", Port: 1, File: "file", Func: "inner", Call: "restore",
			Assign: "assign_1", Variable: "w", VariableID: "resource\x00\x00w", Shape: []int64{2}, HasShape: true},
		{Key: "graph", DType: dtype.String, Node: "RestoreV2", Output: "RestoreV2:2", Port: 2, File: "file", Func: "inner", Call: "restore"},
	}, got)

	got = nil
	for r, err := range parse(t, restoring(`node_def { name: "keys" op: "StringJoin" }`)).AllRestores() {
		require.ErrorIs(t, err, ErrUnknownForm)
		got = append(got, r)
	}
	require.Len(t, got, 2)
	for i, variable := range []string{"w_1", "w"} {
		assert.Equal(t, [3]string{variable, "RestoreV2", "file"}, [3]string{got[i].Variable, got[i].Node, got[i].File})
	}
}

// A function that calls itself, or that a branch runs, cannot be followed.
func TestAllRestoresReportsOpaqueCalls(t *testing.T) {
	t.Parallel()
	const library = `
node { name: "v" op: "VarHandleOp" attr { key: "shared_name" value { s: "v" } } }
library { function { signature { name: "f" input_arg { name: "h" } }
  node_def { name: "r" op: "RestoreV2" } node_def { name: "again" op: "PartitionedCall" input: "h" attr { key: "f" value { func { name: "f" } } } } } }`
	for _, c := range []struct{ name, call string }{
		{"a branch", `node { name: "call" op: "If" input: "cond" input: "v" attr { key: "then_branch" value { func { name: "f" } } } }`},
		{"recursion", `node { name: "call" op: "f" input: "v" }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var variables []string
			for r, err := range parse(t, c.call+library).AllRestores() {
				require.ErrorIs(t, err, ErrUnknownForm)
				variables = append(variables, r.Variable)
			}
			assert.Contains(t, variables, "v")
		})
	}
}

func TestCapturesFollowsBoundInputs(t *testing.T) {
	t.Parallel()
	g := parse(t, `
node { name: "x" op: "Placeholder" }
node { name: "w" op: "VarHandleOp" attr { key: "shared_name" value { s: "w" } } }
node { name: "w_1" op: "VarHandleOp" attr { key: "shared_name" value { s: "w_1" } } }
node { name: "call" op: "StatefulPartitionedCall" input: "x" input: "w_1" input: "table" input: "w" attr { key: "f" value { func { name: "f" } } } }
node { name: "table" op: "HashTableV2" }
node { name: "short" op: "PartitionedCall" input: "w" attr { key: "f" value { func { name: "f" } } } }
library { function { signature { name: "f" input_arg { name: "x" } input_arg { name: "a" } input_arg { name: "b" } input_arg { name: "c" } } } }
`)
	objects := &pb.SavedObjectGraph{
		Nodes: []*pb.SavedObject{{}, {Kind: &pb.SavedObject_Variable{}}, {Kind: &pb.SavedObject_Variable{Variable: &pb.SavedVariable{}}},
			{Kind: &pb.SavedObject_Resource{Resource: &pb.SavedResource{}}}, {Kind: &pb.SavedObject_Variable{Variable: &pb.SavedVariable{}}}},
		ConcreteFunctions: map[string]*pb.SavedConcreteFunction{"f": {BoundInputs: []int32{4, 3, 2}}},
	}
	assert.Equal(t, []Captured{
		{Variable: "w_1", VariableID: "resource\x00\x00w_1", Object: 4, Call: "call"},
		{Variable: "w", VariableID: "resource\x00\x00w", Object: 2, Call: "call"},
	}, slices.Collect(g.Captures(objects)))
	objects.ConcreteFunctions["f"].BoundInputs = []int32{-1, 99, 1}
	assert.Empty(t, slices.Collect(g.Captures(objects)))
	assert.Empty(t, slices.Collect(g.Captures(nil)))
}

// The C API writes constants of strings packed.
func TestPackedStrings(t *testing.T) {
	t.Parallel()
	got, ok := packedStrings([]byte("\x01\x00\x03abcd"))
	require.True(t, ok)
	assert.Equal(t, []string{"a", "", "bcd"}, got)
	for _, bad := range []string{"\x05ab", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x01"} {
		_, ok := packedStrings([]byte(bad))
		assert.False(t, ok, "%q", bad)
	}
}

func TestSplitByTaskMakesSmallGraphs(t *testing.T) {
	t.Parallel()
	g := parse(t, names+`
node { name: "v" op: "VarHandleOp" device: "/job:ps/task:0" }
node { name: "read" op: "ReadVariableOp" input: "v" device: "/job:ps/task:0" }
node { name: "w" op: "VariableV2" device: "/job:ps/task:1" attr { key: "_class" value { list { s: "loc:@v" } } } }
node { name: "save" op: "SaveV2" input: "file" input: "names" input: "specs" input: "read" input: "w" }
node { name: "r" op: "RestoreV2" input: "file" input: "names" input: "specs" attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_FLOAT } } } }
node { name: "assign" op: "AssignVariableOp" input: "v" input: "r" device: "/job:ps/task:0" }
node { name: "assign_1" op: "Assign" input: "w" input: "r:1" device: "/job:ps/task:1" }
node { name: "all" op: "NoOp" input: "^assign" input: "^assign_1" }
`)
	save, err := g.Save("save")
	require.NoError(t, err)
	restore, err := g.Restore("all")
	require.NoError(t, err)
	p := g.SplitByTask(save, restore)
	ps0, ps1 := Task{"ps", 0}, Task{"ps", 1}
	assert.Equal(t, []Task{ps1, ps0}, p.Saved, "in the order of the keys, a and b")
	assert.Equal(t, []Task{ps0, ps1}, p.Restored)
	assert.Equal(t, []string{"restored/0:0", "restored/1:0"}, p.Feeds)
	var nodes []string
	for _, n := range p.Graphs[ps1].Node {
		nodes = append(nodes, n.Name)
		assert.NotContains(t, n.Attr, "_class")
	}
	assert.Equal(t, []string{"w", "restored/1", "assign_1"}, nodes)
	assert.Equal(t, []string{"w", "restored/1"}, p.Graphs[ps1].Node[2].Input)
	assert.Equal(t, "/job:ps/task:1", ps1.String())
}

func TestSplitByTaskLeavesOutWhatCannotMove(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, source string }{
		{"no task", `node { name: "v" op: "VariableV2" }`},
		{"two tasks", `node { name: "v" op: "Identity" input: "w" device: "/job:ps/task:0" } node { name: "w" op: "VariableV2" device: "/job:ps/task:1" }`},
		{"another operation", `node { name: "v" op: "MatMul" device: "/job:ps/task:0" }`},
		{"a control input", `node { name: "v" op: "VariableV2" device: "/job:ps/task:0" input: "^v" }`},
		{"a missing node", `node { name: "v" op: "Identity" input: "gone" device: "/job:ps/task:0" }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := parse(t, tftest.StringsNode("k", "key")+c.source+`node { name: "save" op: "SaveV2" input: "f" input: "k" input: "k" input: "v" }`)
			save, err := g.Save("save")
			require.NoError(t, err)
			p := g.SplitByTask(save, nil)
			assert.Equal(t, []Task{{}}, p.Saved)
			assert.Empty(t, p.Graphs)
		})
	}
}

func TestExtraneousNodesKeepsOneSaver(t *testing.T) {
	t.Parallel()
	var g graphdef.GraphDef
	require.NoError(t, prototext.Unmarshal([]byte(`
node { name: "x" op: "NoOp" }
node { name: "save/SaveV2" op: "SaveV2" }
node { name: "save/Const" op: "Const" }
node { name: "save_1/RestoreV2" op: "RestoreV2" }
node { name: "save_1/Const" op: "Const" }
`), &g))
	keep := &graphdef.SaverDef{SaveTensorName: "save/Const:0", RestoreOpName: "save/restore_all"}
	assert.Equal(t, map[string]bool{"save_1/RestoreV2": true, "save_1/Const": true}, ExtraneousNodes(&g, keep))
	assert.Len(t, ExtraneousNodes(&g, nil), 4)
}
