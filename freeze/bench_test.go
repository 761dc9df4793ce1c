package freeze_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef"
)

// BenchmarkFreeze plans and writes a graph of 10,000 variables of 16 floats.
func BenchmarkFreeze(b *testing.B) {
	const variables = 10_000
	values := memory{}
	var text, reads strings.Builder
	for i := range variables {
		name := fmt.Sprintf("w%d", i)
		values[name] = floats(16)
		fmt.Fprintf(&text, `
node { name: %q op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: 16 } } } } }
node { name: "%s/read" op: "Identity" input: %q attr { key: "T" value { type: DT_FLOAT } } }`, name, name, name)
		fmt.Fprintf(&reads, `input: "%s/read" `, name)
	}
	fmt.Fprintf(&text, `
node { name: "y" op: "AddN" %s attr { key: "N" value { i: %d } } attr { key: "T" value { type: DT_FLOAT } } }`, reads.String(), variables)
	def := new(graphdef.GraphDef)
	require.NoError(b, prototext.Unmarshal([]byte(text.String()), def))
	b.ReportAllocs()
	for b.Loop() {
		plan, err := freeze.New(b.Context(), def, values, &freeze.Options{Outputs: []string{"y"}})
		require.NoError(b, err)
		require.NoError(b, plan.Write(b.Context(), io.Discard, nil))
		require.NoError(b, plan.Close())
	}
}
