package edit_test

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/diff"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestExtract(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `
		node { name: "n1" op: "A" input: "n5" } node { name: "n2" op: "A" input: "n1:0" } node { name: "n3" op: "A" input: "^n2" }
		node { name: "n4" op: "A" } node { name: "n5" op: "A" input: "n1" } node { name: "n6" op: "A" input: "n2:0" }
		versions { producer: 5 } library { function { signature { name: "f" } } }`)
	sub, err := edit.Extract(g, []string{"n3"})
	require.NoError(t, err)
	assert.Equal(t, []string{"n1", "n2", "n3", "n5"}, tftest.NodeNames(sub), "the graph's order")
	assert.True(t, proto.Equal(g.Versions, sub.Versions))
	assert.True(t, proto.Equal(g.Library, sub.Library))
}

func TestExtractKeepsColocatedNodes(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `
		node { name: "v" op: "A" } node { name: "w" op: "A" }
		node { name: "a" op: "A" attr { key: "_class" value { list { s: "loc:@v" s: "loc:@gone" s: "other" } } } }`)
	sub, err := edit.Extract(g, []string{"a"})
	require.NoError(t, err)
	assert.Equal(t, []string{"v", "a"}, tftest.NodeNames(sub))
}

func TestExtractListsAllMissingNodes(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `node { name: "a" op: "A" input: "lost" input: "^lost2" }`)
	_, err := edit.Extract(g, []string{"a", "nope", "neither"})
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	for _, part := range []string{"nope is not in graph", "neither is not in graph", "lost, an input of a, is not in graph", "lost2"} {
		assert.ErrorContains(t, err, part)
	}
}

const unusedGraph = `
	node { name: "constant" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape {} } } attr { key: "_output_shapes" value { list { shape {} } } } }
	node { name: "wanted_input_node" op: "Sub" input: "constant" input: "constant" attr { key: "T" value { type: DT_FLOAT } } attr { key: "_output_shapes" value { list { shape {} } } } }
	node { name: "output_node" op: "Mul" input: "wanted_input_node" input: "constant" attr { key: "T" value { type: DT_FLOAT } } }
	node { name: "later_node" op: "Add" input: "output_node" input: "constant" }`

func TestStripUnused(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, unusedGraph)
	out, err := edit.StripUnused(g, []string{"wanted_input_node"}, []string{"output_node"}, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"constant", "wanted_input_node", "output_node"}, tftest.NodeNames(out))
	p := out.Node[1]
	assert.Equal(t, "Placeholder", p.Op)
	assert.Empty(t, p.Input)
	assert.Equal(t, types_go_proto.DataType_DT_FLOAT, p.Attr["dtype"].GetType(), "taken from the node itself")
	assert.Contains(t, p.Attr, "_output_shapes")
	assert.NotContains(t, p.Attr, "T")
	assert.Equal(t, "Sub", g.Node[1].Op, "the given graph is unchanged")
}

func TestStripUnusedMultipleInputs(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, unusedGraph)
	types := []dtype.DataType{types_go_proto.DataType_DT_FLOAT, types_go_proto.DataType_DT_DOUBLE}
	out, err := edit.StripUnused(g, []string{"wanted_input_node", "constant"}, []string{"output_node"}, &edit.StripOptions{Types: types})
	require.NoError(t, err)
	assert.Equal(t, []string{"constant", "wanted_input_node", "output_node"}, tftest.NodeNames(out))
	assert.Equal(t, types_go_proto.DataType_DT_DOUBLE, out.Node[0].Attr["dtype"].GetType())
	assert.Contains(t, out.Node[0].Attr, "shape")
	assert.Equal(t, types_go_proto.DataType_DT_FLOAT, out.Node[1].Attr["dtype"].GetType())
}

func TestStripUnusedRefusesBadArguments(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, unusedGraph)
	_, err := edit.StripUnused(g, []string{"wanted_input_node:0"}, []string{"output_node"}, nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "Name 'wanted_input_node:0' appears to refer to a Tensor, not an Operation.")
	_, err = edit.StripUnused(g, []string{"b", "a"}, []string{"output_node"}, nil)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.ErrorContains(t, err, "The following input nodes were not found: a, b.")
	_, err = edit.StripUnused(g, []string{"constant"}, []string{"output_node"}, &edit.StripOptions{Types: make([]dtype.DataType, 3)})
	assert.ErrorIs(t, err, tfkeep.ErrArgument)
	unknown := tftest.ParseGraph(t, `node { name: "u" op: "Unreg" }`)
	_, err = edit.StripUnused(unknown, []string{"u"}, []string{"u"}, nil)
	assert.ErrorContains(t, err, "does not define the type of its first output")
}

func TestRemoveTrainingEqualsTensorFlow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		text string
	}{
		{"a chain of identities", `
			node { name: "A" op: "Const" } node { name: "B" op: "Identity" input: "A" }
			node { name: "C" op: "Identity" input: "B" } node { name: "D" op: "Mul" input: "C" input: "A" }`},
		{"an identity that orders", `
			node { name: "A" op: "Const" } node { name: "I" op: "Identity" input: "A" }
			node { name: "C" op: "Const" input: "^I" } node { name: "D" op: "Mul" input: "I" input: "C" }`},
		{"an identity with a control input", `
			node { name: "A" op: "Const" } node { name: "I" op: "Identity" input: "A" input: "^A" } node { name: "D" op: "Mul" input: "I" input: "I" }`},
		{"a check that orders", `
			node { name: "A" op: "Const" } node { name: "check" op: "CheckNumerics" input: "A" }
			node { name: "S" op: "StopGradient" input: "A" } node { name: "D" op: "Mul" input: "S" input: "A" input: "^check" }`},
		{"a colocated identity", `
			node { name: "A" op: "Const" } node { name: "I" op: "Identity" input: "A" }
			node { name: "D" op: "Mul" input: "I" input: "A" attr { key: "_class" value { list { s: "loc:@I" } } } }`},
		{"a protected output", `
			node { name: "A" op: "Const" } node { name: "out" op: "Identity" input: "A" }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := tftest.ParseGraph(t, c.text)
			before := tftest.Marshal(t, g)
			want := oracle.Value[[]byte](t, `
g = tf1.GraphDef.FromString(args[0])
result = tf1.graph_util.remove_training_nodes(g, ["out"]).SerializeToString(deterministic=True)
`, before)
			got := edit.RemoveTraining(g, []string{"out"})
			python, err := graphdef.ParseGraphDef(want)
			require.NoError(t, err)
			assert.Empty(t, diff.Graphs(python, got, nil))
			assert.Equal(t, before, tftest.Marshal(t, g), "the given graph is unchanged")
		})
	}
}

