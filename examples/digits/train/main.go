// Train builds a network that classifies handwritten digits, trains it and saves
// checkpoints with their meta graph. With -kill-at it kills itself on the way, like a
// power failure.
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
	"github.com/tfkeep/tfkeep/tf"
)

func main() {
	out := flag.String("out", "demo-out", "folder for the results; the checkpoints are in its folder ckpt")
	steps := flag.Int64("steps", 3000, "global step to stop at")
	every := flag.Int64("save-every", 250, "steps between two checkpoints")
	killAt := flag.Int64("kill-at", 0, "global step after which the process kills itself; 0 means never")
	seed := flag.Int64("seed", 1, "seed of the initial weights")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, filepath.Join(*out, "ckpt"), *steps, *every, *killAt, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, steps, every, killAt, seed int64) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	g, err := model.Build(seed)
	if err != nil {
		return err
	}
	sv, err := saver.New(g, nil)
	if err != nil {
		return err
	}
	defer sv.Close()
	initialize, err := tf.GlobalVariablesInitializer(g)
	if err != nil {
		return err
	}
	sess, err := tf.NewSession(g, training.SessionOptions)
	if err != nil {
		return err
	}
	defer sess.Close()
	if err := sess.RunOps(ctx, initialize); err != nil {
		return err
	}

	fmt.Printf("train (process %d): a new model, %d steps, a checkpoint every %d steps\n", os.Getpid(), steps, every)
	progress := training.NewProgress(0, steps)
	_, err = training.Run(ctx, sess, sv, training.Options{
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
	})

	if err != nil {
		return err
	}
	accuracy, err := training.Accuracy(ctx, sess)
	if err != nil {
		return err
	}
	fmt.Printf("train: step %d, accuracy on the test images %.2f %%\n", steps, 100*accuracy)
	return nil
}
