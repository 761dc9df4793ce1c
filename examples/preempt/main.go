// Preempt trains until it gets SIGTERM, which cloud providers send before they take a
// machine away. Then it saves and exits. It also saves in the background while it
// trains, so that little is lost if the signal never comes.
//
//	go run ./examples/preempt -dir /tmp/preempt
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

func main() {
	dir := flag.String("dir", "preempt-checkpoints", "folder for the checkpoints")
	flag.Parse()
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	if err := run(stop, os.Stdout, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "preempt:", err)
		os.Exit(1)
	}
}

// run trains until stop is done.
func run(stop context.Context, out io.Writer, dir string) (err error) {
	ctx := context.Background() // the last save must finish after stop is done
	g := tf.NewGraph()
	step, err := train.GetOrCreateGlobalStep(g)
	if err != nil {
		return err
	}
	trainOp, err := countUp(g, step)
	if err != nil {
		return err
	}
	sv, err := saver.New(g, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sv.Close()) }()
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return err
	}
	defer sess.Close()
	resumed, err := sv.Resume(ctx, sess, dir, nil)
	if err != nil {
		return err
	}
	if resumed.Fresh {
		if err := sess.RunOps(ctx, step.Initializer()); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "training")

	model := filepath.Join(dir, "model")
	options := &saver.SaveOptions{GlobalStep: saver.Step(step)}
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for stop.Err() == nil {
		if err := sess.RunOps(ctx, trainOp); err != nil {
			return err
		}
		select {
		case <-ticker.C:
			// SaveAsync stops the loop only while it takes a snapshot. It returns
			// the error of the previous save.
			if _, err := sv.SaveAsync(ctx, sess, model, options); err != nil {
				return err
			}
		default:
		}
	}
	// Save first waits for the save that is under way.
	path, err := sv.Save(ctx, sess, model, options)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "stopping; saved", filepath.Base(path))
	return nil
}

// countUp returns an operation that adds one to step, in place of a real training step.
func countUp(g *tf.Graph, step *tf.Variable) (*tf.Operation, error) {
	one, err := tf.NewTensor(int64(1))
	if err != nil {
		return nil, err
	}
	c, err := g.AddOp(tf.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": dtype.Int64, "value": one}})
	if err != nil {
		return nil, err
	}
	return step.AssignAdd(c.Output(0))
}
