package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestCheckRefusesStatedSizes(t *testing.T) {
	t.Parallel()
	huge := `node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { tensor {
		dtype: DT_FLOAT tensor_shape { dim { size: 4611686018427387904 } } float_val: 1 } } } }`
	number := func(name string, v int64) string {
		return fmt.Sprintf(`node { name: %q op: "Const" attr { key: "dtype" value { type: DT_INT64 } } attr { key: "value" value { tensor {
			dtype: DT_INT64 tensor_shape { } int64_val: %d } } } }`, name, v)
	}
	vector := strings.Replace(number("dims", 1<<40), "tensor_shape { }", "tensor_shape { dim { size: 1 } }", 1)
	f := `attr { key: "T" value { type: DT_FLOAT } }`
	for _, tc := range []struct{ name, graph, says string }{
		{"a splat", huge, "Limits.Bytes"},
		{"a splat in a function", `library { function { signature { name: "F" } ` + strings.Replace(huge, "node {", "node_def {", 1) + ` } }`, `function "F"`},
		{"a splat in a function's attribute", `node { name: "n" op: "NoOp" attr { key: "f" value { func { name: "F" attr { key: "x" value { tensor {
			dtype: DT_STRING tensor_shape { dim { size: 100000000 } } string_val: "" } } } } } } }`, "Limits.Bytes"},
		{"two splats that are too large together", strings.ReplaceAll(huge, "4611686018427387904", "200000000") +
			strings.Replace(strings.ReplaceAll(huge, "4611686018427387904", "200000000"), `"c"`, `"d"`, 1), "Limits.Bytes"},
		{"a fill", vector + number("v", 1) + `node { name: "n" op: "Fill" input: "dims" input: "v" attr { key: "T" value { type: DT_INT64 } } attr { key: "index_type" value { type: DT_INT64 } } }`, "Limits.Bytes"},
		{"a range", number("a", 0) + number("b", 1<<40) + number("d", 1) + `node { name: "n" op: "Range" input: "a" input: "b" input: "d" attr { key: "Tidx" value { type: DT_INT64 } } }`, "Limits.Bytes"},
		{"a TensorArray", strings.ReplaceAll(strings.ReplaceAll(number("size", 2_000_000_000), "INT64", "INT32"), "int64_val", "int_val") + `node { name: "n" op: "TensorArrayV3" input: "size" attr { key: "dtype" value { type: DT_FLOAT } } }`, "Limits.Bytes"},
		{"a table of many buckets", `node { name: "n" op: "MutableDenseHashTableV2" attr { key: "initial_num_buckets" value { i: 1073741824 } } }`, "of memory"},
		{"a table of many words", `node { name: "n" op: "InitializeTableFromTextFileV2" attr { key: "vocab_size" value { i: 1152921504606846976 } } }`, "of memory"},
		{"a temporary variable", `node { name: "n" op: "TemporaryVariable" attr { key: "shape" value { shape { dim { size: 4611686018427387904 } } } } attr { key: "dtype" value { type: DT_INT32 } } }`, "of memory"},
		{"many outputs", number("v", 1) + `node { name: "n" op: "Unpack" input: "v" attr { key: "T" value { type: DT_INT64 } } attr { key: "num" value { i: 4194304 } } }`, "Limits.Nodes"},
		{"an exit without a loop", number("v", 1) + `node { name: "n" op: "Exit" input: "v" attr { key: "T" value { type: DT_INT64 } } }`, "not in a loop"},
		{"a negative dimension", strings.Replace(huge, "4611686018427387904", "-7", 1), "shape [-7]"},
	} {
		err := check.Graph(tftest.ParseGraph(t, tc.graph), nil)
		require.Error(t, err, tc.name)
		assert.ErrorContains(t, err, tc.says, tc.name)
		if tc.says == "Limits.Bytes" {
			assert.ErrorIs(t, err, tfkeep.ErrTooLarge, tc.name)
			assert.NoError(t, check.Graph(tftest.ParseGraph(t, tc.graph), &check.Options{Limits: &check.Limits{Bytes: -1}}), tc.name)
		}
	}
	variable := strings.ReplaceAll(huge, "4611686018427387904", "500000000") + `node { name: "v" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } }
		attr { key: "shape" value { shape { dim { size: 500000000 } } } } }`
	assert.NoError(t, check.Graph(tftest.ParseGraph(t, variable), nil), "the initial value of a variable "+f)
}

