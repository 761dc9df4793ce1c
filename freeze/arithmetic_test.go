package freeze_test

import (
	_ "embed"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

//go:embed testdata/writes.py
var writesScript string

// Each kind of write, of each type that it takes, on random numbers: the frozen graph has
// to give the bytes that the write gives. The numbers are not exact, so an operation that
// rounds otherwise is seen.
func TestWritesFreezeBitForBit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var models []struct{ Name, Path, Want string }
	oracle.Run(t, writesScript+"\nresult = write(tf, np, os, args[0])\n", dir).Decode(t, &models)
	require.Greater(t, len(models), 100)
	frozen := map[string]string{}
	want := map[string]string{}
	for _, m := range models {
		plan, err := freeze.FromCheckpoint(t.Context(), m.Path, &freeze.Options{Outputs: []string{"y"}})
		if !assert.NoError(t, err, m.Name) {
			continue
		}
		path := filepath.Join(dir, m.Name+".pb")
		require.NoError(t, plan.WriteFile(t.Context(), path, nil))
		require.NoError(t, plan.Close())
		frozen[m.Name], want[m.Name] = path, m.Want
	}
	got := oracle.Value[map[string]string](t, writesScript+"\nresult = run(tf, np, args[0])\n", frozen)
	for name := range want {
		assert.Equal(t, want[name], got[name], name)
	}
}
