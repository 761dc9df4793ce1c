// Command tfkeep looks into TensorFlow's files and changes them: checkpoints of
// both formats, graphs and SavedModels. It is one static binary that needs
// neither Python nor TensorFlow.
//
// "tfkeep help" lists what it can do; docs/cli.md shows it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// The first signal lets the work stop cleanly; a second one kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
