package objectgraph_test

import (
	"strings"
	"testing"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

type (
	node  = pb.TrackableObjectGraph_TrackableObject
	child = pb.TrackableObjectGraph_TrackableObject_ObjectReference
	slot  = pb.TrackableObjectGraph_TrackableObject_SlotVariableReference
)

func encode(t *testing.T, nodes ...*node) []byte {
	t.Helper()
	b, err := proto.Marshal(&pb.TrackableObjectGraph{Nodes: nodes})
	require.NoError(t, err)
	return b
}

func TestDecodeRefusesBadReferences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		node *node
	}{
		{"child past the end", &node{Children: []*child{{NodeId: 1, LocalName: "a"}}}},
		{"negative child", &node{Children: []*child{{NodeId: -1, LocalName: "a"}}}},
		{"variable of a slot", &node{SlotVariables: []*slot{{OriginalVariableNodeId: 7, SlotName: "m"}}}},
		{"slot", &node{SlotVariables: []*slot{{SlotVariableNodeId: 7, SlotName: "m"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := objectgraph.Decode(encode(t, c.node))
			assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
		})
	}
	_, err := objectgraph.Decode([]byte("\xff\xff no message"))
	assert.ErrorIs(t, err, tfkeep.ErrCorrupt)
}

// walk returns one line per visit.
func walk(t *testing.T, g *objectgraph.Graph) []string {
	t.Helper()
	lines := []string{}
	for s := range g.Walk() {
		line := "/" + strings.Join(s.Path, "/")
		if s.Again {
			line += " again"
		}
		require.Equal(t, s.Depth, len(s.Path))
		lines = append(lines, line)
	}
	return lines
}

func TestWalkEndsInCycles(t *testing.T) {
	t.Parallel()
	g, err := objectgraph.Decode(encode(t,
		&node{Children: []*child{{NodeId: 2, LocalName: "l-10"}, {NodeId: 1, LocalName: "l-9"}}},
		&node{Children: []*child{{NodeId: 0, LocalName: "up"}, {NodeId: 2, LocalName: "next"}}},
		&node{},
	))
	require.NoError(t, err)
	assert.Equal(t, []string{"/", "/l-9", "/l-9/next", "/l-9/up again", "/l-10 again"}, walk(t, g))

	for range g.Walk() {
		break // stops the walk
	}
	assert.Empty(t, walk(t, &objectgraph.Graph{}))
}

func TestPathsOfSlots(t *testing.T) {
	t.Parallel()
	g, err := objectgraph.Decode(encode(t,
		&node{Children: []*child{{NodeId: 1, LocalName: "v"}, {NodeId: 2, LocalName: "opt"}}},
		&node{},
		&node{SlotVariables: []*slot{{OriginalVariableNodeId: 1, SlotName: "m", SlotVariableNodeId: 3}}},
		&node{},
		&node{},
	))
	require.NoError(t, err)
	paths := g.Paths()
	for object, want := range [][]string{{}, {"v"}, {"opt"}, {"v", ".OPTIMIZER_SLOT", "opt", "m"}} {
		path, ok := paths.Of(object)
		assert.True(t, ok)
		assert.Equal(t, want, path)
	}
	_, ok := paths.Of(4)
	assert.False(t, ok, "nothing leads there")
}

func TestKeysByNameLeavesOutAmbiguousNames(t *testing.T) {
	t.Parallel()
	value := func(full, key string) *node {
		return &node{Attributes: []*pb.TrackableObjectGraph_TrackableObject_SerializedTensor{{FullName: full, CheckpointKey: key}}}
	}
	g, err := objectgraph.Decode(encode(t, value("w", "c"), value("kernel", "k"), value("w", "b"), value("w", "c"),
		value("", "nameless"), value("", "too"), value("kernel", "k")))
	require.NoError(t, err)
	keys, ambiguous := g.KeysByName()
	assert.Equal(t, map[string]string{"kernel": "k"}, keys)
	assert.Equal(t, []string{"w"}, ambiguous)
}

func TestVariableKeysMatchesByNames(t *testing.T) {
	t.Parallel()
	type object = pb.SavedObject
	variable := func() *object {
		return &object{Kind: &pb.SavedObject_Variable{Variable: &pb.SavedVariable{Name: "w"}}}
	}
	stored := func(key string) *node {
		return &node{Attributes: []*pb.TrackableObjectGraph_TrackableObject_SerializedTensor{{Name: "VARIABLE_VALUE", FullName: "w", CheckpointKey: key}}}
	}
	// The checkpoint numbers its objects in another order, and has them in a cycle.
	g, err := objectgraph.Decode(encode(t,
		&node{Children: []*child{{NodeId: 3, LocalName: "a"}, {NodeId: 2, LocalName: "b"}, {NodeId: 1, LocalName: "opt"}}},
		&node{Children: []*child{{NodeId: 0, LocalName: "up"}}, SlotVariables: []*slot{{OriginalVariableNodeId: 3, SlotName: "m", SlotVariableNodeId: 4}}},
		stored("b/KEY"), stored("a/KEY"), stored("a/SLOT"),
	))
	require.NoError(t, err)
	saved := &pb.SavedObjectGraph{Nodes: []*object{
		{Children: []*child{{NodeId: 1, LocalName: "a"}, {NodeId: 2, LocalName: "b"}, {NodeId: 3, LocalName: "opt"}, {NodeId: 2, LocalName: "gone"}, {NodeId: 77, LocalName: "a"}}},
		variable(), variable(),
		{Children: []*child{{NodeId: 0, LocalName: "up"}}, SlotVariables: []*slot{{OriginalVariableNodeId: 1, SlotName: "m", SlotVariableNodeId: 4}, {OriginalVariableNodeId: 2, SlotName: "m", SlotVariableNodeId: 4}}},
		variable(), variable(),
	}}
	assert.Equal(t, map[int][]string{1: {"a/KEY"}, 2: {"b/KEY"}, 4: {"a/SLOT"}}, g.VariableKeys(saved))

	saved.Nodes[0].Children[1].NodeId = 1 // one object under the names of two
	assert.Equal(t, []string{"a/KEY", "b/KEY"}, g.VariableKeys(saved)[1])
	assert.Nil(t, g.VariableKeys(nil))
}

func TestWalkLongChain(t *testing.T) {
	t.Parallel()
	const n = 200_000
	nodes := make([]*node, n)
	for i := range nodes {
		nodes[i] = &node{Children: []*child{{NodeId: int32((i + 1) % n), LocalName: "next"}}}
	}
	g, err := objectgraph.Decode(encode(t, nodes...))
	require.NoError(t, err)
	visits := 0
	for range g.Walk() {
		visits++
	}
	assert.Equal(t, n+1, visits)
	path, ok := g.Paths().Of(n - 1)
	assert.True(t, ok)
	assert.Len(t, path, n-1)
}

func TestDecodeReadsPythonCheckpoint(t *testing.T) {
	t.Parallel()
	data := oracle.RunEager(t, `
v = tf.Variable([1.0, 2.0], name="kernel")
inner = tf.Module(); inner.kernel = v
root = tf.train.Checkpoint(model=inner, also=inner, step=tf.Variable(3))
prefix = root.save(os.path.join(args[0], "ckpt"))
result = tf.train.load_checkpoint(prefix).get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
`, t.TempDir())
	var raw []byte
	data.Decode(t, &raw)
	g, err := objectgraph.Decode(raw)
	require.NoError(t, err)
	assert.Equal(t, []string{"/", "/also", "/also/kernel", "/model again", "/save_counter", "/step"}, walk(t, g))
	var keys []string
	for _, o := range g.Objects {
		for _, v := range o.Values {
			assert.Equal(t, "VARIABLE_VALUE", v.Name)
			keys = append(keys, v.Key)
		}
	}
	assert.Contains(t, keys, "step/.ATTRIBUTES/VARIABLE_VALUE")
	assert.Len(t, keys, 3)
}
