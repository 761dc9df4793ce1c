package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestCheckFindsEveryKindOfFault(t *testing.T) {
	t.Parallel()
	f := `attr { key: "T" value { type: DT_FLOAT } }`
	c := `attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape {} } } }`
	for _, tc := range []struct{ name, graph, says string }{
		{"no name", `node { op: "NoOp" }`, "node 0 (op NoOp) has no name"},
		{"double name", `node { name: "A" op: "NoOp" } node { name: "A" op: "NoOp" }`, "Node 'A' is not unique"},
		{"bad name", `node { name: "a b" op: "NoOp" }`, "Node 'a b' is not a valid node name"},
		{"underscore first", `node { name: "_a" op: "NoOp" }`, "Node '_a' is not a valid node name"},
		{"unknown op", `node { name: "A" op: "Nope" }`, `Node 'A': op "Nope" is not known`},
		{"unknown input", `node { name: "B" op: "Neg" input: "A:0" ` + f + ` }`, "Node 'B': Unknown input node 'A:0'"},
		{"unknown control input", `node { name: "B" op: "NoOp" input: "^A" }`, "Node 'B': Unknown input node '^A'"},
		{"malformed input", `node { name: "A" op: "Const" ` + c + ` } node { name: "B" op: "Neg" input: "A:B:0" ` + f + ` }`, "Node 'B': Unknown input node 'A:B:0'"},
		{"wrong port", `node { name: "A" op: "Const" ` + c + ` } node { name: "B" op: "Neg" input: "A:1" ` + f + ` }`,
			"Node 'B': Connecting to invalid output 1 of source node A which has 1 outputs"},
		{"huge port", `node { name: "A" op: "Const" ` + c + ` } node { name: "B" op: "Neg" input: "A:2147483647" ` + f + ` }`, "invalid output 2147483647"},
		{"too many inputs", `node { name: "A" op: "Const" ` + c + ` } node { name: "B" op: "Const" input: "A" ` + c + ` }`,
			"Node 'B': NodeDef expected inputs '' do not match 1 inputs specified"},
		{"too few inputs", `node { name: "A" op: "Const" ` + c + ` } node { name: "B" op: "Mul" input: "A" ` + f + ` }`,
			"Node 'B': NodeDef expected inputs 'float, float' do not match 1 inputs specified"},
		{"a missing attribute", `node { name: "A" op: "Placeholder" }`, "Node 'A': NodeDef missing attr 'dtype' of op Placeholder"},
		{"a Const without value", `node { name: "A" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } }`, "Node 'A': NodeDef missing attr 'value' of op Const"},
		{"a Const without value in a function", `library { function { signature { name: "F" } node_def { name: "n" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } } } }`,
			`function "F": Node 'n': NodeDef missing attr 'value' of op Const`},
		{"an attribute of another type", `node { name: "A" op: "Placeholder" attr { key: "dtype" value { i: 1 } } }`, "AttrValue had value with type 'int' when 'type' expected for attr 'dtype'"},
		{"an input of another type", `node { name: "A" op: "Const" ` + c + ` } node { name: "B" op: "Neg" input: "A" attr { key: "T" value { type: DT_INT32 } } }`,
			"Node 'B': Input 0 of node B was passed float from A:0 incompatible with expected int32."},
		{"a value where a reference is expected", `node { name: "A" op: "Const" ` + c + ` } node { name: "B" op: "Assign" input: "A" input: "A" ` + f + ` }`,
			"Node 'B': Input 0 of node B was passed float from A:0 incompatible with expected float_ref."},
		{"a device that is none", `node { name: "A" op: "NoOp" device: "nonsense" }`, `device "nonsense" does not start with a slash`},
		{"hostile count", `node { name: "A" op: "AddN" ` + f + ` attr { key: "N" value { i: 9000000000000000000 } } }`, "attribute N is 9000000000000000000"},
		{"control before data", `node { name: "A" op: "Const" ` + c + ` } node { name: "B" op: "Neg" input: "^A" input: "A" ` + f + ` }`, `input "A" comes after a control input`},
		{"cycle", `node { name: "A" op: "Neg" input: "B" ` + f + ` } node { name: "B" op: "Neg" input: "A" ` + f + ` }`, "Node 'A' is part of a cycle: A → B → A"},
		{"self loop", `node { name: "A" op: "Neg" input: "A" ` + f + ` }`, "Node 'A' is part of a cycle: A → A"},
		{"colocation", `node { name: "B" op: "NoOp" attr { key: "_class" value { list { s: "loc:@A" } } } }`,
			"Node 'B' expects to be colocated with unknown node 'A'"},
		{"old producer", `versions { producer: -1 }`, "GraphDef producer version -1 below min producer 0"},
		{"new consumer", `versions { min_consumer: 1073741824 }`, "GraphDef min consumer version 1073741824 above current version 2474"},
		{"bad consumer", `versions { bad_consumers: 2474 }`, "version 2474 must not read it"},
		{"function that calls itself", `library { function { signature { name: "F" } node_def { name: "n" op: "F" } } }`, `function "F" calls itself, through "F"`},
		{"functions that call each other", `library { function { signature { name: "F" } node_def { name: "n" op: "G" } }
			function { signature { name: "G" } node_def { name: "n" op: "PartitionedCall" attr { key: "Tin" value { list {} } } attr { key: "Tout" value { list {} } } attr { key: "f" value { func { name: "F" } } } } } }`, `function "F" calls itself, through "G"`},
		{"function twice", `library { function { signature { name: "F" } } function { signature { name: "F" } } }`, `function "F" is defined twice`},
		{"function without name", `library { function { signature { } } }`, "a function has no name"},
		{"function's unknown input", `library { function { signature { name: "F" input_arg { name: "x" type: DT_FLOAT } } node_def { name: "n" op: "Neg" input: "y" ` + f + ` } } }`,
			`function "F": Node 'n': Unknown input node 'y'`},
		{"function's unknown result", `library { function { signature { name: "F" } ret { key: "out" value: "gone:y:0" } } }`, "comes from unknown node 'gone:y:0'"},
		{"function's unknown op", `library { function { signature { name: "F" } node_def { name: "n" op: "Nope" } } }`, `function "F": Node 'n': op "Nope" is not known`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g, err := graphdef.ParseGraphDef([]byte(tc.graph))
			require.NoError(t, err)
			err = check.Graph(g, nil)
			require.Error(t, err)
			assert.ErrorContains(t, err, tc.says)
			var faults *check.Error
			require.ErrorAs(t, err, &faults)
			assert.Len(t, faults.Faults, 1)
			if strings.Contains(tc.says, "is not known") {
				assert.ErrorIs(t, err, tfkeep.ErrUnsupported)
				assert.NotErrorIs(t, err, tfkeep.ErrCorrupt)
			} else {
				assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
			}
		})
	}
}

func TestCheckListsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `node { name: "A" op: "NoOp" input: "^x" input: "^y" } node { name: "A" op: "Nope" }`)
	err := check.Graph(g, nil)
	var faults *check.Error
	require.ErrorAs(t, err, &faults)
	assert.Len(t, faults.Faults, 4)
	assert.ErrorContains(t, err, "4 faults")
	assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
	assert.ErrorIs(t, err, tfkeep.ErrUnsupported)

	many := &graphdef.GraphDef{}
	for i := range 100 {
		many.Node = append(many.Node, &graphdef.NodeDef{Name: fmt.Sprint("n", i), Op: "Nope"})
	}
	assert.ErrorContains(t, check.Graph(many, nil), "and 80 more")
}

func TestCheckAcceptsSoundGraphs(t *testing.T) {
	t.Parallel()
	loop := `node { name: "c" op: "Placeholder" attr { key: "dtype" value { type: DT_INT32 } } }
		node { name: "enter" op: "Enter" input: "c" attr { key: "frame_name" value { s: "f" } } attr { key: "T" value { type: DT_INT32 } } }
		node { name: "merge" op: "Merge" input: "enter" input: "next" attr { key: "N" value { i: 2 } } attr { key: "T" value { type: DT_INT32 } } }
		node { name: "next" op: "NextIteration" input: "merge" attr { key: "T" value { type: DT_INT32 } } }`
	call := `library { function { signature { name: "F" input_arg { name: "x" type: DT_FLOAT } output_arg { name: "y" type: DT_FLOAT } }
			node_def { name: "_n" op: "Neg" input: "x" attr { key: "T" value { type: DT_FLOAT } } } ret { key: "y" value: "_n:y:0" } } }
		node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
		node { name: "y" op: "F" input: "x:0" } node { name: "z" op: "Neg" input: "y" attr { key: "T" value { type: DT_FLOAT } } }`
	split := `node { name: "a" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } } node { name: "d" op: "Placeholder" attr { key: "dtype" value { type: DT_INT32 } } }
		node { name: "s" op: "Split" input: "d" input: "a" attr { key: "num_split" value { i: 3 } } attr { key: "T" value { type: DT_FLOAT } } }
		node { name: "n" op: "Neg" input: "s:2" input: "^a" attr { key: "T" value { type: DT_FLOAT } } }`
	for _, c := range []struct{ name, graph string }{
		{"a while loop", loop},
		{"a function", call},
		{"several outputs", split},
		{"placeholders", `node { name: "Placeholder" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
			node { name: "mul" op: "Mul" input: "Placeholder" input: "Placeholder" attr { key: "T" value { type: DT_FLOAT } } }`},
		{"a name in parts", `node { name: "a>b/c_-." op: "NoOp" }`},
	} {
		assert.NoError(t, check.Graph(tftest.ParseGraph(t, c.graph), nil), c.name)
	}
	assert.NoError(t, check.Graph(nil, nil))
}

func TestCheckAcceptsProvidedInputs(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `node { name: "B" op: "Neg" input: "A" input: "^C" attr { key: "T" value { type: DT_FLOAT } } }`)
	provided := func(input string) bool { return input == "A" || input == "^C" }
	assert.NoError(t, check.Graph(g, &check.Options{Provided: provided}))
	assert.Error(t, check.Graph(g, nil))
}

// A recursive walk would overflow the stack, a quadratic one would run into the timeout.
func TestCheckWalksALongChain(t *testing.T) {
	t.Parallel()
	const n = 200_000
	g := &graphdef.GraphDef{Node: make([]*graphdef.NodeDef, n)}
	attr := map[string]*graphdef.AttrValue{"T": nodedef.TypeAttr(dtype.Float32), "dtype": nodedef.TypeAttr(dtype.Float32)}
	for i := range n {
		g.Node[i] = &graphdef.NodeDef{Name: fmt.Sprint("n", i), Op: "Identity", Input: []string{fmt.Sprint("n", i+1)}, Attr: attr}
	}
	g.Node[n-1] = &graphdef.NodeDef{Name: fmt.Sprint("n", n-1), Op: "Placeholder", Attr: attr}
	unlimited := &check.Options{Limits: &check.Limits{Depth: -1, PassedOn: -1}}
	assert.NoError(t, check.Graph(g, unlimited))
	g.Node[n-1] = &graphdef.NodeDef{Name: fmt.Sprint("n", n-1), Op: "Identity", Input: []string{"n0"}, Attr: attr}
	assert.ErrorContains(t, check.Graph(g, nil), "is part of a cycle: n0 → n199999")
}
