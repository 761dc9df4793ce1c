package safety_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	limits "github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

const (
	growTypes = `attr { key: "T" value { type: DT_INT32 } } attr { key: "Tidx" value { type: DT_INT32 } } attr { key: "N" value { i: 2 } }`
	doubles   = `library { function { signature { name: "double" input_arg { name: "x" type: DT_INT32 } output_arg { name: "y" type: DT_INT32 } }
		node_def { name: "axis" op: "Const" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: 0 } } } }
		node_def { name: "c" op: "ConcatV2" input: "x" input: "x" input: "axis:output:0" ` + growTypes + ` } ret { key: "y" value: "c:output:0" } } }`
)

func intConst(name, dims string, v int) string {
	return fmt.Sprintf(`node { name: %q op: "Const" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { %s } int_val: %d } } } } `, name, dims, v)
}

// rows returns a chain of nodes from "x" to "main"; %s stands for the input of a node.
func rows(count int, node string) string {
	var text strings.Builder
	last := "x"
	for i := range count {
		name := fmt.Sprint("n", i)
		if i == count-1 {
			name = "main"
		}
		fmt.Fprintf(&text, `node { name: %q `+strings.ReplaceAll(node, "%s", last)+" } ", name)
		last = name
	}
	return text.String()
}

// countingLoop is a loop that adds one as long as its first value is less than a number.
func countingLoop(to string) string {
	number := func(name, v string) string {
		return `node_def { name: "` + name + `" op: "Const" attr { key: "dtype" value { type: DT_INT32 } } attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { } int_val: ` + v + ` } } } } `
	}
	const i32 = ` attr { key: "T" value { type: DT_INT32 } } `
	return `node { name: "main" op: "While" input: "zero" attr { key: "T" value { list { type: DT_INT32 } } } attr { key: "cond" value { func { name: "c" } } } attr { key: "body" value { func { name: "b" } } } }
		library { function { signature { name: "c" input_arg { name: "i" type: DT_INT32 } output_arg { name: "o" type: DT_BOOL } } ` + number("n", to) + `
			node_def { name: "less" op: "Less" input: "i" input: "n:output:0" ` + i32 + ` } ret { key: "o" value: "less:z:0" } }
		function { signature { name: "b" input_arg { name: "i" type: DT_INT32 } output_arg { name: "o" type: DT_INT32 } } ` + number("n", "1") + `
			node_def { name: "add" op: "AddV2" input: "i" input: "n:output:0" ` + i32 + ` } ret { key: "o" value: "add:z:0" } } }`
}

func TestRunBoundsWhatGrows(t *testing.T) {
	t.Parallel()
	base := intConst("x", "dim { size: 1024 }", 1) + intConst("axis", "", 0) + intConst("zero", "", 0)
	concat := `op: "ConcatV2" input: "%s" input: "%s" input: "axis" ` + growTypes
	hidden := `node { name: "x" op: "ReadVariableOp" input: "v" attr { key: "dtype" value { type: DT_INT32 } } } ` + intConst("axis", "", 0)
	for _, c := range []struct{ name, graph, says string }{
		{"calls", base + rows(17, `op: "PartitionedCall" input: "%s" attr { key: "Tin" value { list { type: DT_INT32 } } } attr { key: "Tout" value { list { type: DT_INT32 } } } attr { key: "f" value { func { name: "double" } } }`) + doubles, "Limits.Bytes"},
		{"functions as ops", base + rows(17, `op: "double" input: "%s"`) + doubles, "Limits.Bytes"},
		{"cases", base + rows(17, `op: "Case" input: "zero" input: "%s" attr { key: "branches" value { list { func { name: "double" } func { name: "double" } } } }`) + doubles, "Limits.Bytes"},
		{"a default", strings.Replace(base, `"x"`, `"d"`, 1) + `node { name: "x" op: "PlaceholderWithDefault" input: "d" attr { key: "dtype" value { type: DT_INT32 } } } ` + rows(17, concat), "Limits.Bytes"},
		{"a variable", hidden + rows(17, concat), "times as large"},
		{"a loop without an end", base + strings.ReplaceAll(countingLoop("9"), `"AddV2"`, `"Mul"`), "Limits.Nodes"},
		{"a long loop", base + countingLoop("2147483647"), "Limits.Nodes"},
		{"a loop of a variable", hidden + strings.ReplaceAll(countingLoop("9"), `input: "zero"`, `input: "x"`), "how often this loop runs"},
	} {
		g := tftest.ParseGraph(t, c.graph)
		r := &safety.Run{Stage: "initialization", Doing: "initializing the model", Targets: []string{"main"}, Limits: &limits.Limits{Bytes: 64 << 20}}
		err := r.Check(g)
		require.ErrorIs(t, err, tfkeep.ErrTooLarge, c.name)
		assert.ErrorContains(t, err, c.says, c.name)
		r.Limits = &limits.Limits{Bytes: -1}
		assert.NoError(t, r.Check(g), c.name)
	}
	r := &safety.Run{Stage: "initialization", Doing: "initializing the model", Targets: []string{"main"}, Limits: &limits.Limits{Bytes: 64 << 20}}
	assert.NoError(t, r.Check(tftest.ParseGraph(t, base+countingLoop("100"))), "a loop that ends")
	assert.NoError(t, r.Check(tftest.ParseGraph(t, base+rows(5, concat))), "small enough")
	assert.NoError(t, r.Check(tftest.ParseGraph(t, `node { name: "v" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: 5 } dim { size: 64 } } } } }
		node { name: "main" op: "Assign" input: "v" input: "fed" }`)), "a variable of TensorFlow 1 that is restored")
}

func TestRunRefusesCompiledFunctions(t *testing.T) {
	t.Parallel()
	graph := callOf("f") + `library { function { signature { name: "f" } attr { key: "_XlaMustCompile" value { b: true } } } }`
	require.ErrorContains(t, check(t, graph, safety.Run{}), "_XlaMustCompile")
	assert.NoError(t, check(t, graph, safety.Run{Call: true}))
}

func TestImportRefusesConstantObjects(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_VARIANT } } attr { key: "value" value { tensor { dtype: DT_VARIANT tensor_shape { } } } } }
		node { name: "n" op: "TensorListLength" input: "c" } node { name: "s" op: "Pack" input: "n" attr { key: "N" value { i: 1 } } }
		node { name: "p" op: "Placeholder" } node { name: "r" op: "Reshape" input: "p" input: "s" }`)
	require.ErrorContains(t, safety.CheckImport(g, nil), "its value is an object")
}
