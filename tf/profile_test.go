package tf_test

import (
	"io"
	"os"
	"os/exec"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/tf"
)

// profiledTime is how long the profiled process multiplies matrices. Without the protection
// of package capi it dies within a few seconds.
const profiledTime = 15 * time.Second

// TestProfiledRuns runs in a process of its own, because a damaged heap would end it.
func TestProfiledRuns(t *testing.T) {
	const profiled = "TFKEEP_TEST_PROFILED"
	if os.Getenv(profiled) == "" {
		t.Parallel()
		cmd := exec.Command(os.Args[0], "-test.run", "^TestProfiledRuns$", "-test.count", "1")
		cmd.Env = append(os.Environ(), profiled+"=1")
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", output)
		return
	}
	g := tf.NewGraph()
	a := make([][]float32, 300)
	for i := range a {
		a[i] = make([]float32, 300)
	}
	value, err := tf.NewTensor(a)
	require.NoError(t, err)
	defer tf.Release(value)
	// A constant product would be computed once.
	x := tfgraph.Op(t, g, "Placeholder", "x", map[string]any{"dtype": dtype.Float32})
	product := tfgraph.Op(t, g, "MatMul", "product", nil, x, x)
	require.NoError(t, pprof.StartCPUProfile(io.Discard))
	defer pprof.StopCPUProfile()
	for end := time.Now().Add(profiledTime); time.Now().Before(end); {
		sess, err := tf.NewSession(g, &tf.SessionOptions{DisableGrappler: true})
		require.NoError(t, err)
		for range 300 {
			results, err := sess.Run(t.Context(), map[tf.Output]*tf.Tensor{x: value}, []tf.Output{product}, nil, nil)
			require.NoError(t, err)
			tf.Release(results...)
		}
		require.NoError(t, sess.Close())
	}
}
