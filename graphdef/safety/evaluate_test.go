package safety_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	limits "github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

const intType = ` attr { key: "T" value { type: DT_INT32 } } attr { key: "dtype" value { type: DT_INT32 } }`

func ints(name, dims, values string) string {
	return fmt.Sprintf(`node { name: %q op: "Const" %s attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { %s } %s } } } } `, name, intType, dims, values)
}

func op(name, op string, inputs ...string) string {
	s := fmt.Sprintf(`node { name: %q op: %q %s`, name, op, intType)
	for _, in := range inputs {
		s += fmt.Sprintf(` input: %q`, in)
	}
	return s + " } "
}

// inFunction makes the body of a function of nodes of a graph. They have one output each.
func inFunction(name, args, nodes string) string {
	return fmt.Sprintf(`function { signature { name: %q %s } %s } `, name, args, strings.ReplaceAll(nodes, "node {", "node_def {"))
}

func TestImportBoundsWhatItComputes(t *testing.T) {
	t.Parallel()
	base := ints("one", "", "int_val: 1") + ints("axis", "", "int_val: 0") + ints("side", "dim { size: 1 }", "int_val: 16384") + `node { name: "x" op: "Placeholder" } `
	reads := func(in string) string { return op("sum", "Sum", in, "axis") + op("reader", "Reshape", "x", "sum") }
	square := op("size", "Mul", "side", "side")
	fill := square + op("fill", "Fill", "size", "one")
	doubled := ints("d0", "dim { size: 64 }", "int_val: 1")
	for i := range 23 {
		doubled += op(fmt.Sprint("d", i+1), "ConcatV2", fmt.Sprint("d", i), fmt.Sprint("d", i), "axis")
	}
	many := ints("half", "dim { size: 1 }", "int_val: 4194304") + op("shared", "Fill", "half", "one")
	for i := range 300 {
		many += op(fmt.Sprint("sum", i), "Sum", "shared", "axis") + op(fmt.Sprint("reader", i), "Reshape", "x", fmt.Sprint("sum", i))
	}
	body := strings.NewReplacer(`"size"`, `"size:z:0"`, `"one"`, `"one:output:0"`, `"fill"`, `"fill:output:0"`, `"sum"`, `"sum:output:0"`, `"axis"`, `"axis:output:0"`, `"side"`, `"side:output:0"`)
	local := func(nodes string) string { // inputs are named as in functions
		lines := strings.SplitAfter(nodes, "} ")
		for i, l := range lines {
			head, tail, ok := strings.Cut(l, " input: ")
			if ok {
				lines[i] = head + " input: " + body.Replace(tail)
			}
		}
		return strings.Join(lines, "")
	}
	inBody := ints("one", "", "int_val: 1") + ints("axis", "", "int_val: 0") + ints("side", "dim { size: 1 }", "int_val: 16384")
	x := `input_arg { name: "x" type: DT_INT32 } `
	for _, c := range []struct{ name, graph, says string }{
		{"nothing", base + fill, ""},
		{"a fill", base + fill + reads("fill"), "takes 1073741"},
		{"a fill by way of a loop", base + fill + op("enter", "Enter", "fill") + op("reader", "Reshape", "x", "enter"), "takes 1073741"},
		{"the shape of a fill", base + fill + op("shape", "Shape", "fill") + op("reader", "Reshape", "x", "shape"), ""},
		{"a tensor that is joined with itself", base + doubled + reads("d23"), "Limits.Bytes"},
		{"a fill of a size that is not known", base + op("size", "Einsum", "side", "side") + op("fill", "Fill", "size", "one") + reads("fill"), "not known before"},
		{"many readers", base + many, "takes too long"},
		{"in a function", base + op("call", "f", "x") + "library { " + inFunction("f", x, inBody+local(fill+reads("fill"))) + " }", "of function f"},
		{"a size that is given to a function", base + square + op("call", "f", "x", "size") + "library { " +
			inFunction("f", x+`input_arg { name: "s" type: DT_INT32 } `, inBody+local(op("fill", "Fill", "s", "one")+reads("fill"))) + " }", "of function f"},
		{"two functions deep", base + square + op("call", "g", "x", "size") + "library { " +
			inFunction("f", x+`input_arg { name: "s" type: DT_INT32 } `, inBody+local(op("fill", "Fill", "s", "one")+reads("fill"))) +
			inFunction("g", x+`input_arg { name: "s" type: DT_INT32 } `, op("call", "f", "x", "s")) + " }", "of function f"},
	} {
		g := tftest.ParseGraph(t, c.graph)
		err := safety.CheckImport(g, &safety.ImportOptions{Limits: &limits.Limits{Bytes: 64 << 20}})
		if c.says == "" {
			require.NoError(t, err, c.name)
			continue
		}
		require.ErrorIs(t, err, tfkeep.ErrTooLarge, c.name)
		require.ErrorContains(t, err, c.says, c.name)
		require.NoError(t, safety.CheckImport(g, &safety.ImportOptions{Limits: &limits.Limits{Bytes: -1}}), c.name)
	}
}

