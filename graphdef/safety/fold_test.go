package safety_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

const constants = `node { name: "file" op: "Const" } node { name: "one" op: "Const" } node { name: "x" op: "Placeholder" } node { name: "v" op: "VarHandleOp" }
	node { name: "read" op: "ReadFile" input: "file" } node { name: "n" op: "DecodeRaw" input: "read" } `

func TestImportRefusesWhatAShapeNeeds(t *testing.T) {
	t.Parallel()
	n := func(name, op, inputs string) string {
		return fmt.Sprintf(`node { name: %q op: %q %s } `, name, op, inputs)
	}
	reshape := `library { function { signature { name: "f" input_arg { name: "s" type: DT_INT32 } }
		node_def { name: "r" op: "Reshape" input: "c:output:0" input: "s" } node_def { name: "c" op: "Const" } } } `
	for _, c := range []struct {
		name, graph string
		refused     bool
	}{
		{"a shape", n("r", "Reshape", `input: "x" input: "n"`), true},
		{"the tensor of a Reshape", n("r", "Reshape", `input: "n" input: "one"`), false},
		{"by way of arithmetic", n("a", "Add", `input: "n" input: "one"`) + n("r", "Fill", `input: "a" input: "one"`), true},
		{"with a placeholder", n("a", "Add", `input: "n" input: "x"`) + n("r", "Fill", `input: "a" input: "one"`), false},
		{"with a variable", n("a", "ReadVariableOp", `input: "v"`) + n("b", "Add", `input: "n" input: "a"`) + n("r", "Fill", `input: "b" input: "one"`), false},
		{"a file name that is fed", n("other", "ReadFile", `input: "x"`) + n("i", "DecodeRaw", `input: "other"`) + n("r", "Fill", `input: "i" input: "one"`), false},
		{"one part of a shape", n("p", "Pack", `input: "n" input: "x"`) + n("r", "Fill", `input: "p" input: "one"`), true},
		{"the shape of a file's content", n("s", "Shape", `input: "n"`) + n("r", "Fill", `input: "s" input: "one"`), true},
		{"of a shape that is known", n("d", "DebugNanCount", `input: "s"`) + n("s", "Shape", `input: "x"`) + n("r", "Fill", `input: "d" input: "one"`), true},
		{"an op that is not reviewed", n("r", "Unbatch", `input: "n" input: "one" input: "one"`), true},
		{"in a function", n("call", "f", `input: "n"`) + reshape, true},
		{"in a function that is called", n("call", "PartitionedCall", `input: "n" attr { key: "f" value { func { name: "f" } } }`) + reshape, true},
		{"in a function with a placeholder", n("call", "f", `input: "x"`) + reshape, false},
		{"in a function that a dataset calls", n("call", "MapDataset", `input: "n" attr { key: "f" value { func { name: "f" } } }`) + reshape, true},
		{"a function of another file", n("call", "PartitionedCall", `attr { key: "f" value { func { name: "g" } } }`), true},
		{"nothing but readers of images", n("i", "DecodeJpeg", `input: "read"`) + n("e", "ExpandDims", `input: "i" input: "one"`) + n("r", "ResizeBilinear", `input: "e" input: "one"`), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := tftest.ParseGraph(t, constants+c.graph)
			err := safety.CheckImport(g, nil)
			if !c.refused {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tfkeep.ErrUnsafe)
			if c.name != "a function of another file" {
				require.NoError(t, safety.CheckImport(g, &safety.ImportOptions{Allow: []string{"ReadFile", "DebugNanCount"}}))
			}
		})
	}
}

