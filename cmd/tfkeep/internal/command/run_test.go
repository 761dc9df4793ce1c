package command

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
)

func TestUsageErrorExitsWith2(t *testing.T) {
	inFixture(t, "m", fixture())
	for _, c := range []struct {
		want string
		args []string
	}{
		{`unknown command "lss"; did you mean "ls"?`, []string{"lss"}},
		{"arguments are missing: CKPT", []string{"ls"}},
		{"3 arguments are too many: CKPT NAME", []string{"cat", "a", "b", "c"}},
		{"unknown flag: --jsno", []string{"ls", "--jsno", "m"}},
		{"--tol -1 is negative", []string{"diff", "--tol", "-1", "m", "m"}},
		{"--to v3 is not one of", []string{"convert", "--to", "v3", "m", "x"}},
		{"invalid argument", []string{"diff", "--tol", "x", "m", "m"}},
		{"none of the others can be", []string{"cat", "m", "step", "--npy", "x", "--json"}},
	} {
		code, out, errs := execute(t, c.args...)
		assert.Equal(t, cli.ExitUsage, code, c.args)
		assert.Empty(t, out, c.args)
		assert.Contains(t, errs, c.want)
		assert.Contains(t, errs, "--help")
	}
}

func TestFailureExitsWith1(t *testing.T) {
	inFixture(t, "m", fixture())
	require.NoError(t, os.Mkdir("empty", 0o755))
	for _, c := range []struct {
		want string
		args []string
	}{
		{"nowhere.index", []string{"ls", "nowhere"}},
		{"has neither a checkpoint", []string{"ls", "empty"}},
		{"did you mean hidden/w", []string{"cat", "m", "hiden/w"}},
		{`"tfkeep ls m" lists its 7`, []string{"cat", "m", "something-else"}},
		{`no tensor "nothing*"`, []string{"stats", "m", "nothing*"}},
		{"no checkpoint was saved there", []string{"latest", "--verified", "empty"}},
		{"is a directory; name a file", []string{"convert", "m", "empty"}},
		{`cannot convert ".h5"`, []string{"convert", "m", "x.h5"}},
		{"x.npz: not found", []string{"convert", "x.npz", "y"}},
	} {
		code, out, errs := execute(t, c.args...)
		assert.Equal(t, cli.ExitFailed, code, "%v: %s", c.args, errs)
		assert.Empty(t, out, c.args)
		assert.Contains(t, errs, c.want, c.args)
		assert.True(t, strings.HasPrefix(errs, "tfkeep: "), errs)
		assert.NotContains(t, errs, "--help")
	}
}

func TestEveryVerbHasHelpWithExamples(t *testing.T) {
	t.Parallel()
	out := good(t, "--help")
	for _, verb := range []string{"ls", "cat", "stats", "verify", "latest", "diff", "convert", "objects", "version", "completion"} {
		assert.Contains(t, out, "\n  "+verb+" ")
		if verb != "completion" {
			assert.Contains(t, good(t, verb, "--help"), "Examples:\n  tfkeep "+verb)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		assert.Contains(t, good(t, "completion", shell), "tfkeep")
	}
	assert.Regexp(t, `^tfkeep \S+`, good(t, "version"))
	assert.Equal(t, out, good(t), "the bare command helps")
}

func TestInterruptStopsCleanly(t *testing.T) {
	inFixture(t, "m", fixture())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"stats", "m"}, {"verify", "m"}, {"diff", "m", "m"}, {"convert", "m", "x.npz"}} {
		var out, errs bytes.Buffer
		assert.Equal(t, cli.ExitFailed, Run(ctx, args, &out, &errs), args)
		assert.Equal(t, "tfkeep: interrupted\n", errs.String(), args)
	}
	assert.NoFileExists(t, "x.npz")
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"*", "", true}, {"*", "a/b", true}, {"a*", "a/b/c", true},
		{"*/w", "a/b/w", true}, {"*/w", "a/w/x", false}, {"a*b*c", "a1b2c", true}, {"a*b*c", "acb", false},
		{"a*a", "a", false}, {"*b*", "abc", true},
	} {
		assert.Equal(t, c.want, matches(c.pattern, c.name), "%s %s", c.pattern, c.name)
	}
}
