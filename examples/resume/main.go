// Resume trains a small model and saves it every 20 steps. When it is started again, it
// continues from the newest intact checkpoint, even if the last one was damaged or the
// folder was moved.
//
//	go run ./examples/resume -dir /tmp/resume -steps 100
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

func main() {
	dir := flag.String("dir", "resume-checkpoints", "folder for the checkpoints")
	steps := flag.Int64("steps", 100, "number of steps to train in this run")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *dir, *steps); err != nil {
		fmt.Fprintln(os.Stderr, "resume:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, dir string, steps int64) (err error) {
	g := tf.NewGraph()
	step, trainOp, err := buildModel(g)
	if err != nil {
		return err
	}
	sv, err := saver.New(g, &saver.Options{MaxToKeep: 3})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sv.Close()) }()
	initialize, err := tf.GlobalVariablesInitializer(g)
	if err != nil {
		return err
	}
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return err
	}
	defer sess.Close()

	resumed, err := sv.Resume(ctx, sess, dir, nil)
	if err != nil {
		return err
	}
	for _, skipped := range resumed.Skipped {
		fmt.Fprintf(out, "skipped %s: %v\n", skipped.Path, skipped.Cause)
	}
	if resumed.Fresh {
		fmt.Fprintln(out, "starting from scratch")
		if err := sess.RunOps(ctx, initialize); err != nil {
			return err
		}
		resumed.Step = 0
	} else {
		fmt.Fprintf(out, "continuing from %s, step %d\n", filepath.Base(resumed.Path), resumed.Step)
	}

	for i := resumed.Step + 1; i <= resumed.Step+steps; i++ {
		if err := sess.RunOps(ctx, trainOp); err != nil {
			return err
		}
		if i%20 != 0 && i != resumed.Step+steps {
			continue
		}
		path, err := sv.Save(ctx, sess, filepath.Join(dir, "model"), &saver.SaveOptions{GlobalStep: saver.Step(step)})
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "saved", filepath.Base(path))
	}
	return nil
}

// buildModel trains one number w towards 3.
func buildModel(g *tf.Graph) (step *tf.Variable, trainOp *tf.Operation, err error) {
	w, err := tf.NewVariable(g, "w", tf.Zeros(), nil)
	if err != nil {
		return nil, nil, err
	}
	three, err := g.AddOp(tf.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": dtype.Float32, "value": scalar(3)}})
	if err != nil {
		return nil, nil, err
	}
	loss, err := g.AddOp(tf.OpSpec{Type: "SquaredDifference", Name: "loss", Input: []tf.Input{w.Value(), three.Output(0)}})
	if err != nil {
		return nil, nil, err
	}
	if step, err = train.GetOrCreateGlobalStep(g); err != nil {
		return nil, nil, err
	}
	trainOp, err = train.Minimize(g, train.NewAdam(0.1), loss.Output(0), &train.MinimizeOptions{GlobalStep: step})
	return step, trainOp, err
}

func scalar(v float32) *tf.Tensor {
	t, err := tf.NewTensor(v)
	if err != nil {
		panic(err) // a float32 is always a valid tensor
	}
	return t
}
