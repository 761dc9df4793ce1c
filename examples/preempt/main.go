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
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

func main() {
	dir := flag.String("dir", "preempt-checkpoints", "folder for the checkpoints")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Stdout, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "preempt:", err)
		os.Exit(1)
	}
}

// run trains until ctx is done.
func run(ctx context.Context, out io.Writer, dir string) (err error) {
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
	err = supervisor.Run(ctx, g, sv, &supervisor.Options{
		Dir:          dir,
		SaveInterval: 500 * time.Millisecond,
		SaveAsync:    true,
		GracePeriod:  20 * time.Second, // less than the time until the machine is gone
	}, func(ctx context.Context, r *supervisor.Running) error {
		fmt.Fprintln(out, "training")
		for now := r.Step; !r.ShouldStop(); {
			if err := r.Session.RunOps(ctx, trainOp); err != nil {
				return err
			}
			now++
			if err := r.StepDone(ctx, now); err != nil {
				return err
			}
		}
		return nil
	})
	var stopped *supervisor.StoppedError
	if errors.As(err, &stopped) && stopped.Path != "" {
		fmt.Fprintln(out, "stopping; saved", filepath.Base(stopped.Path))
		return nil
	}
	return err
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
