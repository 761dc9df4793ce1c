// Quickstart trains one variable and saves it. When it is started again, it continues.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

func main() {
	if err := run(context.Background(), "checkpoints"); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	// A model with one variable: the loss is (w - 3)².
	g := tf.NewGraph()
	w, err := tf.NewVariable(g, "w", tf.Zeros(), nil)
	if err != nil {
		return err
	}
	s := g.Scope().Sub("loss")
	loss := op.SquaredDifference(s, w.Value(), op.Const(s, float32(3)))
	step, err := train.GetOrCreateGlobalStep(g)
	if err != nil {
		return err
	}
	trainOp, err := train.Minimize(g, train.NewAdam(0.05), loss, &train.MinimizeOptions{GlobalStep: step})
	if err != nil {
		return err
	}
	initialize, err := tf.GlobalVariablesInitializer(g)
	if err != nil {
		return err
	}

	sv, err := saver.New(g, nil) // saves all variables
	if err != nil {
		return err
	}
	defer sv.Close()
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return err
	}
	defer sess.Close()

	// Continue from the newest checkpoint, or start from scratch.
	resumed, err := sv.Resume(ctx, sess, dir, nil)
	if err != nil {
		return err
	}
	if resumed.Fresh {
		if err := sess.RunOps(ctx, initialize); err != nil {
			return err
		}
	}
	for range 50 {
		if err := sess.RunOps(ctx, trainOp); err != nil {
			return err
		}
	}

	out, err := sess.Run(ctx, nil, []tf.Output{w.Value()}, nil, nil)
	if err != nil {
		return err
	}
	defer tf.Release(out...)
	path, err := sv.Save(ctx, sess, dir+"/model", &saver.SaveOptions{GlobalStep: saver.Step(step)})
	if err != nil {
		return err
	}
	fmt.Printf("w = %.2f, saved %s\n", out[0].Value(), path)
	return nil
}
