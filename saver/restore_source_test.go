package saver_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/safetensors"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// safeTensors returns a source that is not a checkpoint.
func safeTensors(t *testing.T, name string, values ...float32) *safetensors.Reader {
	t.Helper()
	var file bytes.Buffer
	w, err := safetensors.NewWriter(&file, []checkpoint.TensorInfo{{Name: name, DType: dtype.Float32, Shape: []int64{int64(len(values))}}}, nil)
	require.NoError(t, err)
	require.NoError(t, binary.Write(w, binary.LittleEndian, values))
	require.NoError(t, w.Close())
	r, err := safetensors.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	return r
}

func TestRestoreFromSource(t *testing.T) {
	eachDriver(t, func(t *testing.T, d saver.Driver) {
		g := tf.NewGraph()
		v := variable(t, g, "v", []float32{7, 7})
		s := newSaver(t, g, &saver.Options{Driver: d})
		sess := initialized(t, g)
		for _, mapped := range []bool{false, true} {
			assign(t, sess, v, []float32{7, 7})
			report, err := s.Restore(ctx, sess, "m.safetensors", &saver.RestoreOptions{Source: safeTensors(t, "v", 1, 2), Mapped: mapped})
			require.NoError(t, err)
			assert.Equal(t, []string{"v"}, report.Restored)
			assert.Equal(t, []float32{1, 2}, tfgraph.Value(t, sess, v.Value()))
		}

		_, err := s.Restore(ctx, sess, "m.safetensors", &saver.RestoreOptions{Source: safeTensors(t, "v", 1, 2, 3)})
		require.ErrorIs(t, err, tfkeep.ErrMismatch)
		_, err = s.Restore(ctx, sess, "m.safetensors", &saver.RestoreOptions{Source: safeTensors(t, "w", 1, 2)})
		require.ErrorIs(t, err, tfkeep.ErrNotFound)
		assert.Equal(t, []float32{1, 2}, tfgraph.Value(t, sess, v.Value()), "nothing was assigned")
	})
}
