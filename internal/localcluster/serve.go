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

// Member is a place in a cluster to serve.
type Member struct {
	Cluster *cluster.Spec
	cluster.ServerOptions
	// While, where it is not nil, is read until it ends, and the serving with it.
	While io.Reader
	// Ready gets a line once the server is up, such as
	// "serving grpc://127.0.0.1:2222 as /job:ps/task:0".
	Ready io.Writer
}

// Serve serves until ctx is over or While ends. What TensorFlow started goes on
// until the process ends: the caller returns from main.
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
			// An error of reading is an end too.
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

// serving marks, in the environment, a process that Start started.
const serving = "TFKEEP_LOCALCLUSTER"

// Main serves, where this process was started by Start to do so, and gives the
// code to exit with. Elsewhere served is false.
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
