package tf_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/diff"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

func TestImportMetaGraphEqualsPython(t *testing.T) {
	variants := []struct {
		python string
		o      []*tf.ImportMetaGraphOptions // one import after the other
	}{
		{"dict()", []*tf.ImportMetaGraphOptions{nil}},
		{"dict(clear_devices=True)", []*tf.ImportMetaGraphOptions{{ClearDevices: true}}},
		{"dict(import_scope='imp')", []*tf.ImportMetaGraphOptions{{ImportScope: "imp"}}},
		{"dict(import_scope='imp'), dict(import_scope='imp')", []*tf.ImportMetaGraphOptions{{ImportScope: "imp"}, {ImportScope: "imp"}}},
		{"dict(), dict()", []*tf.ImportMetaGraphOptions{nil, nil}},
		{"dict(restore_collections_predicate=lambda k: k in ('variables', 'ints'))", []*tf.ImportMetaGraphOptions{
			{RestoreCollection: func(key string) bool { return key == "variables" || key == "ints" }}}},
	}
	var calls []string
	for _, v := range variants {
		calls = append(calls, v.python)
	}
	for name, build := range pythonGraphs {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			type outcome struct {
				Meta   []byte
				Savers []string
				Vars   [][]string
			}
			want := oracle.Value[[]outcome](t, `savers = []
`+build+`
from tensorflow.python.framework import meta_graph
tf1.train.export_meta_graph(args[0] + '/whole.meta', saver_def=savers[0].saver_def)
result = []
for call in args[1]:
  with tf1.Graph().as_default() as g:
    r = dict(Savers=[], Vars=[])
    for kw in eval('[' + call + ']'):
      s = tf1.train.import_meta_graph(args[0] + '/whole.meta', **kw)
      r['Savers'].append(s.saver_def.filename_tensor_name)
      r['Vars'].append(sorted(v.name for v in tf1.global_variables(kw.get('import_scope'))))
    r['Meta'] = tf1.train.export_meta_graph().SerializeToString()
    result.append(r)
`, dir, calls)
			for i, v := range variants {
				t.Run(v.python, func(t *testing.T) {
					g := tf.NewGraph()
					for j, o := range v.o {
						im, err := tf.ImportMetaGraphFile(t.Context(), g, filepath.Join(dir, "whole.meta"), o)
						require.NoError(t, err)
						assert.Equal(t, want[i].Savers[j], im.SaverDef.FilenameTensorName)
					}
					got, err := tf.ExportMetaGraph(g, nil)
					require.NoError(t, err)
					assert.Empty(t, oracle.Value[[]string](t, compareMetaGraphs, want[i].Meta, marshal(t, got)))
				})
			}
		})
	}
}

func TestNoVariables(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(t.Context(), g, parseGraph(t, constNode("in", "42")+constNode("ten", "10")+
		`node { name: "out" op: "Sub" input: "in" input: "ten" attr { key: "T" value { type: DT_INT32 } } }`), &tf.ImportGraphDefOptions{NoPrefix: true})
	require.NoError(t, err)
	for _, c := range []struct {
		key, tensor string
	}{
		{"input_tensor", "in:0"},
		{"output_tensor", "out:0"},
	} {
		out, err := g.OutputByName(c.tensor)
		require.NoError(t, err)
		g.AddToCollection(c.key, out)
	}
	g.AddToCollection("left out", 3)
	whole, err := tf.ExportMetaGraph(g, nil)
	require.NoError(t, err)
	def := whole.GraphDef
	first, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{GraphDef: def, CollectionList: []string{"input_tensor", "output_tensor"}})
	require.NoError(t, err)
	assert.Equal(t, tf.Version(), first.MetaInfoDef.TensorflowVersion)
	assert.NotEmpty(t, first.MetaInfoDef.TensorflowGitVersion)

	other := tf.NewGraph()
	im, err := tf.ImportMetaGraph(t.Context(), other, first, nil)
	require.NoError(t, err)
	assert.Empty(t, im.Variables)
	assert.Nil(t, im.SaverDef)
	again, err := tf.ExportMetaGraph(other, nil)
	require.NoError(t, err)
	assert.True(t, proto.Equal(first, again))
	assert.EqualValues(t, 32, evaluate(t, other, other.Collection("output_tensor")[0].Output().Op.Name()))
}

