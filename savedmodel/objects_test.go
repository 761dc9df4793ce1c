package savedmodel_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
)

const objectsScript = `
		m = kept["trainable"]
		x, y = tf.constant([[1., 2.], [3., 4.], [-1., 1.]]), tf.constant([[1.], [-2.], [0.5]])
		def train(n): return [float(m.train(x, y)["loss"]) for _ in range(n)]
		def manage(folder, **named):
			ckpt = tf.train.Checkpoint(**named)
			return ckpt, tf.train.CheckpointManager(ckpt, folder, max_to_keep=2)
`

// Go goes on with the folder of a CheckpointManager whose root calls the model "net", and
// Python goes on with Go's.
func TestResumeOfACheckpointManager(t *testing.T) {
	base := t.TempDir()
	first, ckpts := filepath.Join(base, "1"), filepath.Join(base, "ckpt")
	trainableModel(t, first)
	var python struct{ Before, After []float32 }
	oracle.RunEager(t, objectsScript+`
		ckpt, manager = manage(args[0], net=m)
		before = train(3)
		manager.save()
		train(1)
		manager.save()
		result = {"Before": before, "After": train(5)}
	`, ckpts).Decode(t, &python)

	m, err := savedmodel.Open(t.Context(), first, nil)
	require.NoError(t, err)
	r, err := m.Saver.Resume(t.Context(), m.Session, ckpts, nil)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(ckpts, "ckpt-2"), r.Path)
	assert.Empty(t, r.Report.Unused)
	assert.InDeltaSlice(t, python.After[:2], trainSteps(t, m, 2), 1e-6)
	pending, err := m.Saver.SaveAsync(t.Context(), m.Session, filepath.Join(ckpts, "ckpt"), &saver.SaveOptions{GlobalStep: saver.SaveNumber()})
	require.NoError(t, err)
	saved, err := pending.Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(ckpts, "ckpt-3"), saved)
	require.NoError(t, m.Close())

	var back struct {
		Latest, Next string
		Losses       []float32
	}
	oracle.RunEager(t, objectsScript+`
		ckpt, manager = manage(args[0], net=m)
		ckpt.restore(manager.latest_checkpoint).assert_consumed()
		result = {"Latest": manager.latest_checkpoint, "Losses": train(3), "Next": manager.save()}
	`, ckpts).Decode(t, &back)
	assert.Equal(t, saved, back.Latest)
	assert.Equal(t, filepath.Join(ckpts, "ckpt-4"), back.Next)
	assert.InDeltaSlice(t, python.After[2:], back.Losses, 1e-6)
}

// The keys of a checkpoint do not matter: in one whose objects have the keys of others, the
// objects decide.
func TestRestoreFindsValuesByObjects(t *testing.T) {
	base := t.TempDir()
	first, root := filepath.Join(base, "1"), filepath.Join(base, "root")
	trainableModel(t, first)
	var paths struct {
		Root, Two, Other, Weights string
		Loss                      float32
	}
	oracle.RunEager(t, objectsScript+`
		train(2)
		clone = lambda v: tf.Variable(v + 1)
		other = tf.train.Checkpoint(w=clone(m.w), momentum=[clone(v) for v in m.momentum],
			b=tf.train.Checkpoint(bias=clone(m.b["bias"]), list=[clone(m.b["list"][0])]))
		r = {"Root": tf.train.Checkpoint(m).save(args[0] + "/root"),
			"Two": tf.train.Checkpoint(a=m, b=other).save(args[0] + "/two"),
			"Other": tf.train.Checkpoint(w=tf.Variable([[1.0], [2.0], [3.0]]), b=m.b).save(args[0] + "/other"),
			"Weights": tf.train.Checkpoint(w=m.w, b=m.b).save(args[0] + "/weights")}
		r["Loss"] = train(1)[0]
		result = r
	`, root).Decode(t, &paths)
	m, err := savedmodel.Open(t.Context(), first, nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, m.Close()) }()
	before := trainSteps(t, m, 1)[0]
	assert.NotEqual(t, before, paths.Loss)

	_, err = m.Saver.Restore(t.Context(), m.Session, paths.Two, nil)
	require.ErrorIs(t, err, tfkeep.ErrMismatch)
	assert.ErrorContains(t, err, "RestoreOptions.Root")
	_, err = m.Saver.Restore(t.Context(), m.Session, paths.Other, nil)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	require.ErrorIs(t, err, tfkeep.ErrMismatch)
	assert.ErrorContains(t, err, "momentum/0")
	_, err = m.Saver.Restore(t.Context(), m.Session, paths.Two, &saver.RestoreOptions{Root: "c"})
	require.ErrorIs(t, err, tfkeep.ErrNotFound)

	report, err := m.Saver.Restore(t.Context(), m.Session, paths.Weights, &saver.RestoreOptions{Partial: true})
	require.NoError(t, err)
	assert.Len(t, report.Restored, 3)
	assert.Len(t, report.NotRestored, 2)
	for _, c := range []struct{ path, root string }{{paths.Root, ""}, {paths.Two, "a"}} {
		_, err = m.Saver.Restore(t.Context(), m.Session, c.path, &saver.RestoreOptions{Root: c.root})
		require.NoError(t, err)
		assert.InDelta(t, paths.Loss, trainSteps(t, m, 1)[0], 1e-6)
	}
}