// A function that is called often is computed as often.
func TestImportCountsCalls(t *testing.T) {
	t.Parallel()
	var library, calls strings.Builder
	for i := range 17 {
		fmt.Fprintf(&library, `function { signature { name: "f%d" input_arg { name: "x" type: DT_INT32 } }
			node_def { name: "a" op: "f%d" input: "x" } node_def { name: "b" op: "f%d" input: "x" } } `, i, i+1, i+1)
	}
	library.WriteString(inFunction("f17", `input_arg { name: "x" type: DT_INT32 } `, ints("c", "dim { size: 2 }", "int_val: 1")+
		`node_def { name: "n" op: "Neg" input: "c:output:0" } node_def { name: "r" op: "Reshape" input: "x" input: "n:y:0" }`))
	calls.WriteString(`node { name: "x" op: "Placeholder" } node { name: "main" op: "f0" input: "x" } `)
	g := tftest.ParseGraph(t, calls.String()+"library { "+library.String()+" }")
	require.NoError(t, safety.CheckImport(g, nil))
	err := safety.CheckImport(g, &safety.ImportOptions{Limits: &limits.Limits{Nodes: 100_000}})
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)
	require.ErrorContains(t, err, "Limits.Nodes")
}

func TestRunBoundsWhatItComputes(t *testing.T) {
	t.Parallel()
	base := ints("one", "", "int_val: 1") + ints("axis", "", "int_val: 0") + ints("large", "dim { size: 1 }", "int_val: 15000000")
	fills, inputs := "", []string{}
	for i := range 4 {
		inputs = append(inputs, fmt.Sprint("fill", i))
		fills += op(inputs[i], "Fill", "large", "one")
	}
	square := ints("square", "dim { size: 2 }", "int_val: 3000") + op("m0", "Fill", "square", "one")
	for i := range 40 {
		square += op(fmt.Sprint("m", i+1), "MatMul", fmt.Sprint("m", i), fmt.Sprint("m", i))
	}
	for _, c := range []struct{ name, graph, says string }{
		{"one tensor", base + op("main", "Fill", "large", "one"), ""},
		{"many tensors", base + fills + op("main", "AddN", inputs...), "Limits.Bytes"},
		{"many tensors that are not reached", base + fills + op("main", "NoOp"), ""},
		{"tensors of a size from outside", base + `node { name: "x" op: "Placeholder" } ` + op("main", "Fill", "x", "one"), ""},
		{"products of matrices", base + square + op("main", "Identity", "m40"), "too long"},
		{"many tensors in a function", base + `node { name: "main" op: "f" } library { function { signature { name: "f" } ` +
			strings.NewReplacer("node {", "node_def {", `input: "large"`, `input: "large:output:0"`, `input: "one"`, `input: "one:output:0"`).Replace(base+fills) + ` } }`, "Limits.Bytes"},
	} {
		g := tftest.ParseGraph(t, c.graph)
		r := &safety.Run{Stage: "initialization", Doing: "initializing the model", Targets: []string{"main"}, Limits: &limits.Limits{Bytes: 128 << 20}}
		err := r.Check(g)
		if c.says == "" {
			require.NoError(t, err, c.name)
			continue
		}
		require.ErrorIs(t, err, tfkeep.ErrTooLarge, c.name)
		require.ErrorContains(t, err, c.says, c.name)
		r.Limits = &limits.Limits{Bytes: -1}
		require.NoError(t, r.Check(g), c.name)
	}
}
