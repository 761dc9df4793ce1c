package command

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/cmd/tfkeep/internal/command/ui"
)

func (c *command) latest() *cobra.Command {
	var verified, asJSON bool
	var stateName string
	cmd := &cobra.Command{
		Use:   "latest DIR",
		Short: "Print the newest checkpoint of a directory",
		Long: `Print the prefix of the newest checkpoint that a directory's state file names. The
directory may have been moved. A damaged state file is an error. With --verified the
checkpoints are read, and a damaged state file and damaged or incomplete checkpoints
are skipped and reported.

Characters of the prefix that a terminal would not print, such as line breaks, are printed
as escapes; --json has them in a form that programs can read.`,
		Example: `  tfkeep latest train/
  tfkeep ls "$(tfkeep latest --verified train/)"`,
		Args: needs(1, 1, "DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if fi, err := os.Stat(args[0]); err == nil && !fi.IsDir() {
				return fmt.Errorf("%s is a file; name the directory that it is in", args[0])
			}
			prefix, err := dir.Latest(cmd.Context(), args[0], &dir.LatestOptions{
				LatestFilename: stateName,
				Verified:       verified,
				OnSkip:         func(what string, err error) { c.Note("skipped %s: %v", ui.Name(what), err) },
			})
			if err != nil {
				return err
			}
			if asJSON {
				out := newLines(c.Out)
				if err := out.write(struct {
					Path string `json:"path"`
				}{prefix}); err != nil {
					return err
				}
				return out.flush()
			}
			c.Printf("%s\n", ui.Name(prefix))
			return nil
		},
	}
	cmd.Flags().BoolVar(&verified, "verified", false, "read the checkpoints and print the newest that is complete and undamaged")
	cmd.Flags().StringVar(&stateName, "state", "", "the `NAME` of the state file; default: checkpoint")
	cmd.Flags().BoolVar(&asJSON, "json", false, `print one JSON object: {"path": …}`)
	return cmd
}
