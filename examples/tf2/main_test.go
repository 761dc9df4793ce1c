package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// TestPythonGoPython exports the model in Python, trains it in Go in two runs, and goes on in
// Python.
func TestPythonGoPython(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts Python twice")
	}
	out := t.TempDir()
	model := func(args ...string) string {
		text, err := exec.Command(oracle.Python(t), append([]string{"model.py"}, args...)...).CombinedOutput()
		require.NoError(t, err, string(text))
		return string(text)
	}
	model("export", filepath.Join(out, "model", "1"))
	var said strings.Builder
	require.NoError(t, run(t.Context(), &said, out, 60, 20, 0))
	assert.NotContains(t, said.String(), "restored")
	require.NoError(t, run(t.Context(), &said, out, 100, 20, 0))
	assert.Contains(t, said.String(), "restored "+filepath.Join(out, "ckpt", "model-60")+", continuing at step 60")
	assert.Contains(t, said.String(), "exported "+filepath.Join(out, "model", "3"))
	assert.Contains(t, model("continue", filepath.Join(out, "model", "3")), "python: step 150, ")
}
