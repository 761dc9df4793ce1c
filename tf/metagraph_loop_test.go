package tf_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/collectiondef"
	"github.com/tfkeep/tfkeep/tf"
)

// countToTen is a loop of TensorFlow 1 that counts from 0 to 10.
var countToTen = constNode("zero", "0") + constNode("ten", "10") + constNode("one", "1") +
	enter("w/enter", "zero") + enter("w/limit", "ten") + enter("w/step", "one") + `
	node { name: "w/merge" op: "Merge" input: "w/enter" input: "w/next" attr { key: "N" value { i: 2 } } attr { key: "T" value { type: DT_INT32 } } }
	node { name: "w/less" op: "Less" input: "w/merge" input: "w/limit" attr { key: "T" value { type: DT_INT32 } } }
	node { name: "w/cond" op: "LoopCond" input: "w/less" }
	node { name: "w/switch" op: "Switch" input: "w/merge" input: "w/cond" attr { key: "T" value { type: DT_INT32 } } }
	node { name: "w/add" op: "Add" input: "w/switch:1" input: "w/step" attr { key: "T" value { type: DT_INT32 } } }` +
	unaryNode("w/next", "NextIteration", "w/add") + unaryNode("w/exit", "Exit", "w/switch")

func enter(name, input string) string {
	constant := "false"
	if input != "zero" {
		constant = "true"
	}
	return `node { name: "` + name + `" op: "Enter" input: "` + input + `" attr { key: "T" value { type: DT_INT32 } }
		attr { key: "frame_name" value { s: "w/while_context" } } attr { key: "is_constant" value { b: ` + constant + ` } } } `
}

func TestImportWhileLoop(t *testing.T) {
	g := tf.NewGraph()
	res, err := tf.ImportGraphDef(t.Context(), g, parseGraph(t, countToTen), &tf.ImportGraphDefOptions{ReturnElements: []string{"w/exit:0"}})
	require.NoError(t, err)
	assert.EqualValues(t, 10, evaluate(t, g, res.Elements[0].Output().Op.Name()))
}

func TestLoopCopiesHaveOwnFrames(t *testing.T) {
	mg, err := graphdef.ParseMetaGraphDef([]byte(`graph_def { ` + countToTen + ` } collection_def { key: "while_context" value { bytes_list {
		value: "\n\017w/while_context\052\010w/cond:0\062\011w/merge:0\072\012w/switch:1\112\035\n\tw/enter:0\n\010w/step:0\n\006zero:0" } } }`))
	require.NoError(t, err)
	g := tf.NewGraph()
	for _, scope := range []string{"a", "b"} {
		_, err := tf.ImportMetaGraph(t.Context(), g, mg, &tf.ImportMetaGraphOptions{ImportScope: scope})
		require.NoError(t, err)
	}
	def, err := g.GraphDef()
	require.NoError(t, err)
	frames := map[string]string{}
	for _, n := range def.Node {
		if n.Op == "Enter" {
			frames[n.Name] = string(n.Attr["frame_name"].GetS())
		}
	}
	assert.Equal(t, "a/w/while_context", frames["a/w/enter"])
	assert.Equal(t, "b/w/while_context", frames["b/w/step"])
}

func TestVariablesListedAsNodesStayNodes(t *testing.T) {
	mg, err := graphdef.ParseMetaGraphDef([]byte(`graph_def { ` + constNode("total", "1") + ` }
		collection_def { key: "local_variables" value { node_list { value: "total" value: "total:0" } } }`))
	require.NoError(t, err)
	g := tf.NewGraph()
	_, err = tf.ImportMetaGraph(t.Context(), g, mg, nil)
	require.NoError(t, err)
	items := g.Collection(tf.LocalVariables)
	require.Len(t, items, 2)
	for _, item := range items {
		assert.Nil(t, item.Variable(), "a node")
		assert.Equal(t, "total", item.Op().Name())
	}
	assert.Empty(t, g.LocalVariables())
}

func TestClearExtraneousSavers(t *testing.T) {
	saver := func(scope string) string {
		return `node { name: "` + scope + `/Const" op: "Const" } node { name: "` + scope + `/SaveV2" op: "SaveV2" } node { name: "` + scope + `/restore_all" op: "NoOp" } `
	}
	def := parseGraph(t, `node { name: "v" op: "VariableV2" } `+saver("save")+saver("save_1"))
	mine := &graphdef.SaverDef{SaveTensorName: "save/Const:0", RestoreOpName: "save/restore_all"}
	g := tf.NewGraph()
	g.AddToCollection(tf.Savers, mine)
	g.AddToCollection(tf.Savers, &graphdef.SaverDef{SaveTensorName: "save_1/Const:0", RestoreOpName: "save_1/restore_all"})
	for _, c := range []struct {
		saver  *graphdef.SaverDef
		nodes  int
		savers int
	}{{mine, 4, 1}, {nil, 1, 0}} {
		mg, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{GraphDef: def, SaverDef: c.saver, ClearExtraneousSavers: true})
		require.NoError(t, err)
		assert.Len(t, mg.GraphDef.Node, c.nodes)
		assert.Equal(t, c.savers, collectiondef.Len(mg.CollectionDef[tf.Savers]))
	}
}
