package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"

	"github.com/tfkeep/tfkeep/internal/test/localcluster"
)

func main() {
	if code, served := localcluster.Main(); served { // a server of a measured cluster
		os.Exit(code)
	}
	interpreter := flag.String("python", ".venv/bin/python", "Python with TensorFlow")
	only := flag.String("run", "", "run only the pairs whose names match this regular expression")
	rounds := flag.Int("rounds", 5, "number of measured rounds of each pair")
	check := flag.Bool("check", false, "exit with status 1 if a goal is missed")
	task := flag.String("task", "", "run one of the measured tasks; used by the benchmarks themselves")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *task != "" {
		err = runTask(ctx, *task, flag.Args())
	} else {
		err = compare(ctx, *interpreter, *only, *rounds, *check)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func runTask(ctx context.Context, name string, args []string) error {
	f, ok := tasks[name]
	if !ok {
		return fmt.Errorf("no task %q", name)
	}
	return f(ctx, args)
}

func compare(ctx context.Context, interpreter, only string, rounds int, check bool) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	e := &Env{Bin: filepath.Dir(self), Python: interpreter}
	defer func() {
		if e.shared != nil {
			_ = e.shared.Close()
		}
	}()
	var outcomes []Outcome
	missed := 0
	for _, p := range pairs {
		if !wanted.MatchString(p.Name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s …\n", p.Name)
		o, err := runIn(ctx, e, p, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if o.Missed() {
			missed++
		}
		outcomes = append(outcomes, o)
	}
	if len(outcomes) == 0 {
		return fmt.Errorf("no pair has a name that matches %q", only)
	}
	if err := report(os.Stdout, outcomes); err != nil {
		return err
	}
	if check && missed > 0 {
		return fmt.Errorf("%d goals are missed", missed)
	}
	return nil
}

// runIn runs a pair in a new folder and removes it afterwards.
func runIn(ctx context.Context, e *Env, p Pair, rounds int) (o Outcome, err error) {
	if e.Dir, err = os.MkdirTemp("", "tfkeep-bench-"); err != nil {
		return o, err
	}
	defer func() {
		e.done()
		err = errors.Join(err, os.RemoveAll(e.Dir))
	}()
	return run(ctx, e, p, rounds)
}