func TestExportReportsDroppedCollections(t *testing.T) {
	g := tf.NewGraph()
	for _, item := range []any{3, 3.5} {
		g.AddToCollection("mixed", item)
	}
	g.AddToCollection("chan", make(chan int))
	g.AddToCollection("variables", "no variable")
	g.AddToCollection("fine", 3)
	dropped := map[string]string{}
	mg, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{Dropped: func(key string, err error) { dropped[key] = err.Error() }})
	require.NoError(t, err)
	assert.Len(t, mg.CollectionDef, 1)
	assert.Contains(t, mg.CollectionDef, "fine")
	assert.Len(t, dropped, 3)
	assert.Contains(t, dropped["mixed"], "a float64")
	assert.Contains(t, dropped["variables"], "not a VariableDef")
}

func TestCollectionsShareVariables(t *testing.T) {
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Zeros(2), nil)
	require.NoError(t, err)
	for _, key := range []string{tf.MetricVariables, tf.ModelVariables} {
		g.AddToCollection(key, v)
	}
	mg, err := tf.ExportMetaGraph(g, nil)
	require.NoError(t, err)
	other := tf.NewGraph()
	_, err = tf.ImportMetaGraph(t.Context(), other, mg, nil)
	require.NoError(t, err)
	shared := other.GlobalVariables()[0]
	for _, key := range []string{tf.TrainableVariables, tf.MetricVariables, tf.ModelVariables} {
		require.Len(t, other.Collection(key), 1, key)
		assert.Same(t, shared, other.Collection(key)[0].Variable(), key)
	}
}

func TestSecondImportNumbersScope(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.NewVariable(g, "v", tf.Zeros(2), nil)
	require.NoError(t, err)
	mg, err := tf.ExportMetaGraph(g, nil)
	require.NoError(t, err)
	other := tf.NewGraph()
	for _, want := range []string{"s/v:0", "s_1/v:0"} {
		im, err := tf.ImportMetaGraph(t.Context(), other, mg, &tf.ImportMetaGraphOptions{ImportScope: "s"})
		require.NoError(t, err)
		require.Len(t, im.Variables, 1)
		assert.Equal(t, want, im.Variables["v:0"].TensorName())
	}
}

func TestScopedExportNeedsInputMap(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(t.Context(), g, parseGraph(t, constNode("x", "5")+unaryNode("h/a", "Neg", "x")+unaryNode("h/b", "Abs", "x:0")+
		`node { name: "h/c" op: "NoOp" input: "^x" input: "^h/b" }`), &tf.ImportGraphDefOptions{NoPrefix: true})
	require.NoError(t, err)
	mg, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{ExportScope: "h"})
	require.NoError(t, err)
	assert.Equal(t, [][]byte{[]byte("$unbound_inputs_x"), []byte("^$unbound_inputs_x")}, mg.CollectionDef["unbound_inputs"].GetBytesList().Value)
	assert.Empty(t, g.Collection("unbound_inputs"), "ExportMetaGraph does not change the graph")

	other := tf.NewGraph()
	_, err = tf.ImportMetaGraph(t.Context(), other, mg, nil)
	require.ErrorIs(t, err, status.InvalidArgument)
	assert.ErrorContains(t, err, "the graph has unbound inputs: $unbound_inputs_x,^$unbound_inputs_x; provide them in InputMap")

	_, err = tf.ImportGraphDef(t.Context(), other, parseGraph(t, constNode("mine", "7")), &tf.ImportGraphDefOptions{NoPrefix: true})
	require.NoError(t, err)
	mine, err := other.OutputByName("mine")
	require.NoError(t, err)
	im, err := tf.ImportMetaGraph(t.Context(), other, mg, &tf.ImportMetaGraphOptions{
		ImportScope:    "new",
		InputMap:       map[string]tf.Output{"$unbound_inputs_x": mine, "^$unbound_inputs_x": mine},
		ReturnElements: []string{"a:0", "c"},
	})
	require.NoError(t, err)
	assert.Equal(t, "new", im.Scope)
	assert.Equal(t, "new/a", im.Elements[0].Op().Name())
	assert.EqualValues(t, -7, evaluate(t, other, "new/a"))
	assert.Empty(t, other.Collection("unbound_inputs"))

	// Python reads it with the same keys.
	assert.EqualValues(t, -7, oracle.Value[int32](t, `
from tensorflow.core.protobuf import meta_graph_pb2
mine = tf1.constant(7, name="mine")
m = meta_graph_pb2.MetaGraphDef.FromString(args[0])
tf1.train.import_meta_graph(m, import_scope="new", input_map={"$unbound_inputs_x": mine, "^$unbound_inputs_x": mine})
with tf1.Session() as s: result = s.run("new/a:0")
`, marshal(t, mg)))
}