func TestImportRefusesWhatEndsTheProcess(t *testing.T) {
	t.Parallel()
	vector := func(name string, dims string) string {
		return fmt.Sprintf(`node { name: %q op: "Const" attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { %s } } } } } `, name, dims)
	}
	constants := vector("scalar", "") + vector("vector", "dim { size: 2 }") + vector("matrix", "dim { size: 2 } dim { size: 2 }") + `node { name: "x" op: "Placeholder" attr { key: "shape" value { shape { unknown_rank: true } } } } `
	split := func(sizes, more string) string {
		return constants + more + `node { name: "s" op: "SplitV" input: "x" input: "` + sizes + `" input: "scalar" attr { key: "num_split" value { i: 2 } } }`
	}
	product := `node { name: "p" op: "Prod" input: "matrix" input: "scalar" } `
	gather := func(params, indices string, batch int) string {
		return fmt.Sprintf(`node { name: "b" op: "GatherV2" input: %q input: %q input: "scalar" attr { key: "batch_dims" value { i: %d } } }`, params, indices, batch)
	}
	slice := func(shrink int) string {
		return fmt.Sprintf(`node { name: "c" op: "StridedSlice" input: "vector" input: "one" input: "one" input: "one" attr { key: "shrink_axis_mask" value { i: %d } } } `, shrink) + vector("one", "dim { size: 1 }")
	}
	for _, c := range []struct {
		name, graph string
		refused     bool
	}{
		{"sizes that are a vector", split("vector", ""), false},
		{"a scalar", split("scalar", ""), true},
		{"a matrix", split("matrix", ""), true},
		{"fed", split("x", ""), false},
		{"packed scalars", split("p", `node { name: "p" op: "Pack" input: "c" input: "scalar" } `+slice(1)), false},
		{"packed vectors", split("p", `node { name: "p" op: "Pack" input: "c" input: "vector" } `+slice(0)), true},
		{"a shape", split("p", `node { name: "p" op: "Shape" input: "matrix" } `), false},
		{"a sum", split("p", `node { name: "p" op: "Add" input: "vector" input: "scalar" } `), false},
		{"an unknown rank", split("p", `node { name: "p" op: "Prod" input: "matrix" input: "scalar" } `), true},
		{"trees", constants + `node { name: "e" op: "ExpandDims" input: "x" input: "scalar" } node { name: "b" op: "BoostedTreesPredict" input: "x" input: "e" input: "vector" }`, false},
		{"trees of scalars", constants + `node { name: "b" op: "BoostedTreesPredict" input: "x" input: "scalar" }`, true},
		{"a gradient of scalars", constants + `node { name: "b" op: "FakeQuantWithMinMaxVarsPerChannelGradient" input: "vector" input: "scalar" input: "x" input: "x" }`, true},
		{"statistics", constants + `node { name: "b" op: "BoostedTreesAggregateStats" input: "vector" input: "matrix" input: "matrix" input: "matrix" }`, false},
		{"batch dimensions", constants + `node { name: "b" op: "GatherV2" input: "matrix" input: "vector" input: "scalar" attr { key: "batch_dims" value { i: 2 } } }`, false},
		{"batch dimensions of unknown tensors", constants + `node { name: "b" op: "GatherV2" input: "x" input: "x" input: "scalar" attr { key: "batch_dims" value { i: 2 } } }`, false},
		{"one batch dimension of an unknown rank", constants + product + gather("x", "p", 1), false},
		{"batch dimensions of an unknown rank", constants + product + gather("x", "p", 2), false},
		{"batch dimensions of a reshaped tensor", constants + product + `node { name: "r" op: "Reshape" input: "p" input: "vector" } ` + gather("matrix", "r", 4), false},
		{"too many batch dimensions of a reshaped tensor", constants + product + `node { name: "r" op: "Reshape" input: "p" input: "vector" } ` + gather("matrix", "r", 5), true},
		{"too many batch dimensions", constants + `node { name: "b" op: "GatherV2" input: "vector" input: "scalar" input: "scalar" attr { key: "batch_dims" value { i: 2 } } }`, true},
		{"far too many batch dimensions", constants + `node { name: "b" op: "GatherV2" input: "x" input: "x" input: "scalar" attr { key: "batch_dims" value { i: 100 } } }`, true},
		{"a large group", constants + `node { name: "b" op: "CollectiveGather" input: "x" attr { key: "group_size" value { i: 4611686018427387904 } } }`, true},
		{"an op that crashes without a reason", constants + `node { name: "b" op: "SplitDedupData" input: "x" }`, true},
	} {
		err := safety.CheckImport(tftest.ParseGraph(t, c.graph), nil)
		if c.refused {
			require.ErrorContains(t, err, "ends the process", c.name)
		} else {
			require.NoError(t, err, c.name)
		}
	}
}

// Chains, loops and many calls take time in proportion to the graph.
func TestImportChecksLargeGraphs(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, constants+`node { name: "n0" op: "Identity" input: "n" }
		node { name: "enter" op: "Enter" input: "one" } node { name: "merge" op: "Merge" input: "enter" input: "next" } node { name: "next" op: "NextIteration" input: "add" } node { name: "add" op: "Add" input: "merge" input: "n" }
		library { function { signature { name: "f" } } }`)
	for i := range 100_000 {
		g.Node = append(g.Node, &graphdef.NodeDef{Name: fmt.Sprint("n", i+1), Op: "Identity", Input: []string{fmt.Sprint("n", i)}})
	}
	require.NoError(t, safety.CheckImport(g, nil))
	g.Node = append(g.Node, &graphdef.NodeDef{Name: "r", Op: "Fill", Input: []string{"n100000", "one"}})
	assert.ErrorContains(t, safety.CheckImport(g, nil), "read (ReadFile): it reads, writes or lists files; the shape of r (Fill) depends on it")
}
