package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tfkeep/tfkeep/internal/nearest"
)

// The exit codes.
const (
	ExitOK     = 0
	ExitFailed = 1 // the work failed, or the answer is bad news
	ExitUsage  = 2 // the command line was wrong
)

// ErrBadNews ends a command with ExitFailed whose output already says what is wrong.
var ErrBadNews = errors.New("bad news")

// UsageError is an error in the command line.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

func (e *UsageError) Unwrap() error { return e.Err }

// Usagef returns a UsageError.
func Usagef(format string, args ...any) error {
	return &UsageError{fmt.Errorf(format, args...)}
}

// FlagError returns the UsageError for an error in the flags of a command. It names the
// flags that are like one that the command does not have.
func FlagError(cmd *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || unknown.GetSpecifiedShortnames() != "" {
		return &UsageError{Err: err}
	}
	name := unknown.GetSpecifiedName()
	var names, longer []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		names = append(names, f.Name)
		if strings.HasPrefix(f.Name, name) || strings.HasPrefix(name, f.Name) {
			longer = append(longer, "--"+f.Name)
		}
	})
	const most = 3
	var near []string
	for _, n := range nearest.Names(name, names, most) {
		near = append(near, "--"+n)
	}
	if len(near) == 0 {
		near = longer[:min(most, len(longer))]
	}
	if len(near) == 0 {
		return &UsageError{Err: err}
	}
	return &UsageError{Err: fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))}
}

// SplitList splits a flag's value at commas, and drops white space and empty items.
func SplitList(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// Context returns a context that the first SIGINT or SIGTERM cancels, so that the work
// stops cleanly. A second signal ends the process.
func Context() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
}

// Failure says how a command reports that it failed.
type Failure struct {
	Stderr io.Writer
	// Command is what the user called, for the hint after a usage error: "tfkeep ls".
	Command string
	// Print writes the error. By default it is a line that begins with Command.
	Print func(error)
}

// ExitCode reports err, the result of a command that ran under ctx, and returns the
// exit code for it.
func (f *Failure) ExitCode(ctx context.Context, err error) int {
	report := f.Print
	if report == nil {
		report = func(err error) { fmt.Fprintf(f.Stderr, "%s: %s\n", f.Command, Clean(err.Error())) }
	}
	var usage *UsageError
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, ErrBadNews):
		return ExitFailed
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		report(errors.New("interrupted"))
		return ExitFailed
	case errors.As(err, &usage):
		report(err)
		fmt.Fprintf(f.Stderr, "Run \"%s --help\" for how to use it.\n", f.Command)
		return ExitUsage
	}
	report(err)
	return ExitFailed
}

// Execute runs a command that is a whole program and returns its exit code.
func Execute(ctx context.Context, cmd *cobra.Command, args []string, stdout, stderr io.Writer) int {
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetFlagErrorFunc(FlagError)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	failure := Failure{Stderr: stderr, Command: cmd.Name()}
	return failure.ExitCode(ctx, cmd.ExecuteContext(ctx))
}
