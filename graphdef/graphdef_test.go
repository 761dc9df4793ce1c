package graphdef_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
)

// parse makes a graph of protobuf text.
func parse(t testing.TB, text string) *graphdef.GraphDef {
	t.Helper()
	g, err := graphdef.ParseGraphDef([]byte(text))
	require.NoError(t, err)
	return g
}

// names gives the nodes' names, in order.
func names(g *graphdef.GraphDef) []string {
	var names []string
	for _, n := range g.GetNode() {
		names = append(names, n.GetName())
	}
	return names
}

func binary(t testing.TB, g *graphdef.GraphDef) []byte {
	t.Helper()
	data, err := graphdef.MarshalBinary(g)
	require.NoError(t, err)
	return data
}
