package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/cmd/tfkeep-run/internal/gpudiag"
)

func TestDevices(t *testing.T) {
	t.Run("session", func(t *testing.T) {
		code, out, errs := tfkeepRun(t, "", "devices", "--require", "cpu")
		require.Zero(t, code, errs)
		assert.Contains(t, out, "libtensorflow "+capi.Version())
		assert.Contains(t, out, "/job:localhost/replica:0/task:0/device:CPU:0, CPU\n")
	})
	t.Run("driver and --require", func(t *testing.T) {
		code, out, errs := tfkeepRun(t, "", "devices", "--driver", "--json")
		require.Zero(t, code, errs)
		var r gpudiag.Report
		require.NoError(t, json.Unmarshal([]byte(out), &r))
		assert.Equal(t, capi.Version(), r.Version)
		assert.Empty(t, r.Session)

		code, again, errs := tfkeepRun(t, "", "devices", "--driver", "--json", "--require", "gpu")
		assert.Equal(t, out, again)
		if r.HasGPU() {
			assert.Zero(t, code, errs)
		} else {
			assert.Equal(t, cli.ExitFailed, code)
			assert.Contains(t, errs, "a GPU is required, but none can be used: "+r.NoGPU[0])
		}
	})
	for _, test := range []struct {
		want string
		args []string
	}{
		{"--require tpu: it must be cpu or gpu", []string{"devices", "--require", "tpu"}},
		{"write ./devices", []string{"devices", "export/1"}},
		{"unknown flag: --nope", []string{"devices", "--nope"}},
	} {
		want, args := test.want, test.args
		code, out, errs := tfkeepRun(t, "", args...)
		assert.Equal(t, cli.ExitUsage, code, errs)
		assert.Empty(t, out)
		assert.Contains(t, errs, want)
	}
}
