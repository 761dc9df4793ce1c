package summary_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/summary"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

type (
	node  = for_core_protos_go_proto.SavedObject
	child = for_core_protos_go_proto.TrackableObjectGraph_TrackableObject_ObjectReference
	slot  = for_core_protos_go_proto.TrackableObjectGraph_TrackableObject_SlotVariableReference
)

func objectsOf(nodes ...*node) []summary.Object {
	mg := &graphdef.MetaGraphDef{ObjectGraphDef: &for_core_protos_go_proto.SavedObjectGraph{Nodes: nodes}}
	return summary.Of(mg, nil).MetaGraphs[0].Objects
}

// texts writes each object as its depth, name and kind.
func texts(objects []summary.Object) (all []string) {
	for _, o := range objects {
		all = append(all, strings.Repeat(" ", o.Depth)+o.Name+":"+o.Kind)
	}
	return all
}

// TestObjectsOfAPythonModel describes a module with shared and nested objects, an optimizer with
// slots, a table and functions with nested arguments.
func TestObjectsOfAPythonModel(t *testing.T) {
	data := oracle.RunEager(t, `
		class Model(tf.Module):
			def __init__(self):
				self.layer = tf.Module()
				self.layer.w = tf.Variable(tf.zeros([3, 2]), name="w")
				self.shared = [self.layer, {"b": tf.Variable([1.0], trainable=False), "f": tf.Variable(0, dtype=tf.int64)}]
				self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [1]), -1)
			@tf.function(input_signature=[tf.TensorSpec([None, 3], name="x")])
			def predict(self, x): return {"y": x @ self.layer.w, "n": [self.table.lookup(tf.constant("a"))]}
			@tf.function
			def free(self, a, training=False, *, scale=None): return None
		m = Model()
		m.free({"k": tf.constant(1.0), "r": tf.ragged.constant([[1], []])}, True, scale=2.5)
		m.free((tf.constant([1]), "text"))
		import tempfile
		dir = tempfile.mkdtemp()
		tf.saved_model.save(m, dir)
		with open(dir + "/saved_model.pb", "rb") as f: result = f.read()
		import shutil
		shutil.rmtree(dir)
	`)
	var file []byte
	data.Decode(t, &file)
	sm, err := graphdef.ParseSavedModel(file)
	require.NoError(t, err)
	m := summary.Of(sm, nil).MetaGraphs[0]
	byPath, paths := map[string]summary.Object{}, map[int]string{}
	for i, o := range m.Objects {
		if i > 0 {
			paths[o.ID] = strings.TrimPrefix(paths[o.Parent]+"/"+o.Name, "/")
		}
		byPath[paths[o.ID]] = o
	}
	assert.Equal(t, &summary.ObjectVariable{Name: "w", DType: "DT_FLOAT", Shape: []int64{3, 2}, Trainable: true}, byPath["layer/w"].Variable)
	assert.Equal(t, &summary.ObjectVariable{Name: "Variable", DType: "DT_FLOAT", Shape: []int64{1}}, byPath["shared/1/b"].Variable)
	assert.Equal(t, "trackable_list_wrapper", byPath["shared"].Class)
	assert.Equal(t, "resource", byPath["table"].Kind)
	assert.NotContains(t, byPath, "shared/0", "its shortest name is layer")
	assert.Equal(t, 2, byPath["shared"].Holds)
	predict := byPath["predict"]
	require.Len(t, predict.Functions, 1)
	assert.Equal(t, summary.Trace{Inputs: []string{"x float32 [?, 3]"}, Output: "{n: [int32 []], y: float32 [?, 2]}"}, m.Traces[predict.Functions[0]])
	var free []string
	for _, f := range byPath["free"].Functions {
		free = append(free, fmt.Sprint(m.Traces[f].Inputs, m.Traces[f].Output))
	}
	assert.ElementsMatch(t, []string{
		"[{k: float32 [], r: RaggedTensor([2, ?], int32, 1, int64)} True scale=2.5]None",
		"[(int32 [1], 'text') False scale=None]None",
	}, free)
}

func TestObjectsOfHostileGraphs(t *testing.T) {
	t.Parallel()
	to := func(id int32, name string) *child { return &child{NodeId: id, LocalName: name} }
	assert.Empty(t, objectsOf())
	assert.Equal(t, []string{":object", " a:object", "  b:object"}, texts(objectsOf(
		&node{Children: []*child{to(1, "a"), to(0, "self"), to(9, "none"), to(-1, "negative"), nil}},
		&node{Children: []*child{to(0, "up"), to(2, "b"), to(1, "self")}}, nil, &node{})), "a cycle, and references to nothing")
	assert.Equal(t, []string{":object", " m:object", " o:object", "  slot:object", "   below:object"}, texts(objectsOf(
		&node{Children: []*child{to(1, "m"), to(2, "o")}}, &node{},
		&node{SlotVariables: []*slot{{SlotName: "slot", OriginalVariableNodeId: 99, SlotVariableNodeId: 3}, {SlotVariableNodeId: -4}, {SlotVariableNodeId: 1}}},
		&node{Children: []*child{to(4, "below")}}, &node{})))
	numbers := objectsOf(&node{Children: []*child{to(1, "10"), to(2, "9"), to(3, "_x"), to(4, "a")}}, &node{}, &node{}, &node{}, &node{})
	assert.Equal(t, []string{":object", " 9:object", " 10:object", " a:object", " _x:object"}, texts(numbers))

	chain := make([]*node, 300_000)
	for i := range chain {
		chain[i] = &node{Children: []*child{to(int32(i+1), "n")}}
	}
	assert.Len(t, objectsOf(chain...), len(chain))

	value := &for_core_protos_go_proto.StructuredValue{}
	for range 2000 {
		value = &for_core_protos_go_proto.StructuredValue{Kind: &for_core_protos_go_proto.StructuredValue_ListValue{
			ListValue: &for_core_protos_go_proto.ListValue{Values: []*for_core_protos_go_proto.StructuredValue{value, value, nil}}}}
	}
	mg := &graphdef.MetaGraphDef{ObjectGraphDef: &for_core_protos_go_proto.SavedObjectGraph{
		Nodes:             []*node{{}},
		ConcreteFunctions: map[string]*for_core_protos_go_proto.SavedConcreteFunction{"f": {OutputSignature: value}, "g": nil}}}
	assert.LessOrEqual(t, len(summary.Of(mg, nil).MetaGraphs[0].Traces["f"].Output), 210)
}
