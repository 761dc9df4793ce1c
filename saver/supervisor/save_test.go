package supervisor_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
)

func TestAsyncSaves(t *testing.T) {
	m := modelOn(t, 0, 1000, nil)
	dir := t.TempDir()
	log := new(events)
	o := &supervisor.Options{Dir: dir, SaveSteps: 1, SaveAsync: true, OnEvent: log.add}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 50)))
	names := saved(log)
	require.NotEmpty(t, names)
	assert.Equal(t, "model-50", names[len(names)-1], "the last step is always saved")
	assert.Equal(t, int64(50), stepAt(t, m, dir))
}

// blockedDir is a directory that can be made unusable and usable again, as a full disk is.
type blockedDir struct {
	t    *testing.T
	path string
}

func (d blockedDir) block() {
	require.NoError(d.t, os.Rename(d.path, d.path+"-away"))
	require.NoError(d.t, os.WriteFile(d.path, nil, 0o644))
}

func (d blockedDir) unblock() {
	require.NoError(d.t, os.Remove(d.path))
	require.NoError(d.t, os.Rename(d.path+"-away", d.path))
}

func TestFailedSaveEndsTraining(t *testing.T) {
	for _, async := range []bool{false, true} {
		m := modelOn(t, 0, 1000, nil)
		dir := blockedDir{t, filepath.Join(t.TempDir(), "run")}
		require.NoError(t, os.Mkdir(dir.path, 0o777))
		log := new(events)
		o := &supervisor.Options{Dir: dir.path, SaveSteps: 1, SaveAsync: async, OnEvent: log.add}
		err := supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
			dir.block()
			return steps(m, 1<<40)(ctx, r)
		})
		require.Error(t, err)
		require.Len(t, log.of(supervisor.SaveFailed), 1)
		require.ErrorIs(t, err, log.of(supervisor.SaveFailed)[0].Err)
		dir.unblock()
	}
}

func TestTrainingGoesOnAfterFailedSaves(t *testing.T) {
	for _, async := range []bool{false, true} {
		m := modelOn(t, 0, 1000, nil)
		dir := blockedDir{t, filepath.Join(t.TempDir(), "run")}
		require.NoError(t, os.Mkdir(dir.path, 0o777))
		log := new(events)
		o := &supervisor.Options{Dir: dir.path, SaveSteps: 2, SaveAsync: async, ContinueOnSaveError: true, OnEvent: log.add}
		require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
			dir.block()
			for len(log.of(supervisor.SaveFailed)) < 3 {
				if err := steps(m, 1)(ctx, r); err != nil {
					return err
				}
			}
			dir.unblock()
			for len(log.of(supervisor.Saved)) == 0 {
				if err := steps(m, 1)(ctx, r); err != nil {
					return err
				}
			}
			return nil
		}))
		assert.Positive(t, stepAt(t, m, dir.path))
	}
}

func TestTrainingStopsAtStep(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	dir := t.TempDir()
	body := func(ctx context.Context, r *supervisor.Running) error {
		for !r.ShouldStop() {
			if err := steps(m, 1)(ctx, r); err != nil {
				return err
			}
		}
		return nil
	}
	for _, test := range []struct {
		o    supervisor.Options
		want int64
	}{
		{supervisor.Options{LastStep: 5}, 5},
		{supervisor.Options{LastStep: 5}, 5},
		{supervisor.Options{Steps: 3}, 8},
		{supervisor.Options{LastStep: 10}, 10},
	} {
		test.o.Dir, test.o.SaveSteps = dir, 1000
		require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, &test.o, body))
		assert.Equal(t, test.want, stepAt(t, m, dir))
	}
}

func TestFinalRunsBeforeTheLastSave(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	dir := t.TempDir()
	o := &supervisor.Options{Dir: dir, SaveSteps: 1000, Final: []*tf.Operation{m.train}}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 3)))
	assert.Equal(t, int64(4), stepAt(t, m, dir))
}

// The last step is saved already, but what Final does is not.
func TestFinalIsSavedAtTheSameStep(t *testing.T) {
	m := modelOn(t, 0, 1, nil)
	set := must[*tf.Operation](t)(m.w[0].Assign(tfgraph.Const(t, m.g, "", []float32{99})))
	dir := t.TempDir()
	for _, async := range []bool{false, true} {
		o := &supervisor.Options{Dir: dir, SaveSteps: 1, SaveAsync: async, Final: []*tf.Operation{set}}
		require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 3)))
		sess := openSession(t, m)
		_, err := m.sv.Resume(t.Context(), sess, dir, nil)
		require.NoError(t, err)
		assert.Equal(t, []int64{99}, must[[]int64](t)(m.values(t.Context(), sess)))
	}
}

