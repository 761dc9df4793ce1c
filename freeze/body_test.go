package freeze

import (
	"testing"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	opdefpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
)

func function(name string, nodes ...*graphdef.NodeDef) *function_go_proto.FunctionDef {
	return &function_go_proto.FunctionDef{Signature: &graphdef.OpDef{Name: name}, NodeDef: nodes}
}

func TestParseInput(t *testing.T) {
	t.Parallel()
	graph, fn := newBody(nil, nil), newBody(nil, function("f"))
	for _, c := range []struct {
		name string
		body *body
		in   string
		want tensor
	}{
		{"node", graph, "a/b", tensor{node: "a/b"}},
		{"output", graph, "a:2", tensor{node: "a", idx: 2}},
		{"control", graph, "^a", tensor{node: "a"}},
		{"malformed", graph, "a:b:1", tensor{node: "a", arg: "b:1"}},
		{"argument", fn, "a", tensor{node: "a"}},
		{"output argument", fn, "a:out:1", tensor{node: "a", arg: "out", idx: 1}},
		{"single output argument", fn, "a:out", tensor{node: "a", arg: "out"}},
		{"numbered output", fn, "a:1", tensor{node: "a", idx: 1}},
		{"control in a function", fn, "^a", tensor{node: "a"}},
	} {
		assert.Equal(t, c.want, c.body.parse(c.in), c.name)
	}
	assert.Equal(t, tensor{node: "a", idx: 1}, graph.output("a", "out", 1))
	assert.Equal(t, tensor{node: "a", arg: "out", idx: 1}, fn.output("a", "out", 1))
	assert.Equal(t, tensor{node: "a", arg: "second"}, fn.outputOf("a", []string{"first", "second"}, 1))
}

func TestMutableCopiesOnce(t *testing.T) {
	t.Parallel()
	theirs := &graphdef.NodeDef{Name: "a"}
	b := newBody([]*graphdef.NodeDef{theirs}, nil)
	ours := b.mutable(0)
	assert.NotSame(t, theirs, ours)
	assert.Same(t, ours, b.mutable(0))
	require.NoError(t, b.extract([]string{"a"}))
	assert.Same(t, ours, b.mutable(0), "a node stays ours when others are removed")

	require.NoError(t, b.addNew([]*graphdef.NodeDef{{Name: "b"}}))
	err := b.addNew([]*graphdef.NodeDef{{Name: "b", Op: "Const"}})
	require.ErrorIs(t, err, tfkeep.ErrUnsupported)
	assert.EqualError(t, err, `freeze: node "b": unsupported: operation Const: the graph already has a node of this name, which freezing needs`)
	assert.ErrorIs(t, b.extract([]string{"gone"}), tfkeep.ErrCorrupt)
}

func TestNodeErrorNamesTheFunction(t *testing.T) {
	t.Parallel()
	err := nodeError(newBody(nil, function("f")), &graphdef.NodeDef{Name: "n", Op: "Add"}, tfkeep.ErrCorrupt, "no %s", "way")
	assert.EqualError(t, err, `freeze: node "n": corrupt: operation Add in function f: no way`)
	err = nodeError(newBody(nil, nil), &graphdef.NodeDef{Name: "n"}, tfkeep.ErrCorrupt, "twice")
	assert.EqualError(t, err, `freeze: node "n": corrupt: twice`)
}

func TestRemoveRewiresControlEdges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		nodes []*graphdef.NodeDef
		dead  []string
		want  map[string][]string
	}{
		{"nothing", []*graphdef.NodeDef{{Name: "a", Input: []string{"x"}}}, nil, map[string][]string{"a": {"x"}}},
		{"through a chain", []*graphdef.NodeDef{
			{Name: "d1", Input: []string{"x", "^a"}}, {Name: "d2", Input: []string{"^d1", "^b"}}, {Name: "y", Input: []string{"z", "^d2"}},
		}, []string{"d1", "d2"}, map[string][]string{"y": {"z", "^a", "^b"}}},
		{"each edge once", []*graphdef.NodeDef{
			{Name: "d1", Input: []string{"^a"}}, {Name: "d2", Input: []string{"^a"}}, {Name: "y", Input: []string{"^d1", "^a", "^d2"}},
		}, []string{"d1", "d2"}, map[string][]string{"y": {"^a"}}},
		{"not to itself", []*graphdef.NodeDef{
			{Name: "d", Input: []string{"^y", "^a"}}, {Name: "y", Input: []string{"^d"}},
		}, []string{"d"}, map[string][]string{"y": {"^a"}}},
		{"a cycle of removed nodes", []*graphdef.NodeDef{
			{Name: "d1", Input: []string{"^d2"}}, {Name: "d2", Input: []string{"^d1", "^a"}}, {Name: "y", Input: []string{"^d1"}},
		}, []string{"d1", "d2"}, map[string][]string{"y": {"^a"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBody(c.nodes, nil)
			b.remove(set(c.dead))
			got := map[string][]string{}
			for _, n := range b.nodes {
				got[n.Name] = n.Input
			}
			assert.Equal(t, c.want, got)
			assert.Len(t, b.index, len(b.nodes))
		})
	}
}

