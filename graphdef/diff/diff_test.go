package diff_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/diff"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

const nanConst = `node { name: "c" op: "Const" attr { key: "value" value { tensor { dtype: DT_FLOAT float_val: nan } } } }`

func TestDiffAgreesWithTensorFlow(t *testing.T) {
	t.Parallel()
	a := `node { name: "a" op: "Const" attr { key: "value" value { i: 1 } } } node { name: "b" op: "Neg" input: "a" }`
	permuted := `node { name: "b" op: "Neg" input: "a" } node { name: "a" op: "Const" attr { key: "value" value { i: 1 } } }`
	lib := func(fs string) string { return a + ` library { ` + fs + ` }` }
	f, g := `function { signature { name: "f" } node_def { name: "x" op: "A" } node_def { name: "y" op: "B" } }`, `function { signature { name: "g" } }`
	fPermuted := `function { signature { name: "f" } node_def { name: "y" op: "B" } node_def { name: "x" op: "A" } }`
	for _, c := range []struct {
		name, a, b string
		nanEqual   bool
	}{
		{"SimpleGraphdefsCompareEqual", a, a, false},
		{"NodeDefsInDifferentOrderCompareEqual", a, permuted, false},
		{"DifferentGraphDefsCompareNotEqual", a, `node { name: "a" op: "Const" attr { key: "value" value { i: 2 } } } node { name: "b" op: "Neg" input: "a" }`, false},
		{"GraphdefsWithNanCompareNonEqual", nanConst, nanConst, false},
		{"SimpleGraphdefEqualityWithNansEqual", nanConst, nanConst, true},
		{"GraphDefsWithFunctionLibsCompareEqual", lib(f), lib(f), false},
		{"GraphDefsWithPermutedFunctionsCompareEqual", lib(f + g), lib(g + f), false},
		{"GraphDefsWithPermutedNodesInFunctionsCompareEqual", lib(f), lib(fPermuted), false},
		{"a function more", lib(f), lib(f + g), false},
		{"a node less", a, `node { name: "b" op: "Neg" input: "a" }`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, y := tftest.ParseGraph(t, c.a), tftest.ParseGraph(t, c.b)
			want := oracle.Value[bool](t, `
x, y = tf1.GraphDef.FromString(args[0]), tf1.GraphDef.FromString(args[1])
result = tf.__internal__.graph_util.graph_defs_equal(x, y, args[2])
`, tftest.Marshal(t, x), tftest.Marshal(t, y), c.nanEqual)
			found := diff.Graphs(x, y, &diff.Options{NaNEqual: c.nanEqual})
			assert.Equal(t, want, len(found) == 0, "%v", found)
		})
	}
}

func TestDiffListsDifferences(t *testing.T) {
	t.Parallel()
	a := tftest.ParseGraph(t, `
		node { name: "same" op: "NoOp" input: "^b" input: "^a" }
		node { name: "gone" op: "Const" }
		node { name: "n" op: "Mul" device: "/cpu:0" input: "x:0" input: "y" attr { key: "T" value { type: DT_FLOAT } } attr { key: "_output_shapes" value { list { shape {} } } } }
		library { function { signature { name: "f" } node_def { name: "x" op: "A" } } }
		versions { producer: 1 }`)
	b := tftest.ParseGraph(t, `
		node { name: "same" op: "NoOp" input: "^a" input: "^b" }
		node { name: "n" op: "Add" input: "x" input: "z" input: "^same" attr { key: "T" value { type: DT_INT32 } } }
		node { name: "new" op: "Neg" }
		library { function { signature { name: "f" is_stateful: true } node_def { name: "x" op: "B" } } }
		versions { producer: 2 }`)
	var lines []string
	for _, d := range diff.Graphs(a, b, nil) {
		lines = append(lines, d.String())
	}
	assert.Equal(t, []string{
		"~ versions: producer: 1 → producer: 2",
		"- gone (Const)",
		"~ n op: Mul → Add",
		"~ n device: /cpu:0 → none",
		"~ n input: [x y] → [x z]",
		"~ n control input: [] → [^same]",
		"~ n attr T: type: DT_FLOAT → type: DT_INT32",
		"~ n attr _output_shapes: list { shape { } } → none",
		"+ new (Neg)",
		"~ function f node x op: A → B",
		`~ function f signature: signature { name: "f" } → signature { name: "f" is_stateful: true }`,
	}, lines)

	rest := diff.Graphs(a, b, &diff.Options{IgnoreVersions: true, IgnoreShapes: true})
	assert.Len(t, rest, len(lines)-2)
	assert.Empty(t, diff.Graphs(a, proto.Clone(a).(*graphdef.GraphDef), nil))
}
