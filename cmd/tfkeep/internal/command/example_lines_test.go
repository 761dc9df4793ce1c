package command

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExamplesParse checks the command lines in all help texts: their verbs, flags and
// numbers of arguments.
func TestExamplesParse(t *testing.T) {
	t.Parallel()
	var check func(*cobra.Command)
	check = func(c *cobra.Command) {
		if c.Runnable() && c.Name() != "help" && c.Parent() != nil && c.Parent().Name() != "completion" && c.Name() != "completion" {
			assert.NotEmpty(t, c.Example, c.CommandPath())
			assert.NotEmpty(t, c.Long, c.CommandPath())
		}
		for _, line := range exampleLines(c.Example) {
			root := Root()
			cmd, args, err := root.Find(joinBooleans(line))
			require.NoError(t, err, line)
			require.NoError(t, cmd.ParseFlags(args), line)
			assert.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), line)
			assert.NoError(t, cmd.ValidateFlagGroups(), line)
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	check(Root())
}

var (
	continued = regexp.MustCompile(`\\\n\s*`)
	comment   = regexp.MustCompile(`\s{3,}.*`)
	nested    = regexp.MustCompile(`"\$\((tfkeep [^)]*)\)"`)
	word      = regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)
)

// exampleLines returns the arguments of each call of tfkeep in an example.
func exampleLines(example string) [][]string {
	var calls [][]string
	add := func(text string) {
		var args []string
		for _, w := range word.FindAllString(text, -1) {
			if strings.ContainsAny(w, "|>&") && !strings.ContainsAny(w, `'"`) {
				break
			}
			args = append(args, strings.Trim(w, `'"`))
		}
		if len(args) > 1 && args[0] == "tfkeep" {
			calls = append(calls, args[1:])
		}
	}
	for _, line := range strings.Split(continued.ReplaceAllString(example, " "), "\n") {
		line = comment.ReplaceAllString(strings.TrimSpace(line), "")
		for _, inner := range nested.FindAllStringSubmatch(line, -1) {
			add(inner[1])
		}
		add(nested.ReplaceAllString(line, "PREFIX"))
	}
	return calls
}

func TestExampleLines(t *testing.T) {
	t.Parallel()
	assert.Equal(t, [][]string{
		{"latest", "--verified", "train/"}, {"ls", "PREFIX"}, {"stats", "m", "hidden/*"}, {"freeze", "a", "-o", "b"}, {"cat", "x"}, {"show"},
	}, exampleLines(`  tfkeep ls "$(tfkeep latest --verified train/)"
  tfkeep stats m 'hidden/*' | jq .
  tfkeep freeze a \
      -o b
  tfkeep cat x      what it does
  tfkeep show && other`))
}
