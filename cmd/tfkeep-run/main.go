// Command tfkeep-run runs a signature of a SavedModel, as "saved_model_cli run"
// does, and says which devices there are to run on. It needs libtensorflow, as
// tfkeep does not; "make run-cli" builds it. What it is given and what it prints
// is in docs/savedmodel.md and docs/gpu.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// The first signal lets the run stop cleanly; a second one kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
