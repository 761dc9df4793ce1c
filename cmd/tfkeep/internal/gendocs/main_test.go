package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPageIsUpToDate(t *testing.T) {
	t.Parallel()
	assert.NoError(t, run("../../../../docs/cli.md", true, "", ""))
}

func TestCheckRefusesAnotherPage(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cli.md")
	require.NoError(t, run(file, false, "", ""))
	require.NoError(t, run(file, true, "", ""))
	require.NoError(t, os.WriteFile(file, []byte("other"), 0o644))
	assert.ErrorContains(t, run(file, true, "", ""), "is out of date")
	assert.Error(t, run(filepath.Join(t.TempDir(), "missing.md"), true, "", ""))
	assert.Error(t, run("", false, "", ""))
	assert.Error(t, run("", true, t.TempDir(), ""))
}

func TestManPagesAndCompletionsAreWritten(t *testing.T) {
	t.Parallel()
	man, completions := filepath.Join(t.TempDir(), "man"), filepath.Join(t.TempDir(), "completions")
	require.NoError(t, run("", false, man, completions))
	for _, name := range []string{"tfkeep.1", "tfkeep-ls.1", "tfkeep-graph-draw.1"} {
		text, err := os.ReadFile(filepath.Join(man, name))
		require.NoError(t, err)
		assert.Contains(t, string(text), ".SH NAME", name)
	}
	text, err := os.ReadFile(filepath.Join(man, "tfkeep-ls.1"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "* in it stands for anything")
	for _, name := range []string{"tfkeep.bash", "_tfkeep", "tfkeep.fish", "tfkeep.ps1"} {
		text, err := os.ReadFile(filepath.Join(completions, name))
		require.NoError(t, err)
		assert.Contains(t, string(text), "tfkeep", name)
	}
}

func TestEveryTextBelongsToAVerb(t *testing.T) {
	t.Parallel()
	entries, err := texts.ReadDir("cli")
	require.NoError(t, err)
	text, err := os.ReadFile("../../../../docs/cli.md")
	require.NoError(t, err)
	for _, e := range entries {
		part, err := texts.ReadFile("cli/" + e.Name())
		require.NoError(t, err)
		assert.Contains(t, string(text), string(part), e.Name())
	}
}
