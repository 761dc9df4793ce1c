package tfgraph

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/tf"
)

// RequireSameNodes fails the test unless g has the nodes of a serialized GraphDef, in the
// same order.
func RequireSameNodes(t testing.TB, want []byte, g *tf.Graph) {
	t.Helper()
	python := new(graph_go_proto.GraphDef)
	require.NoError(t, proto.Unmarshal(want, python))
	def, err := g.GraphDef()
	require.NoError(t, err)
	names := func(nodes []*node_def_go_proto.NodeDef) (out []string) {
		for _, n := range nodes {
			out = append(out, n.GetOp()+" "+n.GetName())
		}
		return out
	}
	require.Equal(t, names(python.GetNode()), names(def.GetNode()))
	for i, n := range python.GetNode() {
		if !proto.Equal(n, def.GetNode()[i]) {
			assert.Equal(t, prototext.Format(n), prototext.Format(def.GetNode()[i]))
		}
	}
	assert.True(t, proto.Equal(python.GetVersions(), def.GetVersions()))
}
