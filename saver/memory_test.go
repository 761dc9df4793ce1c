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

// resident returns the process's memory in bytes, including that of C. It skips short tests:
// they run under the race detector, which takes memory too.
func resident(t *testing.T) int64 {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	bytes, err := procmem.Resident(os.Getpid())
	if err != nil {
		t.Skip("only Linux tells a process its memory")
	}
	return bytes
}

// The memory of a process that saves, trains and restores repeatedly does not grow. A save
// releases tensors when they are written, because Go's collector does not see the memory
// of C.
func TestMemoryStaysFlat(t *testing.T) {
	resident(t) // skips the test where memory cannot be measured
	const variables, size = 16, 4 << 20
	g := tf.NewGraph()
	var updates []*tf.Operation
	for i := range variables {
		v, err := tf.NewVariable(g, "v"+strconv.Itoa(i), tf.Zeros(size/4), nil)
		require.NoError(t, err)
		update, err := v.AssignAdd(v.Value())
		require.NoError(t, err)
		updates = append(updates, update)
	}
	s := newSaver(t, g, &saver.Options{NoSync: true})
	sess := initialized(t, g)
	path := filepath.Join(t.TempDir(), "m")
	var before int64
	for i := range 20 {
		if i == 4 {
			before = resident(t)
		}
		mustSave(t, s, sess, path, nil)
		require.NoError(t, sess.RunOps(ctx, updates...))
		p, err := s.SaveAsync(ctx, sess, path, nil)
		require.NoError(t, err)
		require.NoError(t, sess.RunOps(ctx, updates...))
		_, err = p.Wait(ctx)
		require.NoError(t, err)
		require.NoError(t, restore(s, sess, path))
	}
	grown := resident(t) - before
	t.Logf("a model of %d MiB, grown by %d MiB in 16 rounds", variables*size>>20, grown>>20)
	assert.Less(t, grown, int64(variables*size), "less than one model in 16 rounds of three transfers each")
}
