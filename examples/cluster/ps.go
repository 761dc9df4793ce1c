package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tfkeep/tfkeep/tf/cluster"
)

// serve is the whole of a parameter server: TensorFlow holds the variables that the
// workers' graphs put there, and updates them. It ends with ctx. The command
// tfkeep-server does the same.
func (o options) serve(ctx context.Context, out io.Writer) error {
	server, _, err := join(out)
	if err != nil {
		return err
	}
	if err := server.Join(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// join makes this process the part of the cluster that TF_CONFIG says it is.
func join(out io.Writer) (*cluster.Server, *cluster.Spec, error) {
	spec, task, err := cluster.FromEnv()
	if err != nil {
		return nil, nil, err
	}
	server, err := cluster.NewServer(spec, &cluster.ServerOptions{Task: task})
	if err != nil {
		return nil, nil, err
	}
	// Whoever started this process may wait for this line.
	_, err = fmt.Fprintln(out, "serving", server.Target(), "as", server.Device())
	return server, spec, err
}
