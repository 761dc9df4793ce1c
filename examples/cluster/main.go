// Cluster trains the digits on a cluster of processes: parameter servers that hold the
// variables, and workers that each train on batches of their own. One worker is the
// chief, which also saves. All processes run on this machine:
//
//	go run ./examples/cluster
//
// During the training a parameter server is killed, with the variables that it held, and
// started again. The workers notice, the chief restores the last checkpoint, and the
// training continues. README.md describes the parts, and how to run them on machines of
// their own.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// options are the options of the program, in all of its roles.
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
	flag.StringVar(&o.role, "role", "", "ps or worker: one part of the cluster that TF_CONFIG describes; by default a whole cluster is started here")
	flag.StringVar(&o.dir, "dir", "", "the folder for the checkpoints; by default a temporary one")
	flag.IntVar(&o.ps, "ps", 2, "the number of parameter servers")
	flag.IntVar(&o.workers, "workers", 2, "the number of workers")
	flag.Int64Var(&o.steps, "steps", 1500, "the global step to train to")
	flag.BoolVar(&o.kill, "kill", true, "kill a parameter server after the first checkpoint")
	flag.BoolVar(&o.whileStdin, "while-stdin", false, "end when standard input ends, so that no part outlives the launcher")
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
	return fmt.Errorf("there is no role %q: the roles are ps and worker", o.role)
}
