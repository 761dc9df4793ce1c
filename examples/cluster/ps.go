package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tfkeep/tfkeep/tf/cluster"
)

// serve is a complete parameter server: TensorFlow holds the variables that the workers'
// graphs place there, and updates them. It ends with ctx. The command tfkeep-server does
// the same.
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

// join makes this process the member of the cluster that TF_CONFIG names.
func join(out io.Writer) (*cluster.Server, *cluster.Spec, error) {
	spec, task, err := cluster.FromEnv()
	if err != nil {
		return nil, nil, err
	}
	server, err := cluster.NewServer(spec, &cluster.ServerOptions{Task: task})
	if err != nil {
		return nil, nil, err
	}
	// The launcher waits for this line.
	_, err = fmt.Fprintln(out, "serving", server.Target(), "as", server.Device())
	return server, spec, err
}
