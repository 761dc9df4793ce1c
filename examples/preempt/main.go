// Preempt trains until it is told that its machine is going to be taken away
// (SIGTERM, as cloud providers send it), saves, and ends. It saves behind the
// training loop as well, so that little is lost if the signal never comes.
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

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

func main() {
	dir := flag.String("dir", "preempt-checkpoints", "where the checkpoints go")
	flag.Parse()
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	if err := run(stop, os.Stdout, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "preempt:", err)
		os.Exit(1)
	}
}

// run trains until stop ends.
func run(stop context.Context, out io.Writer, dir string) error {
	ctx := context.Background() // the last save must not be stopped by stop
	g := tf.NewGraph()
	step, err := train.GetOrCreateGlobalStep(g)
	if err != nil {
		return err
	}
	train, err := countUp(g, step)
	if err != nil {
		return err
	}
	keep, err := saver.New(g, nil)
	if err != nil {
		return err
	}
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return err
	}
	defer sess.Close()
	from, err := keep.Resume(ctx, sess, dir, nil)
	if err != nil {
		return err
	}
	if from.Fresh {
		if err := sess.RunOps(ctx, step.Initializer()); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "training")

	model := filepath.Join(dir, "model")
	options := &saver.SaveOptions{GlobalStep: saver.Step(step)}
	every := time.NewTicker(500 * time.Millisecond)
	defer every.Stop()
	for stop.Err() == nil {
		if err := sess.RunOps(ctx, train); err != nil {
			return err
		}
		select {
		case <-every.C:
			// Stops the loop for the snapshot only. An error of the save before
			// this one comes from here.
			if _, err := keep.SaveAsync(ctx, sess, model, options); err != nil {
				return err
			}
		default:
		}
	}
	// Waits for the save that is under way, then makes the last one.
	path, err := keep.Save(ctx, sess, model, options)
	if err == nil {
		fmt.Fprintln(out, "told to stop; saved", filepath.Base(path))
	}
	return errors.Join(err, keep.Close())
}

// countUp stands for a training step.
func countUp(g *tf.Graph, step *tf.Variable) (*tf.Operation, error) {
	one, err := tf.NewTensor(int64(1))
	if err != nil {
		return nil, err
	}
	c, err := g.AddOp(tf.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": tf.Int64, "value": one}})
	if err != nil {
		return nil, err
	}
	return step.AssignAdd(c.Output(0))
}
