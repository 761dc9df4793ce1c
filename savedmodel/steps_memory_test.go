package savedmodel_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/procmem"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// wideModel makes a module of two variables of some MiB together, and their training step.
func wideModel(t *testing.T, dir string, mib int) {
	t.Helper()
	oracle.RunEager(t, `
		class Wide(tf.Module):
			def __init__(self, n):
				self.w, self.m = tf.Variable(tf.ones([n])), tf.Variable(tf.zeros([n]))
			@tf.function(input_signature=[tf.TensorSpec([])])
			def train(self, x):
				self.m.assign(0.5 * self.m + x)
				self.w.assign_sub(self.m)
				return {"loss": self.w[0], "w": self.w[:65536]}
		m = Wide(args[1] << 17)
		tf.saved_model.save(m, args[0], signatures={"train": m.train})
	`, dir, mib)
}

// openTrain prepares the signature "train" of a model, and an input for it.
func openTrain(t *testing.T, dir string, input float32) (*savedmodel.Signature, *tf.Tensor) {
	t.Helper()
	m, err := savedmodel.Open(t.Context(), dir, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close()) })
	train, err := m.Signature(t.Context(), "train", &savedmodel.SignatureOptions{Trains: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, train.Close()) })
	x, err := tf.NewTensor(input)
	require.NoError(t, err)
	t.Cleanup(func() { tf.Release(x) })
	return train, x
}

// TestStepsKeepNoMemory runs 1,000 steps, or TFKEEP_STEPS, each of which returns 256 KiB.
func TestStepsKeepNoMemory(t *testing.T) {
	steps := 1000
	if n, err := strconv.Atoi(os.Getenv("TFKEEP_STEPS")); err == nil {
		steps = n
	}
	dir := filepath.Join(t.TempDir(), "m")
	wideModel(t, dir, 1)
	train, x := openTrain(t, dir, 0.001)
	run := func(n int) {
		for range n {
			out, err := train.Run(t.Context(), x)
			require.NoError(t, err)
			tf.Release(out...)
		}
	}
	run(steps / 4)
	runtime.GC()
	before, objects := resident(t), live.Now()
	run(steps)
	runtime.GC()
	grown := resident(t) - before
	t.Logf("%d steps: %d KiB more", steps, grown>>10)
	assert.Less(t, grown, int64(16<<20), "bytes more; the results of all steps have %d", steps<<18)
	assert.Equal(t, objects, live.Now())
}

// TestSaveMemory saves a model of 128 MiB, or of TFKEEP_SAVE_MIB, in a process of its own: the
// memory stays below the model and 64 MiB more than it was.
func TestSaveMemory(t *testing.T) {
	resident(t) // skips the test where memory cannot be measured
	const child = "TFKEEP_TEST_SAVE"
	mib := 128
	if n, err := strconv.Atoi(os.Getenv("TFKEEP_SAVE_MIB")); err == nil {
		mib = n
	}
	if dir := os.Getenv(child); dir != "" {
		saveMemory(t, dir, mib)
		return
	}
	dir := t.TempDir()
	wideModel(t, filepath.Join(dir, "1"), mib)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSaveMemory$", "-test.v")
	cmd.Env = append(os.Environ(), child+"="+dir)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
}

func saveMemory(t *testing.T, dir string, mib int) {
	t.Helper()
	start := resident(t)
	m, err := savedmodel.Open(t.Context(), filepath.Join(dir, "1"), nil)
	require.NoError(t, err)
	defer m.Close()
	trainOnce := func() {
		x, err := tf.NewTensor(float32(1))
		require.NoError(t, err)
		out, err := m.Predict(t.Context(), "train", map[string]*tf.Tensor{"x": x})
		require.NoError(t, err)
		for _, tensor := range out {
			tf.Release(tensor)
		}
		tf.Release(x)
	}
	trainOnce()
	debug.FreeOSMemory()
	before := resident(t)
	require.NoError(t, procmem.ForgetPeak(os.Getpid()))
	_, err = m.Save(t.Context(), dir, &savedmodel.SaveOptions{Version: true})
	require.NoError(t, err)
	peak, err := procmem.Peak(os.Getpid())
	require.NoError(t, err)
	t.Logf("model %d MiB; before the save %d MiB more than before the load, at the peak %d MiB more than before the save",
		mib, (before-start)>>20, (peak-before)>>20)
	assert.Less(t, peak-before, int64(64<<20))
}
