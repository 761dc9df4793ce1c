package localcluster

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/tfkeep/tfkeep/tf/cluster"
)

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
	m := cluster.Member{While: os.Stdin, Ready: os.NewFile(1, "stdout")}
	var err error
	if m.Cluster, m.Task, err = cluster.FromEnv(); err == nil {
		err = cluster.Serve(ctx, m)
	}
	if err != nil {
		fmt.Fprintln(os.NewFile(2, "stderr"), err)
		return 1, true
	}
	return 0, true
}
