// Cluster trains the digits on a cluster of processes: parameter servers that hold
// the variables, and workers that each train on batches of their own. One worker is
// the chief, who also saves. It all runs on this machine:
//
//	go run ./examples/cluster
//
// In the middle of it a parameter server is killed, with what it held, and started
// again; the workers notice, the chief restores the last checkpoint, and they go on.
// README.md says which part does what, and how to run the parts on machines of their
// own.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/localcluster"
	"github.com/tfkeep/tfkeep/saver"
)

// options are those of the program, in all of its roles.
type options struct {
	role        string
	dir         string
	ps, workers int
	steps       int64
	kill        bool
	whileStdin  bool
}

func main() {
	var o options
	flag.StringVar(&o.role, "role", "", "ps or worker, a part of a cluster that TF_CONFIG describes; nothing starts a whole cluster here")
	flag.StringVar(&o.dir, "dir", "", "where the checkpoints go; a temporary folder if not given")
	flag.IntVar(&o.ps, "ps", 2, "how many parameter servers")
	flag.IntVar(&o.workers, "workers", 2, "how many workers")
	flag.Int64Var(&o.steps, "steps", 1500, "the global step to train to")
	flag.BoolVar(&o.kill, "kill", true, "kill a parameter server once the first checkpoint is there")
	flag.BoolVar(&o.whileStdin, "while-stdin", false, "end when standard input does, so that no part outlives the whole")
	flag.Parse()
	// The first signal lets everything stop cleanly; a second one kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := o.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func (o options) run(ctx context.Context, out io.Writer) error {
	if o.whileStdin {
		inner, stop := context.WithCancel(ctx)
		defer stop()
		ctx = inner
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // an error is an end too
			stop()
		}()
	}
	switch o.role {
	case "":
		return o.launch(ctx, out)
	case "ps":
		return o.serve(ctx, out)
	case "worker":
		return o.work(ctx, out)
	}
	return fmt.Errorf("there is no role %q: ps and worker are those of a cluster's parts", o.role)
}

// launch runs a whole cluster here, with a process for each of its parts.
func (o options) launch(ctx context.Context, out io.Writer) error {
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "tfkeep-cluster-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cluster, err := localcluster.Start(ctx, localcluster.Options{
		Jobs: map[string]int{"ps": o.ps, "worker": o.workers},
		Command: func(job string, _ int) *exec.Cmd {
			return exec.Command(self, "-while-stdin", "-role", job, "-dir", o.dir, "-steps", strconv.FormatInt(o.steps, 10))
		},
		Log: said{out},
	})
	if err != nil {
		return err
	}
	defer cluster.Stop()
	fmt.Fprintln(out, "the cluster is", cluster.Spec())

	if o.kill {
		if err := o.accident(ctx, out, cluster); err != nil {
			return err
		}
	}
	for i := range o.workers {
		if err := cluster.Wait(ctx, "worker", i); err != nil {
			return fmt.Errorf("worker %d: %w", i, err)
		}
	}
	return nil
}

// said hands on the lines of say, and not those of TensorFlow.
type said struct{ to io.Writer }

func (s said) Write(line []byte) (int, error) {
	if own, ok := bytes.CutPrefix(line, []byte(mark)); ok {
		if _, err := s.to.Write(own); err != nil {
			return 0, err
		}
	}
	return len(line), nil
}

// accident kills a parameter server in the middle of the training, and starts it
// again, as a supervisor of processes would.
func (o options) accident(ctx context.Context, out io.Writer, cluster *localcluster.Cluster) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := saver.LatestCheckpoint(ctx, o.dir)
		if err == nil {
			break
		}
		if !errors.Is(err, tfkeep.ErrNotFound) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	last := o.ps - 1
	fmt.Fprintf(out, "killing ps %d\n", last)
	if err := cluster.Kill("ps", last); err != nil {
		return err
	}
	if err := cluster.Restart(ctx, "ps", last); err != nil {
		return err
	}
	fmt.Fprintf(out, "ps %d is back, without its variables\n", last)
	return nil
}
