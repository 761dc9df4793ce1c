package supervisor_test

import (
	"context"
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
	m.sv, err = saver.New(m.g, nil)
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
