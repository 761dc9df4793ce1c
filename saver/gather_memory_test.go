package saver_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/procmem"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// peak returns the largest memory that the process has had since the last reset.
func peak(t *testing.T) int64 {
	t.Helper()
	bytes, err := procmem.Peak(os.Getpid())
	require.NoError(t, err)
	return bytes
}

// Saving and restoring a model of a cluster takes the memory of some batches, not of the
// model.
func TestGatherMemoryIsBounded(t *testing.T) {
	resident(t) // skips the test where memory cannot be measured
	const variables, size = 64, 4 << 20
	for _, test := range []named[*saver.GatherOptions]{
		{"through the worker", &saver.GatherOptions{BatchBytes: size, Batches: 2}},
		{"from each server", &saver.GatherOptions{BatchBytes: size, Batches: 2, Cluster: runningCluster(t).Spec()}},
	} {
		name, o := test.name, test.v
		t.Run(name, func(t *testing.T) {
			g := tf.NewGraph()
			for i := range variables {
				onPS(t, g, i%2, func() {
					_, err := tf.NewVariable(g, "memory"+strconv.Itoa(i), tf.Ones(size/4), nil)
					require.NoError(t, err)
				})
			}
			s := newSaver(t, g, &saver.Options{Sharded: true, Driver: saver.Files, Gather: o, NoSync: true})
			sess := clusterSession(t, runningCluster(t), g)
			initialize(t, g, sess)
			require.NoError(t, procmem.ForgetPeak(os.Getpid()))
			before := peak(t)
			path := mustSave(t, s, sess, filepath.Join(t.TempDir(), "m"), nil)
			require.NoError(t, restore(s, sess, path))
			grown := peak(t) - before
			t.Logf("%d MB for a model of %d MB", grown>>20, variables*size>>20)
			assert.Less(t, grown, int64(variables*size*3/4))
		})
	}
}