// As in MonitoredTrainingSession, a directory alone is enough for a training to be saved.
func TestDirAloneSaves(t *testing.T) {
	m := modelOn(t, 0, 1, nil)
	log := new(events)
	o := &supervisor.Options{Dir: t.TempDir(), OnEvent: log.add}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 3)))
	assert.Equal(t, []string{"model-3"}, saved(log), "the interval is ten minutes")
	o.SaveInterval = -1
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 3)))
	assert.Equal(t, []string{"model-3"}, saved(log), "a negative interval is none")
}

// A training whose operation does not count would be saved as step 1000 and resumed at 0.
func TestGlobalStepThatDoesNotCount(t *testing.T) {
	m := modelOn(t, 0, 1, nil)
	one := tfgraph.Const(t, m.g, "", []float32{1})
	uncounted := must[*tf.Operation](t)(m.w[0].AssignAdd(one))
	dir := t.TempDir()
	err := supervisor.Run(t.Context(), m.g, m.sv, &supervisor.Options{Dir: dir, SaveSteps: 1000}, func(ctx context.Context, r *supervisor.Running) error {
		for step := r.Step; ; {
			if err := r.Session.RunOps(ctx, uncounted); err != nil {
				return err
			}
			step++
			if err := r.StepDone(ctx, step); err != nil {
				return err
			}
		}
	})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "StepDone was called with step 1, but the global step in the graph is 0")
	assert.NoFileExists(t, filepath.Join(dir, "checkpoint"))
}

// Goroutines that train at the same time begin one save in the background after another. Each
// is reported.
func TestConcurrentStepsSaveOneByOne(t *testing.T) {
	m := modelOn(t, 0, 1<<16, &saver.Options{MaxToKeep: 1000})
	dir := t.TempDir()
	log := new(events)
	o := &supervisor.Options{Dir: dir, SaveInterval: time.Nanosecond, SaveAsync: true, OnEvent: log.add}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { assert.NoError(t, steps(m, 10)(ctx, r)) })
		}
		wg.Wait()
		return nil
	}))
	files := must[[]string](t)(filepath.Glob(filepath.Join(dir, "*.index")))
	names := map[string]bool{}
	for _, name := range saved(log) {
		names[name] = true
	}
	assert.Len(t, names, len(files))
}

// A save in the background outlives the call of StepDone, and so the context of that step.
func TestSaveOutlivesContextOfItsStep(t *testing.T) {
	m := modelOn(t, 0, 1<<20, nil)
	log := new(events)
	o := &supervisor.Options{Dir: t.TempDir(), SaveSteps: 5, SaveAsync: true, OnEvent: log.add}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		for range 50 {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			err := steps(m, 1)(ctx, r)
			cancel()
			if err != nil {
				return err
			}
		}
		return nil
	}))
	assert.Empty(t, log.of(supervisor.SaveFailed))
	assert.NotEmpty(t, saved(log))
}

// Nothing is lost in this process, however long a step takes.
func TestLocalStepsHaveNoLimit(t *testing.T) {
	m := modelOn(t, 0, 1, nil)
	for limit, want := range map[time.Duration]time.Duration{0: 0, -1: 0, time.Hour: time.Hour} {
		o := &supervisor.Options{OperationTimeout: limit}
		require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(_ context.Context, r *supervisor.Running) error {
			assert.Equal(t, want, r.Session.Options().OperationTimeout)
			return nil
		}))
	}
}

func TestInitFeedsAndInitFunc(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	in := tfgraph.Op(t, m.g, "Placeholder", "in", map[string]any{"dtype": dtype.Int64, "shape": tf.MakeShape()})
	set := must[*tf.Operation](t)(m.global.Assign(in))
	value := must[*tf.Tensor](t)(tf.NewTensor(int64(40)))
	defer tf.Release(value)
	dir := t.TempDir()
	called := 0
	o := &supervisor.Options{
		Dir: dir, SaveSteps: 1000,
		Init:      []*tf.Operation{set, m.w[0].Initializer()},
		InitFeeds: map[tf.Output]*tf.Tensor{in: value},
		InitFunc: func(ctx context.Context, sess *tf.Session) error {
			called++
			return sess.RunOps(ctx, m.train)
		},
	}
	for range 2 {
		require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(_ context.Context, r *supervisor.Running) error {
			assert.Equal(t, int64(41), r.Step)
			return nil
		}))
	}
	assert.Equal(t, 1, called, "a model that is restored is not initialized")
}

func TestReadyForLocalInit(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	missing := tfgraph.Const(t, m.g, "missing", []string{"w0"})
	o := &supervisor.Options{ReadyForLocalInit: missing}
	err := supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 1))
	assert.ErrorContains(t, err, "w0")
	o.ReadyForLocalInit = tfgraph.Const(t, m.g, "ready", true)
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 1)))
}
