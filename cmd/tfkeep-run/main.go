// Command tfkeep-run runs a signature of a SavedModel, as "saved_model_cli run"
// does, and says which devices there are to run on. It needs libtensorflow, as
// tfkeep does not; "make run-cli" builds it. What it is given and what it prints
// is in docs/savedmodel.md and docs/gpu.md.
package main

import (
	"os"

	"github.com/tfkeep/tfkeep/internal/cli"
)

func main() {
	os.Exit(run(cli.Context(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