func TestImportPotentialCycle(t *testing.T) {
	// "MatMul" outside and "hidden1/MatMul" inside end in the same name: the
	// input from outside must not become the node itself.
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(t.Context(), g, parseGraph(t, constNode("Neg", "5")+unaryNode("h/Neg", "Neg", "Neg")), &tf.ImportGraphDefOptions{NoPrefix: true})
	require.NoError(t, err)
	mg, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{ExportScope: "h"})
	require.NoError(t, err)
	out, err := g.OutputByName("Neg")
	require.NoError(t, err)
	_, err = tf.ImportMetaGraph(t.Context(), g, mg, &tf.ImportMetaGraphOptions{ImportScope: "h2", InputMap: map[string]tf.Output{"$unbound_inputs_Neg": out}})
	require.NoError(t, err)
	assert.EqualValues(t, -5, evaluate(t, g, "h2/Neg"))
}

func TestCopyScope(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.NewVariable(g, "h/w", tf.Constant(float32(3), 2), nil)
	require.NoError(t, err)
	_, err = tf.CopyScope(t.Context(), g, "h", g, "h")
	assert.ErrorContains(t, err, "must differ")

	vars, err := tf.CopyScope(t.Context(), g, "h", g, "copy")
	require.NoError(t, err)
	require.Len(t, vars, 1)
	assert.Equal(t, "copy/w:0", vars["w:0"].TensorName())
	other := tf.NewGraph()
	vars, err = tf.CopyScope(t.Context(), g, "h", other, "h")
	require.NoError(t, err)
	sess, err := tf.NewSession(other, nil)
	require.NoError(t, err)
	defer sess.Close()
	ctx := context.Background()
	require.NoError(t, sess.RunOps(ctx, vars["w:0"].Initializer()))
	res, err := sess.Run(ctx, nil, []tf.Output{vars["w:0"].Value()}, nil, nil)
	require.NoError(t, err)
	defer tf.Release(res...)
	assert.Equal(t, []float32{3, 3}, res[0].Value())
}

func TestImportListsBadCollections(t *testing.T) {
	mg, err := graphdef.ParseMetaGraphDef([]byte(`
		graph_def { node { name: "a" op: "NoOp" } }
		collection_def { key: "ops" value { node_list { value: "a" value: "gone" value: "a:7" } } }
		collection_def { key: "variables" value { bytes_list { value: "\377" } } }
		collection_def { key: "trainable_variables" value { bytes_list { value: "\n\003v:0" } } }
		collection_def { key: "no kind" value { } }`))
	require.NoError(t, err)
	g := tf.NewGraph()
	_, err = tf.ImportMetaGraph(t.Context(), g, mg, nil)
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	for _, part := range []string{`collection "ops": an item names "gone"`, `collection "ops": an item names "a:7"`, `collection "variables": item 0 is not a VariableDef`,
		`collection "trainable_variables": variable "v:0" names "v:0", but the graph has no node "v"`} {
		assert.ErrorContains(t, err, part)
	}
	assert.Empty(t, g.CollectionKeys())
	assert.Empty(t, nodeNames(t, g))
}

