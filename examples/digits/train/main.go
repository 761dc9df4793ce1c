// Train builds a network that classifies handwritten digits, trains it and saves
// checkpoints with their meta graph. If there are checkpoints already, it continues from the
// newest one. At SIGTERM, such as that of "docker stop", it saves and ends. With -kill-at it
// kills itself on the way, like a power failure.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/tfkeep/tfkeep/examples/digits/model"
	"github.com/tfkeep/tfkeep/examples/digits/training"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
)

func main() {
	out := flag.String("out", "demo-out", "folder for the results; the checkpoints are in its folder ckpt")
	steps := flag.Int64("steps", 3000, "global step to stop at")
	every := flag.Int64("save-every", 250, "steps between two checkpoints")
	killAt := flag.Int64("kill-at", 0, "global step after which the process kills itself; 0 means never")
	seed := flag.Int64("seed", 1, "seed of the initial weights")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, filepath.Join(*out, "ckpt"), *steps, *every, *killAt, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, steps, every, killAt, seed int64) error {
	g, err := model.Build(seed)
	if err != nil {
		return err
	}
	sv, err := saver.New(g, nil)
	if err != nil {
		return err
	}
	defer sv.Close()
	var progress *training.Progress
	o := training.Options{
		Dir:       dir,
		Until:     steps,
		SaveEvery: every,
		AfterStep: func(step int64, loss float32) {
			progress.Step(step, loss)
			if step == killAt {
				fmt.Printf("\ntrain: step %d, kill -9 %d\n", step, os.Getpid())
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		},
	}
	begin := func(_ context.Context, r *supervisor.Running) error {
		what := "a new model"
		if !r.Fresh {
			what = fmt.Sprintf("restored %s, continuing at step %d", r.Resumed.Path, r.Step)
		}
		fmt.Printf("train (process %d): %s, %d steps, a checkpoint every %d steps\n", os.Getpid(), what, steps, every)
		progress = training.NewProgress(r.Step, steps)
		return nil
	}
	end := func(ctx context.Context, r *supervisor.Running) error {
		accuracy, err := training.Accuracy(ctx, r.Session)
		if err != nil {
			return err
		}
		fmt.Printf("train: step %d, accuracy on the test images %.2f %%\n", max(r.Step, steps), 100*accuracy)
		return nil
	}
	_, err = training.Supervise(ctx, g, sv, o, begin, end)
	return training.Stopped("train", err)
}
