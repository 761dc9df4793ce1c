package tf_test

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/tf"
)

// logChild is an environment variable that makes this test binary open sessions that log.
// Its value is when SetLogLevel is called: "never", "first" or "late".
const logChild = "TFKEEP_TEST_LOG_CHILD"

func TestLogChild(t *testing.T) {
	when := os.Getenv(logChild)
	if when == "" {
		t.Skip("the other half of TestSetLogLevel, which starts it")
	}
	open := func() {
		g := tf.NewGraph()
		op, err := g.AddOp(tf.OpSpec{Type: "NoOp"})
		require.NoError(t, err)
		s := tfgraph.Session(t, g, &tf.SessionOptions{LogDevicePlacement: true})
		require.NoError(t, s.RunOps(t.Context(), op))
	}
	if when == "late" {
		open()
		fmt.Fprintln(os.Stderr, "\nnow quiet")
	}
	if when != "never" {
		require.NoError(t, tf.SetLogLevel(slog.LevelError))
	}
	open()
}

func TestSetLogLevel(t *testing.T) {
	logged := func(when string) string {
		cmd := exec.Command(os.Args[0], "-test.run=^TestLogChild$")
		for _, v := range os.Environ() {
			if !strings.HasPrefix(v, "TF_CPP_") {
				cmd.Env = append(cmd.Env, v)
			}
		}
		cmd.Env = append(cmd.Env, logChild+"="+when)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		require.NoError(t, err, "%s%s", out, stderr.String())
		return stderr.String()
	}
	const message = "Device mapping"
	assert.Contains(t, logged("never"), message, "without SetLogLevel there is a message")
	assert.NotContains(t, logged("first"), message)

	before, after, found := strings.Cut(logged("late"), "now quiet")
	require.True(t, found)
	assert.Contains(t, before, message)
	assert.NotContains(t, after, message)
}
