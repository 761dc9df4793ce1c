package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tfkeep/tfkeep/internal/argcheck"
)

// Member is a process that is a member of a cluster and does nothing else, such as a
// parameter server.
type Member struct {
	Cluster *Spec
	ServerOptions
	// While is read until it ends, and then Serve returns. It may be nil.
	While io.Reader
	// Ready gets a line when the server is up, such as
	// "serving grpc://127.0.0.1:2222 as /job:ps/task:0".
	Ready io.Writer
}

// Serve makes this process the member m of a cluster. It returns when ctx is done or While
// ends. TensorFlow's server continues until the process ends, so the caller returns from
// main.
func Serve(ctx context.Context, m Member) error {
	if err := argcheck.Context(ctx, "serve", ""); err != nil {
		return err
	}
	if m.Ready == nil {
		return argcheck.Nil("serve", "", "writer Ready")
	}
	server, err := NewServer(m.Cluster, &m.ServerOptions)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(m.Ready, "serving %s as %s\n", server.Target(), server.Device()); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if m.While != nil {
		go func() {
			// A read error is an end too.
			_, _ = io.Copy(io.Discard, m.While)
			stop()
		}()
	}
	if err := server.Join(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
