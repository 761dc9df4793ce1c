package graphdef_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/oracle"
)

const nanConst = `node { name: "c" op: "Const" attr { key: "value" value { tensor { dtype: DT_FLOAT float_val: nan } } } }`

func TestDiffAgreesWithTensorFlowsGraphDefsEqual(t *testing.T) {
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
			x, y := parse(t, c.a), parse(t, c.b)
			want := oracle.Value[bool](t, `
x, y = tf1.GraphDef.FromString(args[0]), tf1.GraphDef.FromString(args[1])
result = tf.__internal__.graph_util.graph_defs_equal(x, y, args[2])
`, binary(t, x), binary(t, y), c.nanEqual)
			diff := graphdef.Diff(x, y, &graphdef.DiffOptions{NaNEqual: c.nanEqual})
			assert.Equal(t, want, len(diff) == 0, "%v", diff)
		})
	}
}

func TestDiffSaysWhatDiffers(t *testing.T) {
	a := parse(t, `
		node { name: "same" op: "NoOp" input: "^b" input: "^a" }
		node { name: "gone" op: "Const" }
		node { name: "n" op: "Mul" device: "/cpu:0" input: "x:0" input: "y" attr { key: "T" value { type: DT_FLOAT } } attr { key: "_output_shapes" value { list { shape {} } } } }
		library { function { signature { name: "f" } node_def { name: "x" op: "A" } } }
		versions { producer: 1 }`)
	b := parse(t, `
		node { name: "same" op: "NoOp" input: "^a" input: "^b" }
		node { name: "n" op: "Add" input: "x" input: "z" input: "^same" attr { key: "T" value { type: DT_INT32 } } }
		node { name: "new" op: "Neg" }
		library { function { signature { name: "f" is_stateful: true } node_def { name: "x" op: "B" } } }
		versions { producer: 2 }`)
	var lines []string
	for _, d := range graphdef.Diff(a, b, nil) {
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

	diff := graphdef.Diff(a, b, &graphdef.DiffOptions{IgnoreVersions: true, IgnoreShapes: true})
	assert.Len(t, diff, len(lines)-2)
	assert.Empty(t, graphdef.Diff(a, proto.Clone(a).(*graphdef.GraphDef), nil))
}

func TestRenameScope(t *testing.T) {
	text := `
		node { name: "h" op: "A" } node { name: "h/a" op: "A" input: "x:0" input: "^h/b" } node { name: "h2/b" op: "A" input: "h/a:1" }
		node { name: "h/e" op: "Enter" input: "h/a" attr { key: "frame_name" value { s: "h/while" } } attr { key: "_class" value { list { s: "loc:@h/a" s: "loc:@x" } } } }
		node { name: "x" op: "A" }`
	g := parse(t, text)
	require.NoError(t, graphdef.RenameScope(g, "h", "deep/er"))
	assert.Equal(t, []string{"deep/er", "deep/er/a", "h2/b", "deep/er/e", "x"}, names(g))
	assert.Equal(t, []string{"x:0", "^deep/er/b"}, g.Node[1].Input)
	assert.Equal(t, []string{"deep/er/a:1"}, g.Node[2].Input)
	assert.Equal(t, "deep/er/while", string(g.Node[3].Attr["frame_name"].GetS()))
	assert.Equal(t, []string{"deep/er/a", "x"}, graphdef.Colocations(g.Node[3]))
	require.NoError(t, graphdef.RenameScope(g, "deep/er/", "h/"))
	assert.Empty(t, graphdef.Diff(parse(t, text), g, nil), "and back")

	require.NoError(t, graphdef.RenameScope(g, "", "all"))
	assert.Equal(t, "all/h", g.Node[0].Name)
	require.NoError(t, graphdef.RenameScope(g, "all", "all2"))

	err := graphdef.RenameScope(g, "nothing", "x")
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	clash := parse(t, `node { name: "a/x" op: "A" } node { name: "x" op: "A" }`)
	err = graphdef.RenameScope(clash, "a", "")
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, `a/x → "x"`)
	assert.Equal(t, []string{"a/x", "x"}, names(clash), "nothing was changed")
}

func TestClearDevices(t *testing.T) {
	g := parse(t, `node { name: "a" op: "A" device: "/gpu:0" } library { function { signature { name: "f" } node_def { name: "b" op: "B" device: "/gpu:0" } } }`)
	graphdef.ClearDevices(g)
	assert.Empty(t, g.Node[0].Device)
	assert.Equal(t, "/gpu:0", g.Library.Function[0].NodeDef[0].Device)
}

func TestScopeNamesFollowTensorFlow(t *testing.T) {
	cases := []string{"a", "s/a", "s/a:0", "^s/a", "loc:@s/a", "^a", "sa/b", "s", "s///a", "x/s/a", "loc:@a"}
	want := oracle.Value[[][]string](t, `
from tensorflow.python.framework import ops
result = [[ops.strip_name_scope(n, s), ops.prepend_name_scope(n, s)] for n in args[0] for s in ("s", "s/", "")]
`, cases)
	var got [][]string
	for _, name := range cases {
		for _, scope := range []string{"s", "s/", ""} {
			got = append(got, []string{graphdef.StripNameScope(name, scope), graphdef.PrependNameScope(name, scope)})
		}
	}
	assert.Equal(t, want, got)
}

func TestTensorNamesFollowTensorFlow(t *testing.T) {
	for _, c := range []struct {
		name, node string
		output     int
		says       string
	}{
		{"foo:0", "foo", 0, ""}, {"foo:7", "foo", 7, ""}, {"foo", "foo", 0, ""},
		{"A:B:0", "", 0, "Cannot convert 'A:B:0' to a tensor name."},
		{"a:b", "", 0, "should be an int. Got b."}, {"a:-1", "", 0, "should be an int"},
	} {
		node, output, err := graphdef.ParseTensorName(c.name)
		if c.says != "" {
			assert.ErrorContains(t, err, c.says)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.node, node)
		assert.Equal(t, c.output, output)
	}
}
