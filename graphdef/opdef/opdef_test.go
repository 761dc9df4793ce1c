package opdef_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestBuiltinEqualsTensorFlow(t *testing.T) {
	t.Parallel()
	ops := opdef.Builtin()
	names := ops.Names()
	require.Greater(t, len(names), 1500)
	data := oracle.Value[[]byte](t, `
from tensorflow.python.framework import op_def_registry
from tensorflow.core.framework import op_def_pb2
result = op_def_pb2.OpList(op=[o for o in map(op_def_registry.get, args[0]) if o is not None]).SerializeToString()
`, names)
	var python graphdef.OpList
	require.NoError(t, proto.Unmarshal(data, &python))
	require.Len(t, python.Op, len(names), "every embedded op is one of TensorFlow's")
	for _, op := range python.Op {
		assert.True(t, proto.Equal(op, ops.Get(op.Name)), op.Name)
	}
}

func TestSetGet(t *testing.T) {
	t.Parallel()
	ops := opdef.Builtin()
	assert.Nil(t, ops.Get("NoSuchOp"))
	assert.NotNil(t, ops.Get("MatMul"))

	list := opdef.FromList(&graphdef.OpList{Op: []*graphdef.OpDef{{Name: "Mine"}}})
	assert.NotNil(t, list.Get("Mine"))
	assert.Equal(t, []string{"Mine"}, list.Names())

	for _, bad := range []string{"\x0a\xff", "\x08\x01", "junk"} {
		_, err := opdef.Parse([]byte(bad))
		assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
	}
}

func TestStrippedListSkipsUnknownOps(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `node { name: "m" op: "Mul" } node { name: "c" op: "Const" } node { name: "u" op: "Unreg" } node { name: "c2" op: "Const" }`)
	assert.Equal(t, []string{"Const", "Mul", "Unreg"}, opdef.Used(g))
	list := opdef.StrippedList(g, nil)
	require.Len(t, list.Op, 2)
	assert.Equal(t, "Const", list.Op[0].Name)
	assert.Equal(t, "Mul", list.Op[1].Name)
	assert.Empty(t, list.Op[1].Summary+list.Op[1].Description)
	assert.Equal(t, []string{"Unreg"}, opdef.Unknown(g, nil))
}

func TestUsedInNestedFunctions(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `library {
		function { signature { name: "f0" } node_def { name: "s" op: "Square" } }
		function { signature { name: "f1" } node_def { name: "c" op: "Const" } node_def { name: "f" op: "f0" } }
	}`)
	assert.Empty(t, opdef.Used(g), "a function that nothing calls uses nothing")
	g.Node = append(g.Node, &graphdef.NodeDef{Name: "call", Op: "f1"})
	assert.Equal(t, []string{"Const", "Square"}, opdef.Used(g))
}

func TestUsedInRecursiveFunctions(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `node { name: "call" op: "A" } library {
		function { signature { name: "A" } node_def { name: "b" op: "B" } }
		function { signature { name: "B" } node_def { name: "c" op: "Const" } node_def { name: "a" op: "A" } }
	}`)
	assert.Equal(t, []string{"Const"}, opdef.Used(g))
}

func TestUsedInPartitionedCalls(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `node { name: "p" op: "PartitionedCall" attr { key: "f" value { func { name: "A" } } } }
	library {
		function { signature { name: "A" } node_def { name: "q" op: "StatefulPartitionedCall" attr { key: "f" value { func { name: "B" } } } } }
		function { signature { name: "B" } node_def { name: "c" op: "Const" } }
	}`)
	assert.Equal(t, []string{"Const", "PartitionedCall", "StatefulPartitionedCall"}, opdef.Used(g))
}

const complexNodes = `
	node { name: "default" op: "Complex" attr { key: "T" value { type: DT_FLOAT } } attr { key: "Tout" value { type: DT_COMPLEX64 } } }
	node { name: "other" op: "Complex" attr { key: "T" value { type: DT_DOUBLE } } attr { key: "Tout" value { type: DT_COMPLEX128 } } }`

func TestStripAndAddDefaults(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, complexNodes)
	whole := proto.Clone(g).(*graphdef.GraphDef)
	opdef.StripDefaults(g, nil)
	assert.Empty(t, g.Node[0].Attr)
	assert.Len(t, g.Node[1].Attr, 2)
	opdef.AddDefaults(g, nil)
	assert.True(t, proto.Equal(whole, g))
}

func TestStripDefaultsInFunctions(t *testing.T) {
	t.Parallel()
	mg := &graphdef.MetaGraphDef{GraphDef: tftest.ParseGraph(t, `library { function { signature { name: "f" }
		node_def { name: "v" op: "VarHandleOp" attr { key: "container" value { s: "" } } attr { key: "dtype" value { type: DT_FLOAT } } } } }`)}
	opdef.StripMetaGraphDefaults(mg, nil)
	attrs := mg.GraphDef.Library.Function[0].NodeDef[0].Attr
	assert.NotContains(t, attrs, "container")
	assert.Contains(t, attrs, "dtype")
	assert.True(t, mg.MetaInfoDef.StrippedDefaultAttrs)
}

func TestStripDefaultsSkipsUnknownOps(t *testing.T) {
	t.Parallel()
	mg := &graphdef.MetaGraphDef{GraphDef: tftest.ParseGraph(t, `
		node { name: "u" op: "unreg_op" attr { key: "attr_1" value { i: 1 } } }
		node { name: "c" op: "Complex" attr { key: "T" value { type: DT_FLOAT } } }
		library { function { signature { name: "Complex" } } }`)}
	before := proto.Clone(mg.GraphDef)
	opdef.StripMetaGraphDefaults(mg, nil)
	assert.True(t, proto.Equal(before, mg.GraphDef), "neither an unknown op nor a function is touched")
	assert.True(t, mg.MetaInfoDef.StrippedDefaultAttrs)
}

func TestRemoveUnknownDefaults(t *testing.T) {
	t.Parallel()
	list, err := graphdef.ParseMetaGraphDef([]byte(`meta_info_def { stripped_op_list { op { name: "Mul"
		attr { name: "T" type: "type" }
		attr { name: "new" type: "int" default_value { i: 7 } }
		attr { name: "used" type: "int" default_value { i: 7 } }
		attr { name: "required" type: "int" } } } }`))
	require.NoError(t, err)
	producer := list.MetaInfoDef.StrippedOpList
	g := tftest.ParseGraph(t, `
		node { name: "m" op: "Mul" attr { key: "T" value { type: DT_FLOAT } } attr { key: "new" value { i: 7 } }
			attr { key: "used" value { i: 8 } } attr { key: "required" value { i: 7 } } attr { key: "_note" value { i: 7 } } }
		node { name: "u" op: "Unreg" attr { key: "new" value { i: 7 } } }`)
	opdef.RemoveUnknownDefaults(g, producer, nil)
	attrs := g.Node[0].Attr
	assert.NotContains(t, attrs, "new")
	for _, kept := range []string{"T", "used", "required", "_note"} {
		assert.Contains(t, attrs, kept)
	}
	assert.Len(t, g.Node[1].Attr, 1)
}
