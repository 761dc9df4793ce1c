// Command tfkeep inspects and changes TensorFlow's files: checkpoints of both formats,
// graphs and SavedModels. It is one static binary that needs neither Python nor
// TensorFlow.
//
// "tfkeep help" lists what it can do; docs/cli.md shows it.
package main

import (
	"os"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command"
)

func main() {
	os.Exit(command.Run(cli.Context(), os.Args[1:], os.Stdout, os.Stderr))
}
