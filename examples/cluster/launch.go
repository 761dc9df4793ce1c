package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// launch runs a whole cluster on this machine, with a process for each part.
func (o options) launch(ctx context.Context, out io.Writer) error {
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "tfkeep-cluster-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		o.dir = dir
	}
	jobs, err := freeAddresses(map[string]int{"ps": o.ps, "worker": o.workers})
	if err != nil {
		return err
	}
	l := &launcher{options: o, jobs: jobs, out: &printer{to: out}, parts: make(map[cluster.Task]*part)}
	defer l.stop()
	for _, job := range []string{"ps", "worker"} {
		for i := range jobs[job] {
			if err := l.start(ctx, cluster.Task{Job: job, Index: i}); err != nil {
				return err
			}
		}
	}
	spec, err := cluster.NewSpec(jobs)
	if err != nil {
		return err
	}
	l.out.print("the cluster is " + spec.String())

	if o.kill {
		if err := l.killAndRestart(ctx, cluster.Task{Job: "ps", Index: o.ps - 1}); err != nil {
			return err
		}
	}
	for i := range o.workers {
		if err := l.parts[cluster.Task{Job: "worker", Index: i}].wait(ctx); err != nil {
			return fmt.Errorf("worker %d: %w", i, err)
		}
	}
	return nil
}

// launcher starts and stops the parts of a cluster, as a scheduler would.
type launcher struct {
	options
	jobs  map[string][]string
	out   *printer
	parts map[cluster.Task]*part
}

// start starts a part, and waits until it serves.
func (l *launcher) start(ctx context.Context, task cluster.Task) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "-while-stdin", "-role", task.Job, "-dir", l.dir, "-steps", strconv.FormatInt(l.steps, 10))
	config, err := tfConfig(l.jobs, task)
	if err != nil {
		return err
	}
	cmd.Env = append(os.Environ(), "TF_CPP_MIN_LOG_LEVEL=2", "TF_CONFIG="+config)
	cmd.Stderr = &sayings{out: l.out}
	p, err := startPart(cmd)
	if err != nil {
		return err
	}
	l.parts[task] = p
	if err := p.waitServing(ctx); err != nil {
		return fmt.Errorf("%s: %w", task, err)
	}
	return nil
}

// stop ends all parts.
func (l *launcher) stop() {
	for _, p := range l.parts {
		p.stdin.Close()
	}
	for _, p := range l.parts {
		p.end()
	}
}

// killAndRestart kills a parameter server after the first checkpoint, and starts it
// again, as a scheduler would.
func (l *launcher) killAndRestart(ctx context.Context, task cluster.Task) error {
	if err := waitForCheckpoint(ctx, l.dir); err != nil {
		return err
	}
	l.out.print(fmt.Sprintf("killing %s %d", task.Job, task.Index))
	l.parts[task].kill()
	if err := l.start(ctx, task); err != nil {
		return err
	}
	l.out.print(fmt.Sprintf("%s %d is back, without its variables", task.Job, task.Index))
	return nil
}

func waitForCheckpoint(ctx context.Context, folder string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := dir.Latest(ctx, folder, nil); !errors.Is(err, tfkeep.ErrNotFound) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
