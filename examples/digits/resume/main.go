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

	"github.com/tfkeep/tfkeep/examples/digits/training"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

func main() {
	out := flag.String("out", "demo-out", "folder with ckpt/; the results go there too")
	steps := flag.Int64("steps", 3000, "global step to stop at")
	every := flag.Int64("save-every", 250, "steps between two checkpoints")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out, *steps, *every); err != nil {
		fmt.Fprintln(os.Stderr, "resume:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string, steps, every int64) error {
	dir := filepath.Join(out, "ckpt")
	path, err := saver.LatestCheckpoint(dir)
	if err != nil {
		return err
	}
	g := tf.NewGraph()
	sv, err := saver.ImportMetaGraph(g, path+".meta", nil)
	if err != nil {
		return err
	}
	defer sv.Close()
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return err
	}
	defer sess.Close()
	if err := sv.Restore(ctx, sess, path); err != nil {
		return err
	}
	from, err := training.GlobalStep(ctx, sess)
	if err != nil {
		return err
	}

	fmt.Printf("resume (process %d): %s restored, goes on at step %d\n", os.Getpid(), path, from)
	progress := training.NewProgress(from, steps)
	last, err := training.Run(ctx, sess, sv, training.Options{Dir: dir, Until: steps, SaveEvery: every, AfterStep: progress.Step})
	if err != nil {
		return err
	}
	if last == "" {
		last = path // it had all its steps already
	}
	accuracy, err := training.Accuracy(ctx, sess)
	if err != nil {
		return err
	}
	fmt.Printf("resume: step %d, accuracy on the test images %.2f %%\n", max(from, steps), 100*accuracy)

	return writeFrozen(ctx, last, filepath.Join(out, "frozen.pb"))
}

// writeFrozen needs no session: it puts the checkpoint's values into the meta graph's
// nodes, file to file.
func writeFrozen(ctx context.Context, checkpoint, path string) error {
	plan, err := freeze.FromCheckpoint(checkpoint, &freeze.Options{Outputs: []string{"y"}})
	if err != nil {
		return err
	}
	defer plan.Close()
	_, err = plan.WriteFile(ctx, path, nil)
	return err
}
