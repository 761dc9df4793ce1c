package main

import (
	"encoding/json"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep-run/internal/gpudiag"
	"github.com/tfkeep/tfkeep/tf"
)

// devicesCommand lists the devices that a session can use.
func devicesCommand() *cobra.Command {
	var require string
	var driverOnly, asJSON bool
	cmd := &cobra.Command{
		Use:   "devices",
		Short: "List the devices of a session, and explain a missing GPU",
		Long: `List the GPUs that NVIDIA's driver shows and the devices that a session has.
If no GPU can be used, explain what is missing and what to do about it.

With --driver no session is opened. A session takes some hundred megabytes of
each GPU, and fails on a GPU whose memory another program uses; health checks
should ask only the driver.

The exit code is 0, or 1 if --require gpu is given and no GPU can be used.`,
		Example: `  tfkeep-run devices
  tfkeep-run devices --require gpu && train`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("devices takes no arguments; write ./devices for a model in a folder with that name")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if require != "" && require != "cpu" && require != "gpu" {
				return cli.Usagef("--require %s: it must be cpu or gpu", require)
			}
			if err := tf.SetLogLevel(slog.LevelError); err != nil {
				return err
			}
			r, err := gpudiag.Diagnose(cmd.Context(), &gpudiag.Options{DriverOnly: driverOnly})
			if err != nil {
				return err
			}
			if asJSON {
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			} else {
				err = gpudiag.Fprint(cmd.OutOrStdout(), r)
			}
			if err == nil && require == "gpu" && !r.HasGPU() {
				return errors.New("a GPU is required, but none can be used: " + r.NoGPU[0])
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&require, "require", "", "gpu: fail if no GPU can be used; cpu: never fail")
	f.BoolVar(&driverOnly, "driver", false, "ask only the driver, and use no memory of a GPU")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
