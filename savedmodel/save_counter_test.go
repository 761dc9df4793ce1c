package savedmodel_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/objectgraph"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
)

// TestSaveCounterOfCheckpoints saves the objects of a TensorFlow 2 model with and without the
// number of saves.
func TestSaveCounterOfCheckpoints(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	trainableModel(t, dir)
	m, err := savedmodel.Open(t.Context(), dir, nil)
	require.NoError(t, err)
	defer m.Close()
	counted := func(o *saver.SaveOptions) bool {
		path, err := m.Saver.Save(t.Context(), m.Session, filepath.Join(t.TempDir(), "ckpt"), o)
		require.NoError(t, err)
		r, err := checkpoint.Open(t.Context(), path, nil)
		require.NoError(t, err)
		defer r.Close()
		_, ok := r.Lookup("save_counter/.ATTRIBUTES/VARIABLE_VALUE")
		return ok
	}
	assert.True(t, counted(&saver.SaveOptions{GlobalStep: saver.SaveNumber()}))
	assert.False(t, counted(&saver.SaveOptions{NoSaveCounter: true}))

	_, err = saver.New(m.Graph(), &saver.Options{Objects: &objectgraph.Graph{}, WriteVersion: checkpoint.V1})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "Objects is set")
}
