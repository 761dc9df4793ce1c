package supervisor_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
)

func openSession(t *testing.T, m *model) *tf.Session {
	t.Helper()
	sess := must[*tf.Session](t)(tf.NewSession(m.g, nil))
	t.Cleanup(func() { assert.NoError(t, sess.Close()) })
	return sess
}

// A model with one variable more resumes only if it is told to. Everything that was not
// restored is known before training goes on, also what no Saver saves.
func TestPartialResumeOfAGrownModel(t *testing.T) {
	dir := t.TempDir()
	old := modelOn(t, 0, 4, nil)
	require.NoError(t, supervisor.Run(t.Context(), old.g, old.sv, &supervisor.Options{Dir: dir, SaveSteps: 10}, steps(old, 3)))
	require.NoError(t, old.sv.Close())

	m, err := newModel(0, 4, nil)
	require.NoError(t, err)
	require.NoError(t, m.sv.Close())
	head := must[*tf.Variable](t)(tf.NewVariable(m.g, "head", tf.Value(float32(7)), nil))
	m.sv, err = saver.New(m.g, &saver.Options{AllowUncovered: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.sv.Close()) })
	unsaved := must[*tf.Variable](t)(tf.NewVariable(m.g, "unsaved", tf.Value(float32(8)), nil))

	o := &supervisor.Options{Dir: dir, SaveSteps: 10}
	err = supervisor.Run(t.Context(), m.g, m.sv, o, neverCalled(t))
	var misfit *saver.RestoreError
	require.ErrorAs(t, err, &misfit)
	assert.ErrorContains(t, err, "set ResumeOptions.Partial")

	o.Resume = &saver.ResumeOptions{Partial: true}
	var event supervisor.Event
	o.OnEvent = func(e supervisor.Event) {
		if e.Kind == supervisor.Resumed {
			event = e
		}
	}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		assert.EqualValues(t, 3, r.Step)
		assert.False(t, r.Fresh)
		assert.Equal(t, []string{"head", "unsaved"}, r.Resumed.Report.NotRestored)
		assert.Contains(t, event.String(), "no value that fits: head, unsaved")
		got, err := r.Session.Run(ctx, nil, []tf.Output{head.Value(), unsaved.Value(), m.w[0].Value()}, nil, nil)
		require.NoError(t, err)
		defer tf.Release(got...)
		assert.Equal(t, float32(7), got[0].Value())
		assert.Equal(t, float32(8), got[1].Value())
		assert.Equal(t, []float32{3, 3, 3, 3}, got[2].Value())
		return steps(m, 1)(ctx, r)
	}))
	// One variable fewer: what is left over is told.
	fewer := modelOn(t, 0, 4, nil)
	require.NoError(t, m.sv.Close())
	require.NoError(t, supervisor.Run(t.Context(), fewer.g, fewer.sv, o, func(context.Context, *supervisor.Running) error { return nil }))
	assert.Equal(t, []string{"head"}, event.Checkpoint.Report.Unused)
	assert.Contains(t, event.String(), "not used of the checkpoint: head")
}

func TestFreshIsStepZero(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	o := &supervisor.Options{Dir: t.TempDir(), SaveSteps: 10}
	for _, fresh := range []bool{true, false} {
		require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
			assert.Equal(t, fresh, r.Fresh)
			assert.Equal(t, fresh, r.Resumed.Fresh)
			assert.EqualValues(t, 0, r.Step)
			assert.EqualValues(t, 0, r.Resumed.Step)
			return nil
		}))
	}
}

// The state file of another program's run names checkpoints of another model. Its run is
// neither continued nor touched.
func TestAnotherProgramsRunIsRefused(t *testing.T) {
	dir := t.TempDir()
	g := tf.NewGraph()
	theirs := must[*tf.Variable](t)(tf.NewVariable(g, "theirs", tf.Value(float32(7)), nil))
	sv := must[*saver.Saver](t)(saver.New(g, nil))
	sess := must[*tf.Session](t)(tf.NewSession(g, nil))
	defer sess.Close()
	require.NoError(t, sess.RunOps(t.Context(), theirs.Initializer()))
	_, err := sv.Save(t.Context(), sess, filepath.Join(dir, "model"), &saver.SaveOptions{GlobalStep: saver.Step(5)})
	require.NoError(t, err)
	require.NoError(t, sv.Close())
	before := must[[]os.DirEntry](t)(os.ReadDir(dir))

	m := modelOn(t, 0, 4, nil)
	err = supervisor.Run(t.Context(), m.g, m.sv, &supervisor.Options{Dir: dir, SaveSteps: 1}, neverCalled(t))
	var misfit *saver.RestoreError
	require.ErrorAs(t, err, &misfit)
	assert.Len(t, misfit.Missing, 2)
	require.NoError(t, m.sv.Close())
	assert.Equal(t, len(before), len(must[[]os.DirEntry](t)(os.ReadDir(dir))))

	// A state file of one's own keeps the runs apart, and leaves the other's files alone.
	mine := modelOn(t, 0, 4, &saver.Options{MaxToKeep: 1})
	o := &supervisor.Options{Dir: dir, LatestFilename: "mine", SaveName: "mine", SaveSteps: 1}
	for range 2 {
		require.NoError(t, supervisor.Run(t.Context(), mine.g, mine.sv, o, steps(mine, 3)))
	}
	assert.FileExists(t, filepath.Join(dir, "mine-6.index"))
	assert.FileExists(t, filepath.Join(dir, "model-5.index"))
}
