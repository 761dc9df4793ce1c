package saver_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/procmem"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// RestoreSequentially never holds more than the model and 64 MiB, if the variables have no
// values yet and if they have. Each case is measured in a process of its own.
func TestSequentialRestoreMemory(t *testing.T) {
	resident(t) // skips the test where memory cannot be measured
	const child = "TFKEEP_TEST_SEQUENTIAL"
	cases := []struct {
		name        string
		ref, filled bool
	}{{"resources", false, false}, {"resources with values", false, true}, {"references", true, false}}
	if which := os.Getenv(child); which != "" {
		for _, c := range cases {
			if c.name == which {
				sequentialMemory(t, os.Getenv(child+"_DIR"), c.ref, c.filled)
			}
		}
		return
	}
	dir := t.TempDir()
	sequentialModel(t, dir)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSequentialRestoreMemory$", "-test.v")
			cmd.Env = append(os.Environ(), child+"="+c.name, child+"_DIR="+dir)
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			require.NoError(t, err)
		})
	}
}

const (
	sequentialSmall = 280
	largeBytes      = 10 << 20
	smallBytes      = 64 << 10
)

// The model has 304 variables and 257 MiB: large variables, and many small ones. With
// TFKEEP_LARGE_RESTORE it has 4 GiB.
var sequentialLarge, sequentialBytes = func() (int, int) {
	large := 24
	if os.Getenv("TFKEEP_LARGE_RESTORE") != "" {
		large = 410
	}
	return large, large*largeBytes + sequentialSmall*smallBytes
}()

func sequentialGraph(t *testing.T, ref bool) *tf.Graph {
	t.Helper()
	g := tf.NewGraph()
	for i := range sequentialLarge + sequentialSmall {
		size := int64(largeBytes)
		if i >= sequentialLarge {
			size = smallBytes
		}
		_, err := tf.NewVariable(g, "v"+strconv.Itoa(i), tf.Ones(size/4), &tf.VariableOptions{Ref: ref})
		require.NoError(t, err)
	}
	return g
}

func sequentialModel(t *testing.T, dir string) {
	g := sequentialGraph(t, false)
	mustSave(t, newSaver(t, g, &saver.Options{NoSync: true}), initialized(t, g), filepath.Join(dir, "m"), nil)
}

func sequentialMemory(t *testing.T, dir string, ref, filled bool) {
	g := sequentialGraph(t, ref)
	s := newSaver(t, g, &saver.Options{RestoreSequentially: os.Getenv("TFKEEP_TEST_ALL_AT_ONCE") == ""})
	sess := newSession(t, g)
	model := int64(sequentialBytes)
	vars := g.GlobalVariables()
	require.NoError(t, sess.RunOps(ctx, vars[len(vars)-1].Initializer())) // starts TensorFlow's threads
	if filled {
		first := newSaver(t, g, &saver.Options{RestoreSequentially: true})
		require.NoError(t, restore(first, sess, filepath.Join(dir, "m")))
		model = 0
	}
	require.NoError(t, procmem.ForgetPeak(os.Getpid()))
	before := peak(t)
	require.NoError(t, restore(s, sess, filepath.Join(dir, "m")))
	beyond := peak(t) - before - model
	t.Logf("%d MiB beyond a model of %d MiB", beyond>>20, sequentialBytes>>20)
	assert.LessOrEqual(t, beyond, int64(64<<20))
}
