// Resume takes up a training from its newest checkpoint and meta graph. It has no code
// that builds the model: whatever trained it, this program goes on with it. In the end it
// writes the model in the two forms that serving takes, frozen.pb and saved_model/.
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
	out := flag.String("out", "demo-out", "folder with ckpt/; the results go there too")
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
	// Restore(ctx, sess, newest) would do; Resume also passes over a damaged checkpoint
	// and keeps count of the old ones, so that five are kept across the restart.
	resumed, err := sv.Resume(ctx, sess, folder, nil)
	if err != nil {
		return err
	}

	fmt.Printf("resume (process %d): %s restored, goes on at step %d\n", os.Getpid(), resumed.Path, resumed.Step)
	progress := training.NewProgress(resumed.Step, steps)
	last, err := training.Run(ctx, sess, sv, training.Options{Dir: folder, Until: steps, SaveEvery: every, AfterStep: progress.Step})
	if err != nil {
		return err
	}
	if last == "" {
		last = resumed.Path // it had all its steps already
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

// writeFrozen needs no session: it puts the checkpoint's values into the meta graph's
// nodes, file to file.
func writeFrozen(ctx context.Context, checkpoint, path string) error {
	plan, err := freeze.FromCheckpoint(ctx, checkpoint, &freeze.Options{Outputs: []string{"y"}})
	if err != nil {
		return err
	}
	defer plan.Close()
	return plan.WriteFile(ctx, path, nil)
}

// writeSavedModel exports what the session holds, under the tag serve and the signature
// serving_default. A folder that is there already is an earlier run's and gives way.
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
	return savedmodel.SimpleSave(ctx, sess, dir, map[string]tf.Output{"x": x}, map[string]tf.Output{"y": y})
}
