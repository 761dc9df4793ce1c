package freeze_test

import (
	_ "embed"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

//go:embed testdata/order.py
var orderScript string

// What waits for a call or for an iteration is decided by TensorFlow: a frozen graph gives
// what each run gives, or the freeze is refused. Calls whose writes are control outputs freeze.
func TestFreezeKeepsTheOrderOfCalls(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var models []struct {
		Name, Graph, Checkpoint string
		Runs                    []float64
	}
	oracle.Run(t, orderScript+"\nresult = write(tf, args[0])\n", dir).Decode(t, &models)
	require.Len(t, models, 36)
	frozen := map[string]string{}
	want := map[string]float64{}
	for _, m := range models {
		known := m.Runs[0] == m.Runs[1]
		plan, err := freeze.FromGraph(t.Context(), m.Graph, m.Checkpoint, &freeze.Options{Outputs: []string{"y"}})
		if err != nil {
			assert.False(t, strings.HasSuffix(m.Name, "_control") || m.Name == "loop_copy" || m.Name == "conditions_in_turn", "%s: %v", m.Name, err)
			continue
		}
		path := filepath.Join(dir, m.Name+".frozen")
		require.NoError(t, plan.WriteFile(t.Context(), path, nil))
		require.NoError(t, plan.Close())
		assert.True(t, known, "%s freezes, and its runs give %v", m.Name, m.Runs)
		frozen[m.Name], want[m.Name] = path, m.Runs[0]
	}
	assert.Equal(t, want, oracle.Value[map[string]float64](t, orderScript+"\nresult = run(tf, args[0])\n", frozen))
}
