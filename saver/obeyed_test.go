package saver_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Options that the graph's own nodes cannot obey are refused where these nodes would run.
func TestOptionsThatNodesIgnoreAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		o    saver.Options
		says string
	}{
		{"alignment", saver.Options{Driver: saver.Ops, Alignment: 64}, "Alignment"},
		{"sequential", saver.Options{Driver: saver.Ops, RestoreSequentially: true}, "RestoreSequentially"},
		{"alignment of V1", saver.Options{WriteVersion: checkpoint.V1, Alignment: 64}, "Alignment"},
	} {
		g := tf.NewGraph()
		variable(t, g, "w", []float32{1})
		_, err := saver.New(g, &c.o)
		require.ErrorIs(t, err, tfkeep.ErrArgument, c.name)
		assert.ErrorContains(t, err, c.says, c.name)
	}
	g := tf.NewGraph()
	variable(t, g, "w", []float32{1})
	sess := newSession(t, g)
	require.NoError(t, sess.RunOps(ctx, g.GlobalVariables()[0].Initializer()))
	s := newSaver(t, g, &saver.Options{Alignment: 64, RestoreSequentially: true})
	_, err := s.Save(ctx, sess, "ram://m", &saver.SaveOptions{NoMetaGraph: true, NoState: true})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "Alignment")
	_, err = s.Restore(ctx, sess, "ram://m", nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "RestoreSequentially")
	mustSave(t, s, sess, filepath.Join(t.TempDir(), "m"), nil)
}
