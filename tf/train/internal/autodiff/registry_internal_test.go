package autodiff

import (
	"embed"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

//go:embed testdata/registry*.py
var registryScripts embed.FS

// RegistryScript returns the scripts with the cases as one.
func RegistryScript(t *testing.T) string {
	t.Helper()
	files, err := registryScripts.ReadDir("testdata")
	require.NoError(t, err)
	var all []string
	for _, f := range files {
		text, err := registryScripts.ReadFile("testdata/" + f.Name())
		require.NoError(t, err)
		all = append(all, string(text))
	}
	return strings.Join(all, "\n")
}

// Each operation of Python's registry has a gradient here, or docs/gradients.md says why not.
// Each one that has a gradient has a case, or the page says why it has none.
func TestRegistryIsComplete(t *testing.T) {
	var registry struct{ Gradients, Stops []string }
	script := RegistryScript(t)
	oracle.Run(t, script+"\nresult = registry(tf)\n").Decode(t, &registry)
	require.Greater(t, len(registry.Gradients), 350)
	page, err := os.ReadFile("../../../../docs/gradients.md")
	require.NoError(t, err)
	left, untried := section(t, string(page), "## What is left out"), section(t, string(page), "## Not compared with Python")
	cases := set(strings.Join(oracle.Value[[]string](t, script+"\nresult = sorted({c[0] for c in cases(tf, np)})\n"), " "))
	for _, op := range registry.Gradients {
		known := rules[op] != nil || stops[op] || loopOps[op] || functional[op] != nil || op == "PreventGradient"
		assert.NotEqual(t, known, left[op], "%s has a gradient (%t), and the page leaves it out (%t)", op, known, left[op])
		if known && !stops[op] {
			assert.NotEqual(t, cases[op], untried[op], "%s has a case (%t), and the page says that it is not compared (%t)", op, cases[op], untried[op])
		}
	}
	for _, op := range registry.Stops {
		assert.Nil(t, rules[op], op)
	}
}

// section returns the operations that a section of the page names.
func section(t *testing.T, page, title string) map[string]bool {
	t.Helper()
	_, text, found := strings.Cut(page, title+"\n")
	require.True(t, found, title)
	text, _, _ = strings.Cut(text, "\n## ")
	ops := map[string]bool{}
	for _, m := range regexp.MustCompile("`([A-Za-z0-9_]+)`").FindAllStringSubmatch(text, -1) {
		ops[m[1]] = true
	}
	return ops
}
