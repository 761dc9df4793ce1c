package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/ui"
)

// The exit codes.
const (
	exitGood  = 0
	exitBad   = 1 // the answer is bad news, or the work failed
	exitUsage = 2
)

// errBadNews ends a command whose output has already said what is wrong.
var errBadNews = errors.New("bad news")

// usageError is a wrong command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run is the whole command: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := &command{Console: ui.NewConsole(stdout, stderr, os.Getenv)}
	root := c.root()
	root.SetArgs(joinBooleans(args))
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitGood
	case errors.Is(err, errBadNews):
		return exitBad
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		c.Error("tfkeep:", errors.New("interrupted"))
		return exitBad
	case errors.As(err, &usage) || !c.ran:
		c.Error("tfkeep:", err)
		fmt.Fprintf(stderr, "Run \"%s --help\" for how to use it.\n", c.using)
		return exitUsage
	}
	c.Error("tfkeep:", err)
	return exitBad
}

// command is what the verbs share.
type command struct {
	*ui.Console
	ran   bool   // a verb's own code was reached: errors are no longer about usage
	using string // the verb in use, for the hint behind a usage error
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
		Short: "Look into TensorFlow's checkpoints, graphs and SavedModels",
		Long: `tfkeep looks into TensorFlow's files and changes them, without TensorFlow.

CKPT is a checkpoint by any of its names: the prefix that Saver.save returned, a
file of it, a V1 file or pattern, a directory (its newest checkpoint), or a
SavedModel's directory (its variables).

It ends with 0 when all is well, 1 when the answer is bad news or the work
failed, and 2 when the command line was wrong.`,
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
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		c.using = cmd.CommandPath()
		return usageError{err}
	})
	root.AddCommand(c.ls(), c.cat(), c.stats(), c.verify(), c.latest(), c.diff(), c.convert(), c.objects(), c.freeze(), c.savedModel(), c.show(), c.graph(), c.version())
	for _, verb := range root.Commands() {
		c.watch(verb)
	}
	return root
}

// watch notes when a verb's command line was good and its work began.
func (c *command) watch(verb *cobra.Command) {
	check, work := verb.Args, verb.RunE
	verb.Args = func(cmd *cobra.Command, args []string) error {
		c.using = cmd.CommandPath()
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
	if work != nil {
		verb.RunE = func(cmd *cobra.Command, args []string) error {
			c.ran = true
			return work(cmd, args)
		}
	}
	for _, sub := range verb.Commands() {
		c.watch(sub)
	}
}

func unknownVerb(root *cobra.Command, name string) error {
	err := fmt.Errorf("unknown command %q", name)
	if near := root.SuggestionsFor(name); len(near) > 0 {
		err = fmt.Errorf("%w; did you mean %q?", err, near[0])
	}
	return usageError{err}
}

// needs checks the number of arguments and says which are missing.
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
