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

//go:embed testdata/shapes.py
var shapesScript string

// A value whose shape is known only at run time is refused by the frozen graph where the
// write refuses it, and not broadcast.
func TestFrozenWritesCompareShapes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var models []struct {
		Name, Path string
		Want       []string
	}
	oracle.Run(t, shapesScript+"\nresult = write(tf, np, args[0])\n", dir).Decode(t, &models)
	require.Len(t, models, 18)
	frozen, want := map[string]string{}, map[string][]string{}
	for _, m := range models {
		plan, err := freeze.FromCheckpoint(t.Context(), m.Path, &freeze.Options{Outputs: []string{"y"}})
		require.NoError(t, err, m.Name)
		path := filepath.Join(dir, m.Name+".pb")
		require.NoError(t, plan.WriteFile(t.Context(), path, nil))
		require.NoError(t, plan.Close())
		frozen[m.Name], want[m.Name] = path, m.Want
		assert.Equal(t, !strings.HasSuffix(m.Name, "Unchecked"), strings.Contains(strings.Join(m.Want, ""), "refused"), m.Name)
	}
	assert.Equal(t, want, oracle.Value[map[string][]string](t, shapesScript+"\nresult = run(tf, np, args[0])\n", frozen))
}
