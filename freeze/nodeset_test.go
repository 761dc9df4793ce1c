package freeze_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// Names and operations are the same as those of TensorFlow's own converter, for the
// graphs that it can freeze.
func TestNodesAreThoseOfTensorFlow(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"mlp:ref", "mlp:resource", "while:ref", "while:v1flow", "while:v2flow", "cond:ref", "cond:v1flow",
		"cond:v2flow", "case:v1flow", "embedding:ref", "embedding:resource", "mixed:ref", "mixed:resource", "function:resource"} {
		t.Run(kind, func(t *testing.T) {
			m := writeModel(t, kind)
			want := oracle.Value[map[string]string](t, `
from tensorflow.python.tools import freeze_graph
d = args[0]
mg = freeze_graph._parse_input_meta_graph_proto(d + "/model.meta", True)
g = freeze_graph.freeze_graph_with_def_protos(None, None, d + "/model", "y", None, None, "", True, "", input_meta_graph_def=mg)
result = {n.name: n.op for n in g.node}
`, m.dir)
			plan, err := freeze.FromCheckpoint(t.Context(), filepath.Join(m.dir, "model"), &freeze.Options{Outputs: []string{"y"}})
			require.NoError(t, err)
			defer plan.Close()
			def, err := plan.GraphDef(t.Context())
			require.NoError(t, err)
			got := map[string]string{}
			for _, n := range def.Node {
				got[n.Name] = n.Op
			}
			assert.Equal(t, want, got)
		})
	}
}