func TestExportKeepsMessageBytes(t *testing.T) {
	// A WhileContextDef has a map, whose order is the writer's own.
	raw := []byte("\x0a\x05while\x2a\x03y:0\x32\x03y:0\x3a\x03y:0\x4a\x16\x12\x08\x0a\x01b\x12\x03y:0\x12\x0a\x0a\x01a\x12\x05xyz:0")
	context := &for_core_protos_go_proto.WhileContextDef{}
	require.NoError(t, proto.Unmarshal(raw, context))
	mg, err := graphdef.ParseMetaGraphDef([]byte(`graph_def { node { name: "y" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
		node { name: "xyz" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } } } collection_def { key: "while_context" value { bytes_list { value: "" } } }`))
	require.NoError(t, err)
	mg.CollectionDef["while_context"].GetBytesList().Value[0] = raw
	g := tf.NewGraph()
	_, err = tf.ImportMetaGraph(t.Context(), g, mg, nil)
	require.NoError(t, err)
	out, err := tf.ExportMetaGraph(g, nil)
	require.NoError(t, err)
	assert.Equal(t, raw, out.CollectionDef["while_context"].GetBytesList().Value[0])

	scoped := tf.NewGraph()
	_, err = tf.ImportMetaGraph(t.Context(), scoped, mg, &tf.ImportMetaGraphOptions{ImportScope: "imp"})
	require.NoError(t, err)
	out, err = tf.ExportMetaGraph(scoped, &tf.ExportMetaGraphOptions{ExportScope: "imp"})
	require.NoError(t, err)
	back := &for_core_protos_go_proto.WhileContextDef{}
	require.NoError(t, proto.Unmarshal(out.CollectionDef["while_context"].GetBytesList().Value[0], back))
	assert.True(t, proto.Equal(context, back), "into a scope and out of it")
}

func TestOldMetaGraphsTrainableByCollection(t *testing.T) {
	g := tf.NewGraph()
	for _, name := range []string{"a", "b"} {
		_, err := tf.NewVariable(g, name, tf.Zeros(2), &tf.VariableOptions{NotTrainable: name == "b"})
		require.NoError(t, err)
	}
	mg, err := tf.ExportMetaGraph(g, nil)
	require.NoError(t, err)
	for _, col := range mg.CollectionDef {
		for i, data := range col.GetBytesList().Value {
			def := &graphdef.VariableDef{}
			require.NoError(t, proto.Unmarshal(data, def))
			def.Trainable = false // as files before 1.9 have it
			col.GetBytesList().Value[i], err = graphdef.MarshalBinary(def)
			require.NoError(t, err)
		}
	}
	for _, c := range []struct {
		version string
		want    []bool
	}{
		{"1.8.0", []bool{true, false}},
		{"0.12.head", []bool{true, false}},
		{"1.9.0-rc1", []bool{false, false}},
		{"", []bool{false, false}},
	} {
		mg.MetaInfoDef.TensorflowVersion = c.version
		other := tf.NewGraph()
		_, err := tf.ImportMetaGraph(t.Context(), other, mg, nil)
		require.NoError(t, err)
		var got []bool
		for _, v := range other.GlobalVariables() {
			got = append(got, v.Trainable())
		}
		assert.Equal(t, c.want, got, c.version)
	}
}

func TestWriteGraph(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.NewVariable(g, "w", tf.Zeros(2), nil)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "l1", "g.pbtxt")
	live, err := g.GraphDef()
	require.NoError(t, err)
	require.NoError(t, graphdef.Write(path, live, &graphdef.WriteOptions{Text: true}))
	def, err := graphdef.ReadGraphDef(path)
	require.NoError(t, err)
	assert.Empty(t, diff.Graphs(live, def, nil))
	assert.NotContains(t, def.Node[0].Attr, "_output_shapes")

	path = filepath.Join(t.TempDir(), "g.pb")
	require.NoError(t, graphdef.Write(path, live, nil))
	_, err = graphdef.ReadGraphDef(path)
	require.NoError(t, err)

	imported := tf.NewGraph()
	_, err = tf.ImportGraphDef(t.Context(), imported, def, nil)
	require.NoError(t, err)
	assert.Empty(t, imported.GlobalVariables(), "a GraphDef has no variables")
}
