package savergraph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
)

// BenchmarkRestorePlan reads which variables a Saver of 10,000 variables restores.
func BenchmarkRestorePlan(b *testing.B) {
	const variables = 10_000
	var text, keys, slices, types, assigns strings.Builder
	for i := range variables {
		fmt.Fprintf(&keys, "string_val: 'w%d' ", i)
		slices.WriteString("string_val: '' ")
		types.WriteString("type: DT_FLOAT ")
		fmt.Fprintf(&text, `
node { name: "w%d" op: "VariableV2" attr { key: "shape" value { shape { dim { size: 3 } } } } }
node { name: "save/Assign_%d" op: "Assign" input: "w%d" input: "save/RestoreV2:%d" }`, i, i, i, i)
		fmt.Fprintf(&assigns, `input: "^save/Assign_%d" `, i)
	}
	constant := func(name, values string) {
		fmt.Fprintf(&text, `
node { name: %q op: "Const" attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape { dim { size: %d } } %s } } } }`, name, variables, values)
	}
	constant("save/keys", keys.String())
	constant("save/slices", slices.String())
	fmt.Fprintf(&text, `
node { name: "save/RestoreV2" op: "RestoreV2" input: "save/Const" input: "save/keys" input: "save/slices" attr { key: "dtypes" value { list { %s } } } }
node { name: "save/restore_all" op: "NoOp" %s}`, types.String(), assigns.String())
	def := new(graphdef.GraphDef)
	require.NoError(b, prototext.Unmarshal([]byte(text.String()), def))
	b.ReportAllocs()
	for b.Loop() {
		plan, err := savergraph.New(def).Restore("save/restore_all")
		require.NoError(b, err)
		require.Len(b, plan, variables)
	}
}
