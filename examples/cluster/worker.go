package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/examples/digits/model"
	"github.com/tfkeep/tfkeep/examples/digits/training"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
	"github.com/tfkeep/tfkeep/tf/train"
)

const (
	batchSize = 32
	saveEvery = 250
)

// chief is the worker that initializes, restores and saves.
const chief = "/job:worker/task:0"

// work trains together with the other workers until the global step is o.steps.
func (o options) work(ctx context.Context, out io.Writer) error {
	server, spec, err := join(out)
	if err != nil {
		return err
	}
	me := server.Device()

	// Every worker builds the same graph. The variables are on the parameter servers in
	// turn, so all workers share them; the other nodes are here.
	g := tf.NewGraph()
	place, err := cluster.ReplicaDeviceSetter(spec, &cluster.ReplicaOptions{WorkerDevice: me})
	if err != nil {
		return err
	}
	if err := g.WithDeviceFunc(place, func() error { return model.BuildIn(g, 1) }); err != nil {
		return err
	}
	sv, err := saver.New(g, nil)
	if err != nil {
		return err
	}
	defer sv.Close()

	return supervisor.Run(ctx, g, sv, &supervisor.Options{
		Session: &tf.SessionOptions{
			Target: server.Target(),
			// No worker needs the others: a lost worker stops nobody.
			DeviceFilters: []string{"/job:ps", me},
		},
		Cluster:          spec,
		Worker:           me != chief,
		Dir:              o.dir,
		SaveSteps:        saveEvery,
		OperationTimeout: 10 * time.Second,
		RecoveryTimeout:  time.Minute,
		OnEvent:          func(e supervisor.Event) { say(me, e.String()) },
	}, func(ctx context.Context, r *supervisor.Running) error { return o.train(ctx, r, me) })
}

// train is called again after each loss, with a session in which the model is ready.
func (o options) train(ctx context.Context, r *supervisor.Running, me string) error {
	g := r.Session.Graph()
	images, _, err := dataset.Load()
	if err != nil {
		return err
	}
	globalStep, err := train.FindGlobalStep(g)
	if err != nil {
		return err
	}
	step, err := training.NewStep(r.Session)
	if err != nil {
		return err
	}
	defer step.Close()
	count, err := r.Session.MakeCallable(nil, []tf.Output{globalStep.Value()}, nil, nil)
	if err != nil {
		return err
	}
	defer count.Close()

	for done := r.Step; done < o.steps; {
		// The global step counts the steps of all workers. As the workers choose their
		// batches by it, they rarely train on the same one.
		if _, err := step.Run(ctx, images.Batch(int(done), batchSize)); err != nil {
			return err
		}
		if done, err = number(ctx, count); err != nil {
			return err
		}
		if err := r.StepDone(ctx, done); err != nil {
			return err
		}
	}
	if me != chief {
		return nil
	}
	accuracy, err := training.Accuracy(ctx, r.Session)
	if err == nil {
		say(me, fmt.Sprintf("accuracy %.4f", accuracy))
	}
	return err
}

// number reads a counter.
func number(ctx context.Context, read *tf.Callable) (int64, error) {
	out, err := read.Run(ctx)
	if err != nil {
		return 0, err
	}
	defer tf.Release(out...)
	return out[0].Value().(int64), nil
}

// mark begins the lines that say writes.
const mark = "| "

// say prints what happens, on standard error: the launcher reads standard output only up
// to the line that the server is up.
func say(who, what string) {
	fmt.Fprintln(os.Stderr, mark+strings.TrimPrefix(who, "/job:")+": "+what)
}
