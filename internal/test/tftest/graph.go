package tftest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// ParseGraph returns the graph that is written as protobuf text.
func ParseGraph(t testing.TB, text string) *graphdef.GraphDef {
	t.Helper()
	g, err := graphdef.ParseGraphDef([]byte(text))
	require.NoError(t, err)
	return g
}

// NodeNames returns the names of a graph's nodes, in order.
func NodeNames(g *graphdef.GraphDef) []string {
	var names []string
	for _, n := range g.GetNode() {
		names = append(names, n.GetName())
	}
	return names
}

// RandomNodes counts the nodes of a graph that make random numbers, in functions too.
func RandomNodes(g *graphdef.GraphDef) int {
	count := 0
	for _, n := range nodedef.AllNodes(g) {
		if strings.Contains(n.Op, "Random") {
			count++
		}
	}
	return count
}

// Marshal returns the bytes of a message.
func Marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := graphdef.MarshalBinary(m)
	require.NoError(t, err)
	return data
}
