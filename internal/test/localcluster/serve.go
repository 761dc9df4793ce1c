package localcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/tfkeep/tfkeep/tf/cluster"
)

// Member is a task to serve.
type Member struct {
	Cluster *cluster.Spec
	cluster.ServerOptions
	// While is read until it ends, and then Serve returns. It may be nil.
	While io.Reader
	// Ready gets a line when the server is up, such as
	// "serving grpc://127.0.0.1:2222 as /job:ps/task:0".
	Ready io.Writer
}

// Serve serves until ctx is done or While ends. TensorFlow's server continues until the
// process ends, so the caller returns from main.
func Serve(ctx context.Context, m Member) error {
	server, err := cluster.NewServer(m.Cluster, &m.ServerOptions)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(m.Ready, readyLine+"\n", server.Target(), server.Device()); err != nil {
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

const readyLine = "serving %s as %s"

// serving is the environment variable of processes that Start has started.
const serving = "TFKEEP_LOCALCLUSTER"

// Main serves if this process was started by Start, and returns the exit code. Otherwise
// served is false.
func Main() (code int, served bool) {
	if os.Getenv(serving) == "" {
		return 0, false
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	m := Member{While: os.Stdin, Ready: os.NewFile(1, "stdout")}
	var err error
	if m.Cluster, m.Task, err = cluster.FromEnv(); err == nil {
		err = Serve(ctx, m)
	}
	if err != nil {
		fmt.Fprintln(os.NewFile(2, "stderr"), err)
		return 1, true
	}
	return 0, true
}
