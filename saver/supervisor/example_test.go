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
	"github.com/tfkeep/tfkeep/tf/cluster"
	"github.com/tfkeep/tfkeep/tf/train"
)

// A training in this process stops after some steps and continues when it is started
// again. On a cluster, Options.Session has a Target; nothing else changes.
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
	// starts at step 0
	// saved model-10
	// saved model-20
	// saved model-25
	// starts at step 25
	// saved model-35
	// saved model-40
}

func trainTo(ctx context.Context, dir string, last int64) error {
	g := tf.NewGraph()
	step, err := train.GetOrCreateGlobalStep(g)
	if err != nil {
		return err
	}
	one, err := g.AddOp(tf.OpSpec{Type: "OnesLike", Input: []tf.Input{step.Value()}})
	if err != nil {
		return err
	}
	train, err := step.AssignAdd(one.Output(0)) // a real training has an optimizer
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
			if e.Kind == supervisor.Saved {
				fmt.Println("saved", filepath.Base(e.Path))
			}
		},
	}, func(ctx context.Context, r *supervisor.Running) error {
		fmt.Println("starts at step", r.Step)
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

// A worker of a cluster: task 0 is the chief.
func ExampleRun_cluster() {
	var (
		ctx        = context.Background()
		g          *tf.Graph // with its variables on /job:ps
		s          *saver.Saver
		train      *tf.Operation
		globalStep tf.Output
		spec       *cluster.Spec
		task       = 0
	)
	server, err := cluster.NewServer(spec, &cluster.ServerOptions{Task: cluster.Task{Job: "worker", Index: task}})
	if err != nil {
		log.Fatal(err)
	}
	err = supervisor.Run(ctx, g, s, &supervisor.Options{
		Session: &tf.SessionOptions{
			Target:        server.Target(),
			DeviceFilters: []string{"/job:ps", server.Device()},
		},
		Cluster:   spec,
		Worker:    task != 0,
		Dir:       "/shared/checkpoints",
		SaveSteps: 1000,
		OnEvent:   func(e supervisor.Event) { log.Print(e) },
	}, func(ctx context.Context, r *supervisor.Running) error {
		for step := r.Step; step < 100_000; {
			out, err := r.Session.Run(ctx, nil, []tf.Output{globalStep}, []*tf.Operation{train}, nil)
			if err != nil {
				return err
			}
			step = out[0].Value().(int64)
			tf.Release(out...)
			if err := r.StepDone(ctx, step); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
}
