package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// TestPythonGoPython exports the model in Python, trains it in a Go program that is killed with
// SIGKILL, resumes, and goes on in Python. The loss is that of a training that nothing stopped.
func TestPythonGoPython(t *testing.T) {
	const child = "TFKEEP_TEST_TF2"
	if out := os.Getenv(child); out != "" {
		require.NoError(t, run(t.Context(), os.Stdout, out, 100, 20, 70))
		return
	}
	if testing.Short() {
		t.Skip("it starts Python twice")
	}
	out, alone := t.TempDir(), t.TempDir()
	model := func(args ...string) string {
		text, err := exec.Command(oracle.Python(t), append([]string{"model.py"}, args...)...).CombinedOutput()
		require.NoError(t, err, string(text))
		return string(text)
	}
	model("export", filepath.Join(out, "model", "1"))
	require.NoError(t, os.CopyFS(alone, os.DirFS(out)))
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPythonGoPython$")
	cmd.Env = append(os.Environ(), child+"="+out)
	text, err := cmd.Output()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, "signal: killed", exit.Error())
	assert.NotContains(t, string(text), "restored")
	assert.Contains(t, string(text), "go: step 70, kill -9 ")

	var said, undisturbed strings.Builder
	require.NoError(t, run(t.Context(), &said, out, 100, 20, 0))
	assert.Contains(t, said.String(), "restored "+filepath.Join(out, "ckpt", "model-60")+", continuing at step 60")
	assert.Contains(t, said.String(), "exported "+filepath.Join(out, "model", "2"))
	require.NoError(t, run(t.Context(), &undisturbed, alone, 100, 20, 0))
	assert.InDelta(t, lastLoss(t, undisturbed.String()), lastLoss(t, said.String()), 2e-3)
	assert.Contains(t, model("continue", filepath.Join(out, "model", "2")), "python: step 150, ")
}

// lastLoss returns the loss that a run printed for step 100.
func lastLoss(t *testing.T, said string) (loss float64) {
	t.Helper()
	_, after, ok := strings.Cut(said, "step 100 of 100, loss ")
	require.True(t, ok, said)
	_, err := fmt.Sscan(strings.TrimSuffix(strings.Fields(after)[0], ","), &loss)
	require.NoError(t, err)
	return loss
}
