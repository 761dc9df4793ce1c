// Resume continues a training from its newest checkpoint and meta graph. It has no code
// that builds the model, so it can continue any training. At the end it writes the model
// in two forms for serving: frozen.pb and saved_model/.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/examples/digits/training"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

func main() {
	out := flag.String("out", "demo-out", "folder with ckpt/, and for the results")
	steps := flag.Int64("steps", 3000, "global step to stop at")
	every := flag.Int64("save-every", 250, "steps between two checkpoints")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *out, *steps, *every); err != nil {
		fmt.Fprintln(os.Stderr, "resume:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string, steps, every int64) error {
	folder := filepath.Join(out, "ckpt")
	newest, err := dir.Latest(ctx, folder, nil)
	if err != nil {
		return err
	}
	g := tf.NewGraph()
	sv, err := saver.ImportMetaGraph(g, newest+".meta", nil)
	if err != nil {
		return err
	}
	defer sv.Close()
	sess, err := tf.NewSession(g, training.SessionOptions)
	if err != nil {
		return err
	}
	defer sess.Close()
	// Restore would be enough. Resume also skips a damaged checkpoint, and counts the
	// older ones, so that five are kept across the restart.
	resumed, err := sv.Resume(ctx, sess, folder, nil)
	if err != nil {
		return err
	}

	fmt.Printf("resume (process %d): restored %s, continuing at step %d\n", os.Getpid(), resumed.Path, resumed.Step)
	progress := training.NewProgress(resumed.Step, steps)
	last, err := training.Run(ctx, sess, sv, training.Options{Dir: folder, Until: steps, SaveEvery: every, AfterStep: progress.Step})
	if err != nil {
		return err
	}
	if last == "" {
		last = resumed.Path // there were no steps left
	}
	accuracy, err := training.Accuracy(ctx, sess)
	if err != nil {
		return err
	}
	fmt.Printf("resume: step %d, accuracy on the test images %.2f %%\n", max(resumed.Step, steps), 100*accuracy)

	if err := writeFrozen(ctx, last, filepath.Join(out, "frozen.pb")); err != nil {
		return err
	}
	return writeSavedModel(ctx, sess, filepath.Join(out, "saved_model"))
}

// writeFrozen writes the graph with the checkpoint's values as constants. It reads and
// writes files and needs no session.
func writeFrozen(ctx context.Context, checkpoint, path string) error {
	plan, err := freeze.FromCheckpoint(ctx, checkpoint, &freeze.Options{Outputs: []string{"y"}})
	if err != nil {
		return err
	}
	defer plan.Close()
	return plan.WriteFile(ctx, path, nil)
}

// writeSavedModel exports the session's model with the tag serve and the signature
// serving_default. It replaces the folder of an earlier run.
func writeSavedModel(ctx context.Context, sess *tf.Session, dir string) error {
	x, err := sess.Graph().OutputByName("x:0")
	if err != nil {
		return err
	}
	y, err := sess.Graph().OutputByName("y:0")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return savedmodel.SimpleSave(ctx, sess, dir, map[string]tf.Output{"x": x}, map[string]tf.Output{"y": y}, nil)
}