func TestCheckBoundsChains(t *testing.T) {
	t.Parallel()
	chain := func(op string, n int) *graphdef.GraphDef {
		attr := map[string]*graphdef.AttrValue{}
		for _, name := range []string{"dtype", "T", "Index", "SrcT", "DstT"} {
			attr[name] = nodedef.TypeAttr(dtype.Int32)
		}
		g := &graphdef.GraphDef{Node: []*graphdef.NodeDef{{Name: "n0", Op: "Placeholder", Attr: attr}}}
		for i := range n {
			node := &graphdef.NodeDef{Name: fmt.Sprint("n", i+1), Op: op, Input: []string{fmt.Sprint("n", i)}, Attr: attr}
			if op == "StridedSlice" {
				node.Input = append(node.Input, "n0", "n0", "n0")
			}
			g.Node = append(g.Node, node)
		}
		return g
	}
	for _, tc := range []struct {
		op    string
		most  int
		field string
	}{{"Neg", 20_000, "Depth"}, {"Identity", 4_000, "PassedOn"}, {"StopGradient", 4_000, "PassedOn"}, {"StridedSlice", 2_000, "ShapeDepth"}, {"Cast", 2_000, "ShapeDepth"}} {
		assert.NoError(t, check.Graph(chain(tc.op, tc.most-1), nil), tc.op)
		err := check.Graph(chain(tc.op, tc.most+1), nil)
		require.ErrorIs(t, err, tfkeep.ErrTooLarge, tc.op)
		assert.ErrorContains(t, err, "Limits."+tc.field, tc.op)
		assert.NoError(t, check.Graph(chain(tc.op, tc.most+1), &check.Options{Limits: &check.Limits{Depth: 50_000, PassedOn: -1, ShapeDepth: -1}}), tc.op)
	}
}

func TestCheckBoundsNestedLists(t *testing.T) {
	t.Parallel()
	nested := func(depth, input int) *graphdef.GraphDef {
		g := &graphdef.GraphDef{}
		for i := range depth {
			n := &graphdef.NodeDef{Name: fmt.Sprint("n", i), Op: "TensorListPushBack", Input: []string{"other", "other"}}
			if i > 0 {
				n.Input[input] = fmt.Sprint("n", i-1)
			}
			g.Node = append(g.Node, n)
		}
		return g
	}
	assert.ErrorIs(t, check.Graph(nested(300, 1), nil), tfkeep.ErrTooLarge)
	assert.NotErrorIs(t, check.Graph(nested(300, 0), nil), tfkeep.ErrTooLarge, "one list with many elements")
	assert.NotErrorIs(t, check.Graph(nested(300, 1), &check.Options{Limits: &check.Limits{Nesting: 400}}), tfkeep.ErrTooLarge)
}

func TestCheckBoundsFunctions(t *testing.T) {
	t.Parallel()
	nested := func(depth, calls int) *graphdef.GraphDef {
		g := &graphdef.GraphDef{Library: &function_go_proto.FunctionDefLibrary{}}
		for i := range depth {
			f := &function_go_proto.FunctionDef{Signature: &op_def_go_proto.OpDef{Name: fmt.Sprint("f", i)}}
			for c := range calls {
				if i+1 < depth {
					f.NodeDef = append(f.NodeDef, &graphdef.NodeDef{Name: fmt.Sprint("c", c), Op: fmt.Sprint("f", i+1)})
				}
			}
			g.Library.Function = append(g.Library.Function, f)
		}
		return g
	}
	assert.NoError(t, check.Graph(nested(100, 1), nil))
	assert.NoError(t, check.Graph(nested(12, 2), nil))
	for _, tc := range []struct {
		depth, calls int
		field        string
	}{{3_000, 1, "FunctionDepth"}, {25, 2, "Nodes"}, {90, 2, "Nodes"}} {
		err := check.Graph(nested(tc.depth, tc.calls), nil)
		require.ErrorIs(t, err, tfkeep.ErrTooLarge)
		assert.ErrorContains(t, err, "Limits."+tc.field)
	}
	assert.NoError(t, check.Graph(nested(3_000, 1), &check.Options{Limits: &check.Limits{FunctionDepth: -1}}))
}
