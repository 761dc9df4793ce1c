package supervisor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
)

// steps trains so many steps on from where the training is.
func steps(m *model, n int64) func(context.Context, *supervisor.Running) error {
	return func(ctx context.Context, r *supervisor.Running) error {
		for range n {
			step, err := m.step(ctx, r.Session)
			if err != nil {
				return err
			}
			if err := r.StepDone(ctx, step); err != nil {
				return err
			}
		}
		return nil
	}
}

func saved(log *events) []string {
	var names []string
	for _, e := range of[supervisor.Saved](log) {
		names = append(names, filepath.Base(e.Path))
	}
	return names
}

func TestATrainingIsResumedAndSavedByTheWay(t *testing.T) {
	dir := t.TempDir()
	m := modelOn(t, 0, 4, nil)
	log := new(events)
	o := &supervisor.Options{Dir: dir, SaveSteps: 10, OnEvent: log.add}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 25)))
	assert.Equal(t, []string{"model-10", "model-20", "model-25"}, saved(log), "every ten steps, and at the end")
	require.Len(t, of[supervisor.Initialized](log), 1)
	assert.Equal(t, supervisor.Ready{Calls: 1, Attempts: 1, After: of[supervisor.Ready](log)[0].After}, of[supervisor.Ready](log)[0])

	again := new(events)
	o.OnEvent = again.add
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		assert.EqualValues(t, 25, r.Step)
		assert.Equal(t, filepath.Join(dir, "model-25"), r.Resumed.Path)
		return steps(m, 10)(ctx, r)
	}))
	assert.Equal(t, []string{"model-35"}, saved(again), "once, though it is the end too")
	require.Len(t, of[supervisor.Resumed](again), 1)

	idle := new(events)
	o.OnEvent = idle.add
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 0)))
	assert.Empty(t, saved(idle), "nothing new")
}

func TestSavesComeByTimeAndByHand(t *testing.T) {
	dir := t.TempDir()
	m := modelOn(t, 0, 4, nil)
	log := new(events)
	o := &supervisor.Options{Dir: dir, SaveName: "mine", LatestFilename: "newest", SaveInterval: time.Nanosecond, OnEvent: log.add}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 2)))
	assert.Equal(t, []string{"mine-1", "mine-2"}, saved(log))
	assert.FileExists(t, filepath.Join(dir, "newest"))

	byHand := new(events)
	o = &supervisor.Options{Dir: dir, LatestFilename: "newest", OnEvent: byHand.add}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		path, err := r.Save(ctx)
		assert.Equal(t, filepath.Join(dir, "model-2"), path)
		return err
	}))
	assert.Equal(t, []string{"model-2"}, saved(byHand))
}

func TestAFreshTrainingIsSavedEvenWithoutAStep(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	log := new(events)
	o := &supervisor.Options{Dir: t.TempDir(), SaveSteps: 10, OnEvent: log.add}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 0)))
	assert.Equal(t, []string{"model-0"}, saved(log))
}

func TestWithoutACheckpointDirectoryTheModelIsInitialized(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	prepared := 0
	o := &supervisor.Options{Prepare: func(ctx context.Context, sess *tf.Session, r *saver.Resumed) error {
		assert.True(t, r.Fresh)
		prepared++
		_, err := m.step(ctx, sess) // whatever the model needs
		return err
	}}
	require.NoError(t, supervisor.Run(t.Context(), m.g, nil, o, func(ctx context.Context, r *supervisor.Running) error {
		assert.EqualValues(t, 1, r.Step)
		_, err := r.Save(ctx)
		require.ErrorIs(t, err, supervisor.ErrArgument)
		return r.StepDone(ctx, 2)
	}))
	assert.Equal(t, 1, prepared)
	require.NoError(t, supervisor.Run(t.Context(), m.g, nil, nil, steps(m, 1)), "no options at all")
}

func TestLocalVariablesAndOwnInitializersAreRun(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	local := must[*tf.Variable](t)(tf.NewVariableWith(m.g, "local", tf.Value(int64(7)), &tf.VariableOptions{Local: true}))
	read := func(ctx context.Context, r *supervisor.Running) error {
		got, err := r.Session.Run(ctx, nil, []tf.Output{local.Value()}, nil)
		tf.Release(got...)
		return err
	}
	require.NoError(t, supervisor.Run(t.Context(), m.g, nil, nil, read))
	var uninitialized *tf.UninitializedError
	err := supervisor.Run(t.Context(), m.g, nil, &supervisor.Options{LocalInit: []*tf.Operation{}}, read)
	require.ErrorAs(t, err, &uninitialized, "an empty list runs none")

	o := &supervisor.Options{Init: []*tf.Operation{m.global.Initializer()}}
	err = supervisor.Run(t.Context(), m.g, nil, o, read)
	require.ErrorIs(t, err, supervisor.ErrUninitialized)
	assert.ErrorContains(t, err, "w0")
}

