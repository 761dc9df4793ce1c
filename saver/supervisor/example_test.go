package supervisor_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
)

// A training in this process that stops after some steps, and goes on when it is
// started again. On a cluster Options.Session has a Target, and nothing else
// changes.
func ExampleRun() {
	dir, err := os.MkdirTemp("", "supervisor")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, last := range []int64{25, 40} {
		if err := trainTo(context.Background(), dir, last); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// begins at step 0
	// saved model-10
	// saved model-20
	// saved model-25
	// begins at step 25
	// saved model-35
	// saved model-40
}

func trainTo(ctx context.Context, dir string, last int64) error {
	g := tf.NewGraph()
	step, err := tf.GetOrCreateGlobalStep(g)
	if err != nil {
		return err
	}
	one, err := g.AddOp(tf.OpSpec{Type: "OnesLike", Input: []tf.Input{step.Value()}})
	if err != nil {
		return err
	}
	train, err := step.AssignAdd(one.Output(0)) // a real one has an optimizer
	if err != nil {
		return err
	}
	s, err := saver.New(g, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	return supervisor.Run(ctx, g, s, &supervisor.Options{
		Dir:       dir,
		SaveSteps: 10,
		OnEvent: func(e supervisor.Event) {
			if e, ok := e.(supervisor.Saved); ok {
				fmt.Println("saved", filepath.Base(e.Path))
			}
		},
	}, func(ctx context.Context, r *supervisor.Running) error {
		fmt.Println("begins at step", r.Step)
		for now := r.Step; now < last; {
			if err := r.Session.RunOps(ctx, train); err != nil {
				return err
			}
			now++
			if err := r.StepDone(ctx, now); err != nil {
				return err
			}
		}
		return nil
	})
}
