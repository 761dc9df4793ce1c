package graphdef_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
)

// BenchmarkParseGraphDef parses a graph of 10,000 nodes.
func BenchmarkParseGraphDef(b *testing.B) {
	def := new(graphdef.GraphDef)
	for i := range 10_000 {
		n := &graphdef.NodeDef{Name: fmt.Sprintf("node_%d", i), Op: "NoOp"}
		if i > 0 {
			n.Input = []string{fmt.Sprintf("^node_%d", i-1)}
		}
		def.Node = append(def.Node, n)
	}
	data, err := graphdef.MarshalBinary(def)
	require.NoError(b, err)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := graphdef.ParseGraphDef(data)
		require.NoError(b, err)
	}
}
