package safety_test

import (
	"fmt"
	"strings"
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
		{"an unknown rank", split("p", `node { name: "p" op: "Einsum" input: "matrix" } `), true},
		{"trees", constants + `node { name: "e" op: "ExpandDims" input: "x" input: "scalar" } node { name: "b" op: "BoostedTreesPredict" input: "x" input: "e" input: "vector" }`, false},
		{"trees of scalars", constants + `node { name: "b" op: "BoostedTreesPredict" input: "x" input: "scalar" }`, true},
		{"a gradient of scalars", constants + `node { name: "b" op: "FakeQuantWithMinMaxVarsPerChannelGradient" input: "vector" input: "scalar" input: "x" input: "x" }`, true},
		{"statistics", constants + `node { name: "b" op: "BoostedTreesAggregateStats" input: "vector" input: "matrix" input: "matrix" input: "matrix" }`, false},
		{"batch dimensions", constants + `node { name: "b" op: "GatherV2" input: "matrix" input: "vector" input: "scalar" attr { key: "batch_dims" value { i: 2 } } }`, false},
		{"batch dimensions of unknown tensors", constants + `node { name: "b" op: "GatherV2" input: "x" input: "x" input: "scalar" attr { key: "batch_dims" value { i: 2 } } }`, false},
		{"one batch dimension of an unknown rank", constants + product + gather("x", "p", 1), false},
		{"batch dimensions of an unknown rank", constants + product + gather("x", "p", 2), false},
		{"batch dimensions of a scalar", constants + gather("vector", "scalar", 2), true},
		{"batch dimensions of a scalar that a function returns", constants + `node { name: "c" op: "f" input: "scalar" } library { function { signature { name: "f"
			input_arg { name: "a" type: DT_INT32 } output_arg { name: "o" type: DT_INT32 } } node_def { name: "i" op: "Identity" input: "a" } ret { key: "o" value: "i:output:0" } } }` + gather("vector", "c", 2), true},
		{"batch dimensions of a matrix that a function returns", constants + `node { name: "c" op: "f" input: "matrix" } library { function { signature { name: "f"
			input_arg { name: "a" type: DT_INT32 } output_arg { name: "o" type: DT_INT32 } } node_def { name: "i" op: "Identity" input: "a" } ret { key: "o" value: "i:output:0" } } }` + gather("matrix", "c", 2), false},
		{"batch dimensions of a loop's value", constants + `node { name: "e" op: "Enter" input: "scalar" } node { name: "m" op: "Merge" input: "e" input: "next" } node { name: "next" op: "NextIteration" input: "m" } node { name: "exit" op: "Exit" input: "m" } ` + gather("vector", "exit", 2), true},
		{"three batch dimensions", constants + `node { name: "t" op: "Transpose" input: "cube" input: "three" } ` + vector("cube", "dim { size: 2 } dim { size: 2 } dim { size: 2 } dim { size: 2 }") + vector("three", "dim { size: 4 }") + gather("cube", "t", 3), false},
		{"negative batch dimensions", constants + gather("matrix", "matrix", -2147483648), true},
		{"a loop without parallel iterations", constants + `node { name: "e" op: "Enter" input: "vector" attr { key: "parallel_iterations" value { i: -1 } } }`, true},
		{"a loop", constants + `node { name: "e" op: "Enter" input: "vector" attr { key: "parallel_iterations" value { i: 10 } } }`, false},
		{"a transpose of too many dimensions", constants + `node { name: "p" op: "Placeholder" attr { key: "shape" value { shape { dim { size: 4294967296 } } } } } node { name: "t" op: "Transpose" input: "x" input: "p" }`, true},
		{"a transpose", constants + `node { name: "t" op: "Transpose" input: "matrix" input: "vector" }`, false},
		{"a transpose of strings", constants + `node { name: "t" op: "ConjugateTranspose" input: "matrix" input: "vector" attr { key: "T" value { type: DT_STRING } } }`, true},
		{"splits of 32 bits", constants + `node { name: "u" op: "UnicodeDecodeWithOffsets" input: "x" attr { key: "Tsplits" value { type: DT_INT32 } } }`, true},
		{"sizes of 8 bits", strings.Replace(split("vector", ""), `attr { key: "num_split"`, `attr { key: "Tlen" value { type: DT_INT8 } } attr { key: "num_split"`, 1), true},
		{"an index that overflows", constants + `node { name: "d" op: "DynamicStitch" input: "largest" input: "vector" } ` + strings.Replace(vector("largest", "dim { size: 2 }"), "tensor_shape", "int_val: 2147483647 tensor_shape", 1), true},
		{"a number of elements that is none", constants + `node { name: "q" op: "QueueDequeueManyV2" input: "x" input: "vector" }`, true},
		{"elements of a map that overflow", constants + `node { name: "m" op: "MapDefun" attr { key: "output_shapes" value { list { shape { dim { size: 2305843009213693952 } } } } } }`, true},
		{"a feature of too many elements", constants + `node { name: "p" op: "ParseExampleV2" attr { key: "dense_shapes" value { list { shape { dim { size: -1 } dim { size: 2305843009213693952 } dim { size: 5 } } } } } }`, true},
		{"features of examples", constants + `node { name: "p" op: "ParseExampleV2" attr { key: "dense_shapes" value { list { shape { dim { size: -1 } dim { size: 5 } } shape { } } } } }`, false},
		{"shapes without types", constants + `node { name: "i" op: "InfeedDequeueTuple" attr { key: "dtypes" value { list { type: DT_INT32 } } } }`, true},
		{"more ragged dimensions of the values than of the result", constants + `node { name: "r" op: "RaggedGather" attr { key: "PARAMS_RAGGED_RANK" value { i: 3 } } }`, true},
		{"a partition of scalars", constants + `node { name: "t" op: "TPUPartitionedInput" input: "scalar" input: "scalar" }`, true},
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
