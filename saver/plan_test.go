package saver

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
)

func nodes(t *testing.T, text string) nodeIndex {
	t.Helper()
	var g graph_go_proto.GraphDef
	require.NoError(t, prototext.Unmarshal([]byte(text), &g))
	return indexNodes(g.Node)
}

const names = `
node { name: "names" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: 2 } } string_val: "b" string_val: "a" } } } }
node { name: "specs" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: 2 } } string_val: "" } } } }
`

func TestPlanSaveFollowsTheGraph(t *testing.T) {
	x := nodes(t, names+`
node { name: "save" op: "SaveV2" input: "file" input: "names" input: "specs" input: "ref" input: "read:0" }
node { name: "ref" op: "VariableV2" }
node { name: "read" op: "ReadVariableOp" input: "handle" }
node { name: "done" op: "Identity" input: "file" input: "^save" }
node { name: "file" op: "Const" }
`)
	p, err := x.planSave("done:0")
	require.NoError(t, err)
	assert.Equal(t, &savePlan{version: checkpoint.V2, shards: 1, tensors: []savedTensor{
		{name: "a", source: "read:0", node: "save"},
		{name: "b", source: "ref", node: "save", aliases: true},
	}}, p)
}

func TestPlansAreRefusedForWhatIsUnknown(t *testing.T) {
	for name, text := range map[string]string{
		"names that are computed": `node { name: "names" op: "Placeholder" } node { name: "save" op: "SaveV2" input: "f" input: "names" input: "names" input: "v" }`,
		"fewer names":             names + `node { name: "save" op: "SaveV2" input: "f" input: "names" input: "specs" input: "v" }`,
		"a shard is missing": names + `node { name: "save" op: "SaveV2" input: "f" input: "names" input: "specs" input: "v" input: "v" }
			node { name: "f" op: "ShardedFilename" input: "p" input: "i" input: "n" }
			node { name: "i" op: "Const" attr { key: "value" value { tensor { dtype: DT_INT32 int_val: 0 } } } }
			node { name: "n" op: "Const" attr { key: "value" value { tensor { dtype: DT_INT32 tensor_content: "\002\000\000\000" } } } }`,
		"nothing is saved": `node { name: "save" op: "NoOp" }`,
		"no node":          ``,
		"too many strings": `node { name: "names" op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: 99999999999 } } } } } }
			node { name: "save" op: "SaveV2" input: "f" input: "names" input: "names" input: "v" }`,
	} {
		_, err := nodes(t, text).planSave("save")
		assert.ErrorIs(t, err, ErrNoPlan, name)
	}
	_, err := nodes(t, `node { name: "restore" op: "NoOp" }`).planRestore("restore")
	assert.ErrorIs(t, err, ErrNoPlan)
}

func TestPlanRestoreKnowsWhatEachTensorIsFor(t *testing.T) {
	x := nodes(t, names+`
node { name: "r" op: "RestoreV2" input: "f" input: "names" input: "specs" attr { key: "dtypes" value { list { type: DT_FLOAT type: DT_INT32 } } } }
node { name: "id" op: "Identity" input: "r" }
node { name: "assign" op: "AssignVariableOp" input: "handle" input: "id" }
node { name: "handle" op: "VarHandleOp" attr { key: "shape" value { shape { dim { size: 2 } dim { size: -1 } } } } }
node { name: "loose" op: "Assign" input: "ref" input: "r:1" attr { key: "validate_shape" value { b: false } } }
node { name: "ref" op: "VariableV2" attr { key: "shape" value { shape { dim { size: 3 } } } } }
node { name: "all" op: "NoOp" input: "^assign" input: "^loose" }
`)
	p, err := x.planRestore("all")
	require.NoError(t, err)
	assert.Equal(t, []restoredTensor{
		{name: "b", dtype: dtype.Float32, output: "r:0", assign: "assign", variable: "handle", shape: []int64{2, -1}, known: true},
		{name: "a", dtype: dtype.Int32, output: "r:1", index: 1, assign: "loose", variable: "ref"},
	}, p.tensors)

	_, bad := p.tensors[0].mismatch(checkpoint.TensorInfo{DType: dtype.Float32, Shape: []int64{2, 7}})
	assert.False(t, bad)
	m, bad := p.tensors[0].mismatch(checkpoint.TensorInfo{DType: dtype.Float32, Shape: []int64{3, 7}})
	assert.True(t, bad)
	assert.Equal(t, "b: Assign requires shapes of both tensors to match. lhs shape= [2,?] rhs shape= [3,7]", m.String())
	_, bad = p.tensors[1].mismatch(checkpoint.TensorInfo{DType: dtype.Int32, Shape: []int64{9}})
	assert.False(t, bad, "the graph takes any shape")
}

// The C API writes constants of strings packed.
func TestPackedStrings(t *testing.T) {
	got, err := packedStrings([]byte("\x01\x00\x03abcd"), "c")
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "", "bcd"}, got)
	for _, bad := range []string{"\x05ab", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x01"} {
		_, err := packedStrings([]byte(bad), "c")
		assert.ErrorIs(t, err, ErrNoPlan, "%q", bad)
	}
}

func TestDevices(t *testing.T) {
	for in, want := range map[string][2]string{
		"":                          {"", "/device:CPU:0"},
		"/gpu:1":                    {"/device:GPU:1", "/device:CPU:0"},
		"/cpu:0":                    {"/device:CPU:0", "/device:CPU:0"},
		"/job:ps/task:1/gpu:0":      {"/job:ps/task:1/device:GPU:0", "/job:ps/task:1/device:CPU:0"},
		"/job:w/replica:0/task:3":   {"/job:w/replica:0/task:3", "/job:w/replica:0/task:3/device:CPU:0"},
		"/device:TPU:7/job:trainer": {"/job:trainer/device:TPU:7", "/job:trainer/device:CPU:0"},
	} {
		assert.Equal(t, want, [2]string{canonicalDevice(in), onCPU0(in)}, in)
	}
}

func TestNearestKey(t *testing.T) {
	candidates := []string{"model/dense/kernel", "dense/bias", "step"}
	for key, want := range map[string]string{
		"dense/kernel": "model/dense/kernel", // a scope more
		"dense/bais":   "dense/bias",
		"old/step":     "step", // a scope less
		"conv/weights": "",
		"x":            "",
	} {
		assert.Equal(t, want, nearestKey(key, candidates), key)
	}
}