func TestRemoveTrainingReconnectsPastChecks(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `node { name: "A" op: "Const" } node { name: "check" op: "CheckNumerics" input: "A:1" } node { name: "D" op: "Mul" input: "check" input: "A" }
		versions { producer: 9 }`)
	got := edit.RemoveTraining(g, nil)
	assert.Equal(t, []string{"A", "D"}, tftest.NodeNames(got))
	assert.Equal(t, []string{"A:1", "A"}, got.Node[1].Input)
	assert.EqualValues(t, 9, got.Versions.Producer)
}

func TestRemoveTrainingEndsOnCycle(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `node { name: "a" op: "Identity" input: "b" } node { name: "b" op: "Identity" input: "a" } node { name: "c" op: "Neg" input: "a" }`)
	assert.Equal(t, []string{"c"}, tftest.NodeNames(edit.RemoveTraining(g, nil)))
}

func TestExtractEqualsTensorFlow(t *testing.T) {
	t.Parallel()
	data := oracle.Value[[][]byte](t, `
import base64
x = tf1.placeholder(tf.float32, [None, 4], name="x")
w = tf1.get_variable("w", [4, 3], initializer=tf1.zeros_initializer(), use_resource=False)
loss = tf1.reduce_sum(tf1.matmul(x, w), name="loss")
tf1.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
g = tf1.get_default_graph().as_graph_def()
sub = tf1.graph_util.extract_sub_graph(g, ["loss", "w/Momentum/Assign"])
result = [g.SerializeToString(), sub.SerializeToString()]
`)
	g, err := graphdef.ParseGraphDef(data[0])
	require.NoError(t, err)
	want, err := graphdef.ParseGraphDef(data[1])
	require.NoError(t, err)
	got, err := edit.Extract(g, []string{"loss", "w/Momentum/Assign"})
	require.NoError(t, err)
	assert.Equal(t, tftest.NodeNames(want), tftest.NodeNames(got))
	assert.Empty(t, diff.Graphs(want, got, nil))
}
