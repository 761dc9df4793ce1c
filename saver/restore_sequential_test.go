package saver_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// RestoreSequentially restores the same values, and changes nothing if the files are damaged.
func TestRestoreSequentially(t *testing.T) {
	g := tf.NewGraph()
	var vars []*tf.Variable
	for i := range 3 {
		vars = append(vars, variable(t, g, fmt.Sprint("v", i), []float32{float32(i), 1}))
	}
	s := newSaver(t, g, &saver.Options{RestoreSequentially: true})
	sess := initialized(t, g)
	path := mustSave(t, s, sess, filepath.Join(t.TempDir(), "m"), nil)
	for _, v := range vars {
		assign(t, sess, v, []float32{9, 9})
	}

	data := path + ".data-00000-of-00001"
	whole := read(t, data)
	broken := []byte(whole)
	broken[len(broken)-1] ^= 1
	require.NoError(t, os.WriteFile(data, broken, 0o644))
	err := restore(s, sess, path)
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	require.NotErrorIs(t, err, saver.ErrHalfRestored)
	for _, v := range vars {
		assert.Equal(t, []float32{9, 9}, tfgraph.Value(t, sess, v.Value()))
	}

	require.NoError(t, os.WriteFile(data, []byte(whole), 0o644))
	var steps []int64
	report, err := s.Restore(ctx, sess, path, &saver.RestoreOptions{
		Progress: func(done, total int64) {
			steps = append(steps, done)
			assert.Equal(t, int64(24), total)
		},
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"v0", "v1", "v2"}, report.Restored)
	assert.Equal(t, []int64{24}, steps, "small variables come together")
	for i, v := range vars {
		assert.Equal(t, []float32{float32(i), 1}, tfgraph.Value(t, sess, v.Value()))
	}
}