func TestRemoveDropsControlResults(t *testing.T) {
	t.Parallel()
	fn := function("f", &graphdef.NodeDef{Name: "w"}, &graphdef.NodeDef{Name: "y"})
	fn.Signature.ControlOutput = []string{"gone", "kept"}
	fn.ControlRet = map[string]string{"gone": "w", "kept": "y"}
	newOwnBody(fn).remove(map[string]bool{"w": true})
	dropControlOutputs(fn)
	assert.Equal(t, map[string]string{"kept": "y"}, fn.ControlRet)
	assert.Equal(t, []string{"kept"}, fn.Signature.ControlOutput)
}

func TestDropColocations(t *testing.T) {
	t.Parallel()
	node := func(classes ...string) *graphdef.NodeDef {
		list := &attrpb.AttrValue_ListValue{}
		for _, c := range classes {
			list.S = append(list.S, []byte(c))
		}
		return &graphdef.NodeDef{Name: "n", Attr: attrs{"_class": {Value: &attrpb.AttrValue_List{List: list}}}}
	}
	gone := func(name string) bool { return name == "gone" }
	n := node("loc:@gone", "loc:@kept", "gone")
	dropColocations(n, gone)
	assert.Equal(t, [][]byte{[]byte("loc:@kept"), []byte("gone")}, n.Attr["_class"].GetList().GetS())
	n = node("loc:@gone")
	dropColocations(n, gone)
	assert.NotContains(t, n.Attr, "_class")
	dropColocations(&graphdef.NodeDef{}, gone)
}

func TestLibraryFindsCalls(t *testing.T) {
	t.Parallel()
	name := func(fn string) *graphdef.AttrValue {
		return &graphdef.AttrValue{Value: &attrpb.AttrValue_Func{Func: &attrpb.NameAttrList{Name: fn}}}
	}
	branches := &graphdef.AttrValue{Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{
		Func: []*attrpb.NameAttrList{{Name: "f"}, {Name: "g"}},
	}}}
	lib := newLibrary(&graphdef.GraphDef{Library: &function_go_proto.FunctionDefLibrary{Function: []*function_go_proto.FunctionDef{function("f"), function("f_frozen_0")}}})
	for _, c := range []struct {
		name string
		node *graphdef.NodeDef
		want []string
		args map[int]carrier // of inputs 0 and 1, both handles
	}{
		{"no call", &graphdef.NodeDef{Op: "Add"}, nil, nil},
		{"by its name", &graphdef.NodeDef{Op: "f"}, []string{"f"}, map[int]carrier{0: {resource: true}, 1: {resource: true}}},
		{"a condition", &graphdef.NodeDef{Op: "If", Attr: attrs{"then_branch": name("f"), "else_branch": name("g")}}, []string{"f", "g"}, map[int]carrier{0: {resource: true}}},
		{"a case", &graphdef.NodeDef{Op: "Case", Attr: attrs{"branches": branches}}, []string{"f", "g"}, map[int]carrier{0: {resource: true}}},
	} {
		got := lib.call(c.node)
		if c.want == nil {
			assert.Nil(t, got, c.name)
			continue
		}
		assert.Equal(t, c.want, got.functions, c.name)
		assert.Equal(t, c.args, got.arguments(map[int]carrier{0: {resource: true}, 1: {resource: true}}), c.name)
		assert.Empty(t, got.arguments(map[int]carrier{1: {}}), "a reference is read at the call")
	}
	assert.Equal(t, "f_frozen_1", lib.freeName("f", "frozen"))
	assert.Equal(t, "f_frozen_2", lib.freeName("f", "frozen"), "a name is used once")
	lib.lifted["f_lifted_0"] = "f"
	assert.Equal(t, "f_frozen_3", lib.freeName("f_lifted_0", "frozen"), "named after the original")
}

func TestTraceReportsBadCalls(t *testing.T) {
	t.Parallel()
	handle := &graphdef.NodeDef{Name: "h", Op: "VarHandleOp"}
	call := &graphdef.NodeDef{Name: "y", Op: "PartitionedCall", Input: []string{"h"}, Attr: attrs{
		"f": {Value: &attrpb.AttrValue_Func{Func: &attrpb.NameAttrList{Name: "f"}}},
	}}
	trace := func(fn *function_go_proto.FunctionDef) error {
		lib := newLibrary(&graphdef.GraphDef{Library: &function_go_proto.FunctionDefLibrary{Function: []*function_go_proto.FunctionDef{fn}}})
		_, err := newTracer(lib).trace(newBody([]*graphdef.NodeDef{handle, call}, nil), flow{tensor{node: "h"}: {resource: true}})
		return err
	}
	err := trace(function("other"))
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	assert.ErrorContains(t, err, `calls function "f", which the library lacks`)
	err = trace(function("f"))
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	assert.ErrorContains(t, err, `passes 1 arguments to function "f", which takes 0`)
	fn := function("f")
	fn.Signature.InputArg = []*opdefpb.OpDef_ArgDef{{Name: "a"}}
	assert.NoError(t, trace(fn))
}
