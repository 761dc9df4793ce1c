// Resume trains a small model and saves it every so often. Started again, it
// goes on where it was: from the newest checkpoint that is whole, even if the
// last one was damaged or the directory was moved.
//
//	go run ./examples/resume -dir /tmp/resume -steps 100
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

func main() {
	dir := flag.String("dir", "resume-checkpoints", "where the checkpoints go")
	steps := flag.Int64("steps", 100, "how many steps to train in this run")
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
	keep, err := saver.New(g, &saver.Options{MaxToKeep: 3})
	if err != nil {
		return err
	}
	initialize, err := tf.GlobalVariablesInitializer(g)
	if err != nil {
		return err
	}
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return err
	}
	defer sess.Close()
	defer func() {
		if closeErr := keep.Close(); err == nil {
			err = closeErr
		}
	}()

	from, err := keep.Resume(ctx, sess, dir, nil)
	if err != nil {
		return err
	}
	for _, skipped := range from.Skipped {
		fmt.Fprintf(out, "skipped %s: %v\n", skipped.Path, skipped.Err)
	}
	if from.Fresh {
		fmt.Fprintln(out, "a fresh start")
		if err := sess.RunOps(ctx, initialize); err != nil {
			return err
		}
		from.Step = 0
	} else {
		fmt.Fprintf(out, "going on from %s, step %d\n", filepath.Base(from.Path), from.Step)
	}

	for i := from.Step + 1; i <= from.Step+steps; i++ {
		if err := sess.RunOps(ctx, trainOp); err != nil {
			return err
		}
		if i%20 != 0 && i != from.Step+steps {
			continue
		}
		path, err := keep.Save(ctx, sess, filepath.Join(dir, "model"), &saver.SaveOptions{GlobalStep: saver.Step(step)})
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "saved", filepath.Base(path))
	}
	return nil
}

// buildModel fits y = 3x by gradient descent on one number.
func buildModel(g *tf.Graph) (step *tf.Variable, trainOp *tf.Operation, err error) {
	w, err := tf.NewVariable(g, "w", tf.Zeros())
	if err != nil {
		return nil, nil, err
	}
	three, err := g.AddOp(tf.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": tf.Float, "value": scalar(3)}})
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
		panic(err) // a float32 always is a tensor
	}
	return t
}