func TestASaverOfSomeVariablesLeavesTheOthersWithoutAValue(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	part := must[*saver.Saver](t)(saver.New(m.g, &saver.Options{VarList: []any{m.global}}))
	defer part.Close()
	o := &supervisor.Options{Dir: t.TempDir(), SaveSteps: 1}
	require.NoError(t, supervisor.Run(t.Context(), m.g, part, o, steps(m, 1)))
	err := supervisor.Run(t.Context(), m.g, part, o, steps(m, 1))
	require.ErrorIs(t, err, supervisor.ErrUninitialized)
	assert.ErrorContains(t, err, "Options.Prepare")

	o.Prepare = func(ctx context.Context, sess *tf.Session, r *saver.Resumed) error {
		return sess.RunOps(ctx, m.w[0].Initializer())
	}
	require.NoError(t, supervisor.Run(t.Context(), m.g, part, o, steps(m, 1)))
}

func TestInThisProcessNothingIsLost(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	calls := 0
	err := supervisor.Run(t.Context(), m.g, m.sv, nil, func(ctx context.Context, r *supervisor.Running) error {
		calls++
		// What means a lost server elsewhere is the body's own affair here.
		return &tf.Error{Code: codeOf(t, tf.ErrUnavailable), Message: "mine"}
	})
	require.ErrorIs(t, err, tf.ErrUnavailable)
	assert.Equal(t, 1, calls)
}

func TestCancellingEndsARunInThisProcess(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	types := map[string]any{"component_types": []tf.DataType{tf.Float}}
	queue := must[*tf.Operation](t)(m.g.AddOp(tf.OpSpec{Type: "FIFOQueueV2", Attrs: types}))
	never := must[*tf.Operation](t)(m.g.AddOp(tf.OpSpec{Type: "QueueDequeueV2", Attrs: types, Input: []tf.Input{queue.Output(0)}}))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	ended := make(chan error, 1)
	in := make(chan struct{})
	go func() {
		o := &supervisor.Options{Dir: t.TempDir(), SaveSteps: 1}
		ended <- supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
			close(in)
			return r.Session.RunOps(ctx, never)
		})
	}()
	<-in
	cancel(why)
	select {
	case err := <-ended:
		require.ErrorIs(t, err, why)
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(20 * time.Second):
		require.Fail(t, "it goes on")
	}
}

func TestAPanicOfTheBodyClosesTheSession(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	var sess *tf.Session
	assert.PanicsWithValue(t, "mine", func() {
		_ = supervisor.Run(t.Context(), m.g, m.sv, nil, func(_ context.Context, r *supervisor.Running) error {
			sess = r.Session
			panic("mine")
		})
	})
	require.ErrorIs(t, sess.RunOps(t.Context(), m.train), tf.ErrFailedPrecondition)
}

func TestDamagedAndForeignDirectoriesAreRefused(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), []byte("no state file"), 0o644))
	calls := 0
	err := supervisor.Run(t.Context(), m.g, m.sv, &supervisor.Options{Dir: dir}, func(context.Context, *supervisor.Running) error {
		calls++
		return nil
	})
	require.Error(t, err, "never a fresh start over what may be a training")
	assert.Zero(t, calls)
}

func TestOptionsAreChecked(t *testing.T) {
	m, other := modelOn(t, 0, 4, nil), modelOn(t, 0, 4, nil)
	body := func(context.Context, *supervisor.Running) error { return nil }
	target := &tf.SessionOptions{Target: "grpc://127.0.0.1:1"}
	for name, o := range map[string]*supervisor.Options{
		"worker without a target":  {Worker: true},
		"worker alone":             {Worker: true, Session: &tf.SessionOptions{Target: target.Target, Isolate: true}},
		"save without a directory": {SaveSteps: 1},
		"time without a directory": {SaveInterval: time.Second},
		"negative steps":           {Dir: t.TempDir(), SaveSteps: -1},
		"negative pause":           {Backoff: supervisor.Backoff{First: -1}},
	} {
		require.ErrorIs(t, supervisor.Run(t.Context(), m.g, m.sv, o, body), supervisor.ErrArgument, name)
	}
	require.ErrorIs(t, supervisor.Run(t.Context(), nil, nil, nil, body), supervisor.ErrArgument, "no graph")
	require.ErrorIs(t, supervisor.Run(t.Context(), m.g, m.sv, nil, nil), supervisor.ErrArgument, "no body")
	require.ErrorIs(t, supervisor.Run(t.Context(), m.g, nil, &supervisor.Options{Dir: t.TempDir()}, body), supervisor.ErrArgument, "no Saver")
	require.ErrorIs(t, supervisor.Run(t.Context(), m.g, other.sv, nil, body), saver.ErrOtherGraph)
}
