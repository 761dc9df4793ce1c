package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEachRunContinues(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "checkpoints")
	for _, name := range []string{"model-50", "model-100"} {
		require.NoError(t, run(t.Context(), dir))
		assert.FileExists(t, filepath.Join(dir, name+".index"))
	}
}

// The README shows this program.
func TestReadmeHasThisProgram(t *testing.T) {
	source, err := os.ReadFile("main.go")
	require.NoError(t, err)
	_, program, ok := strings.Cut(string(source), "func run(")
	require.True(t, ok)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```go\nfunc run("+program+"```\n")
}
