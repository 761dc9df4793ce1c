// Command tfkeep-run runs a signature of a SavedModel, as "saved_model_cli run" does, and
// lists the devices that a session can use. It needs libtensorflow, which tfkeep does
// not; "make run-cli" builds it. docs/savedmodel.md and docs/gpu.md describe its input
// and output.
package main

import (
	"os"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
)

func main() {
	os.Exit(run(cli.Context(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
