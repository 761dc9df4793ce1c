package savedmodel_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/internal/test/procmem"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// resident returns the resident memory of the process in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	bytes, err := procmem.Resident(os.Getpid())
	if err != nil {
		t.Skip("this system does not report the memory of a process")
	}
	return bytes
}

// The test loads a model of 1 MiB 200 times, or TFKEEP_LOADS times.
func TestLoadKeepsNoMemory(t *testing.T) {
	loads := 200
	if n, err := strconv.Atoi(os.Getenv("TFKEEP_LOADS")); err == nil {
		loads = n
	}
	g := tf.NewGraph()
	w, err := tf.NewVariable(g, "w", tf.Ones(1<<18), nil)
	require.NoError(t, err)
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	require.NoError(t, sess.RunOps(ctx, w.Initializer()))
	x := placeholder(t, g, "x", dtype.Float32)
	dir := filepath.Join(t.TempDir(), "m")
	require.NoError(t, savedmodel.SimpleSave(ctx, sess, dir, map[string]tf.Output{"x": x}, map[string]tf.Output{"w": w.Value()}, nil))

	in, err := tf.NewTensor(float32(1))
	require.NoError(t, err)
	defer tf.Release(in)
	load := func() {
		m, err := savedmodel.Open(ctx, dir, nil)
		require.NoError(t, err)
		out, err := m.Predict(ctx, "serving_default", map[string]*tf.Tensor{"x": in})
		require.NoError(t, err)
		tf.Release(out["w"])
		require.NoError(t, m.Close())
	}
	for range loads / 4 {
		load()
	}
	runtime.GC()
	before, objects := resident(t), live.Now()
	for range loads {
		load()
	}
	runtime.GC()
	grown := resident(t) - before
	t.Logf("%d loads: %d KiB more", loads, grown>>10)
	assert.Less(t, grown, int64(48<<20), "bytes more after %d loads of 1 MiB each", loads)
	assert.Equal(t, objects, live.Now())
}
