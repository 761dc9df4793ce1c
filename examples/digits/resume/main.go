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
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
)

func main() {
	out := flag.String("out", "demo-out", "folder with ckpt/, and for the results")
	steps := flag.Int64("steps", 3000, "global step to stop at")
	every := flag.Int64("save-every", 250, "steps between two checkpoints")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
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
	sv, err := saver.ImportMetaGraph(ctx, g, newest+".meta", nil)
	if err != nil {
		return err
	}
	defer sv.Close()
	var progress *training.Progress
	o := training.Options{Dir: folder, Until: steps, SaveEvery: every, AfterStep: func(step int64, loss float32) { progress.Step(step, loss) }}
	begin := func(_ context.Context, r *supervisor.Running) error {
		fmt.Printf("resume (process %d): restored %s, continuing at step %d\n", os.Getpid(), r.Resumed.Path, r.Step)
		progress = training.NewProgress(r.Step, steps)
		return nil
	}
	end := func(ctx context.Context, r *supervisor.Running) error {
		accuracy, err := training.Accuracy(ctx, r.Session)
		if err != nil {
			return err
		}
		fmt.Printf("resume: step %d, accuracy on the test images %.2f %%\n", max(r.Step, steps), 100*accuracy)
		return writeSavedModel(ctx, r.Session, filepath.Join(out, "saved_model"))
	}
	last, err := training.Supervise(ctx, g, sv, o, begin, end)
	if err != nil {
		return training.Stopped("resume", err)
	}
	return writeFrozen(ctx, last, filepath.Join(out, "frozen.pb"))
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
