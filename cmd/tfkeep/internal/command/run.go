package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
)

// Run executes a command line and returns the exit code.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := newCommand(stdout, stderr)
	root := c.root()
	root.SetArgs(joinBooleans(args))
	err := root.ExecuteContext(ctx)
	var usage *cli.UsageError
	if err != nil && !c.started && !errors.As(err, &usage) {
		err = &cli.UsageError{Err: err} // an error of cobra's
	}
	failure := cli.Failure{Stderr: stderr, Command: c.using, Print: func(err error) { c.Error("tfkeep:", err) }}
	return failure.ExitCode(ctx, err)
}

// Root returns the command with all its verbs, for its documentation.
func Root() *cobra.Command { return newCommand(io.Discard, io.Discard).root() }

// command is what the verbs share.
type command struct {
	*ui.Console
	started bool   // a verb's own code has begun, so that errors are no longer about usage
	using   string // the verb in use, for the hint after a usage error
}

func newCommand(stdout, stderr io.Writer) *command {
	return &command{Console: ui.NewConsole(stdout, stderr, os.Getenv)}
}

const rootExample = `  tfkeep ls train/                        what the newest checkpoint holds
  tfkeep cat train/model-1000 hidden/w    the values of one tensor
  tfkeep stats train/                     is it sane? NaNs, ranges, histograms
  tfkeep verify train/ export/1           is anything damaged or missing?
  tfkeep diff train/model-900 train/model-1000
  tfkeep convert train/model-1000 model.safetensors`

func (c *command) root() *cobra.Command {
	c.using = "tfkeep"
	root := &cobra.Command{
		Use:   "tfkeep",
		Short: "Inspect and change TensorFlow's checkpoints, graphs and SavedModels",
		Long: `tfkeep inspects and changes TensorFlow's files without TensorFlow.

CKPT is a checkpoint by any of its names: the prefix that Saver.save returned, a
file of it, a V1 file or pattern, a directory (its newest checkpoint), or a
SavedModel's directory (its variables).

Results go to standard output, notes and errors to standard error. Colors and
progress bars appear on terminals only; NO_COLOR turns colors off. With --json the
output is one JSON object per line, with exact names and values; numbers that are
not finite are the strings "NaN", "Infinity" and "-Infinity". An interrupt stops
a verb cleanly: no verb leaves a half-written file.

The exit code is 0 on success, 1 if the answer is bad news (damage, a difference,
no checkpoint) or the work failed, and 2 if the command line was wrong.`,
		Example:       rootExample,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(c.Out)
	root.SetErr(c.Err)
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		c.using = cmd.CommandPath()
		return cli.FlagError(cmd, err)
	})
	root.AddCommand(c.ls(), c.cat(), c.stats(), c.verify(), c.latest(), c.diff(), c.convert(), c.objects(), c.freeze(), c.savedModel(), c.show(), c.graph(), c.version())
	for _, verb := range root.Commands() {
		c.watch(verb)
	}
	return root
}

// watch notes when a verb's command line was correct and its work began.
func (c *command) watch(verb *cobra.Command) {
	check, work := verb.Args, verb.RunE
	verb.Args = func(cmd *cobra.Command, args []string) error {
		c.using = cmd.CommandPath()
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return &cli.UsageError{Err: err}
		}
		return nil
	}
	if work != nil {
		verb.RunE = func(cmd *cobra.Command, args []string) error {
			c.started = true
			return work(cmd, args)
		}
	}
	for _, sub := range verb.Commands() {
		c.watch(sub)
	}
}

// verbsOnly is the RunE of a verb that has only verbs below it: it prints the help.
func verbsOnly(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownVerb(cmd, args[0])
	}
	return cmd.Help()
}

func unknownVerb(parent *cobra.Command, name string) error {
	if near := parent.SuggestionsFor(name); len(near) > 0 {
		return cli.Usagef("unknown command %q; did you mean %q?", name, near[0])
	}
	return cli.Usagef("unknown command %q", name)
}

// needs checks the number of arguments, which the error names.
func needs(least, most int, names string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return fmt.Errorf("arguments are missing: %s", names)
		case most >= 0 && len(args) > most:
			return fmt.Errorf("%d arguments are too many: %s", len(args), names)
		}
		return nil
	}
}
