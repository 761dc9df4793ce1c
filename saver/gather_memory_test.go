package saver_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// peak is the most memory that the process has had since forgetPeak, in bytes.
func peak(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(status), "VmHWM:")
	require.True(t, ok)
	kB, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	require.NoError(t, err)
	return kB << 10
}

func forgetPeak(t *testing.T) {
	t.Helper()
	require.NoError(t, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0))
}

// A model that is larger than this process's memory is saved and restored by it:
// what it takes are some batches.
func TestGatheringTakesTheMemoryOfBatches(t *testing.T) {
	resident(t) // only Linux tells a process its memory
	const variables, size = 64, 4 << 20
	for name, o := range map[string]*saver.GatherOptions{
		"through the worker": {BatchBytes: size, Batches: 2},
		"from each server":   {BatchBytes: size, Batches: 2, Cluster: cluster(t).Spec()},
	} {
		t.Run(name, func(t *testing.T) {
			g := tf.NewGraph()
			for i := range variables {
				onPS(t, g, i%2, func() {
					_, err := tf.NewVariable(g, "memory"+strconv.Itoa(i), tf.Ones(size/4))
					require.NoError(t, err)
				})
			}
			s := newSaver(t, g, &saver.Options{Sharded: true, Driver: saver.Files, Gather: o, NoSync: true})
			sess := clusterSession(t, cluster(t), g)
			initialize(t, g, sess)
			forgetPeak(t)
			before := peak(t)
			path := mustSave(t, s, sess, filepath.Join(t.TempDir(), "m"), nil)
			require.NoError(t, s.Restore(ctx, sess, path))
			grown := peak(t) - before
			t.Logf("%d MB for a model of %d MB", grown>>20, variables*size>>20)
			assert.Less(t, grown, int64(variables*size*3/4))
		})
	}
}
