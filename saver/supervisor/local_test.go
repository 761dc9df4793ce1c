package supervisor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// steps returns a body that trains n more steps.
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

// saved returns the names of the checkpoints that were saved.
func saved(log *events) []string {
	var names []string
	for _, e := range log.of(supervisor.Saved) {
		names = append(names, filepath.Base(e.Path))
	}
	return names
}

func TestRunResumesAndSaves(t *testing.T) {
	dir := t.TempDir()
	m := modelOn(t, 0, 4, nil)
	log := new(events)
	o := &supervisor.Options{Dir: dir, SaveSteps: 10, OnEvent: log.add}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 25)))
	assert.Equal(t, []string{"model-10", "model-20", "model-25"}, saved(log), "every ten steps and at the end")
	require.Len(t, log.of(supervisor.Initialized), 1)
	ready := log.of(supervisor.Ready)
	require.Len(t, ready, 1)
	assert.Equal(t, supervisor.Event{Kind: supervisor.Ready, Calls: 1, Attempts: 1, Took: ready[0].Took}, ready[0])

	again := new(events)
	o.OnEvent = again.add
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		assert.EqualValues(t, 25, r.Step)
		assert.Equal(t, filepath.Join(dir, "model-25"), r.Resumed.Path)
		return steps(m, 10)(ctx, r)
	}))
	assert.Equal(t, []string{"model-35"}, saved(again), "once, although the save is due at the end too")
	require.Len(t, again.of(supervisor.Resumed), 1)

	idle := new(events)
	o.OnEvent = idle.add
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 0)))
	assert.Empty(t, saved(idle), "nothing new to save")
}

func TestSaveByIntervalAndByCall(t *testing.T) {
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

func TestFreshTrainingIsSavedWithoutSteps(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	log := new(events)
	o := &supervisor.Options{Dir: t.TempDir(), SaveSteps: 10, OnEvent: log.add}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 0)))
	assert.Equal(t, []string{"model-0"}, saved(log))
}

func TestInitializesWithoutDir(t *testing.T) {
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
		require.ErrorIs(t, err, tfkeep.ErrArgument)
		return r.StepDone(ctx, 2)
	}))
	assert.Equal(t, 1, prepared)
	require.NoError(t, supervisor.Run(t.Context(), m.g, nil, nil, steps(m, 1)), "no options at all")
}

func TestLocalInitAndInitOptions(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	local := must[*tf.Variable](t)(tf.NewVariable(m.g, "local", tf.Value(int64(7)), &tf.VariableOptions{Local: true}))
	read := func(ctx context.Context, r *supervisor.Running) error {
		got, err := r.Session.Run(ctx, nil, []tf.Output{local.Value()}, nil, nil)
		tf.Release(got...)
		return err
	}
	require.NoError(t, supervisor.Run(t.Context(), m.g, nil, nil, read))
	var uninitialized *tf.UninitializedError
	err := supervisor.Run(t.Context(), m.g, nil, &supervisor.Options{LocalInit: []*tf.Operation{}}, read)
	require.ErrorAs(t, err, &uninitialized, "an empty list runs none")

	o := &supervisor.Options{Init: []*tf.Operation{m.global.Initializer()}}
	err = supervisor.Run(t.Context(), m.g, nil, o, read)
	require.ErrorIs(t, err, tfkeep.ErrUninitialized)
	assert.ErrorContains(t, err, "w0")
}

func TestSaverOfSomeVariables(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	part := must[*saver.Saver](t)(saver.New(m.g, &saver.Options{VarList: saver.Vars(m.global)}))
	defer part.Close()
	o := &supervisor.Options{Dir: t.TempDir(), SaveSteps: 1}
	require.NoError(t, supervisor.Run(t.Context(), m.g, part, o, steps(m, 1)))
	err := supervisor.Run(t.Context(), m.g, part, o, steps(m, 1))
	require.ErrorIs(t, err, tfkeep.ErrUninitialized)
	assert.ErrorContains(t, err, "Options.Prepare")

	o.Prepare = func(ctx context.Context, sess *tf.Session, r *saver.Resumed) error {
		return sess.RunOps(ctx, m.w[0].Initializer())
	}
	require.NoError(t, supervisor.Run(t.Context(), m.g, part, o, steps(m, 1)))
}

// OnEvent is called from one goroutine at a time, even if StepDone is not. The race
// detector finds a concurrent call by the unguarded variables.
func TestEventsAreSerial(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	const workers, each = 8, 5
	active, saves := 0, 0
	o := &supervisor.Options{Dir: t.TempDir(), SaveInterval: time.Nanosecond, OnEvent: func(e supervisor.Event) {
		active++
		assert.Equal(t, 1, active)
		runtime.Gosched()
		if e.Kind == supervisor.Saved {
			saves++
		}
		active--
	}}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() { assert.NoError(t, steps(m, each)(ctx, r)) })
		}
		wg.Wait()
		return nil
	}))
	assert.GreaterOrEqual(t, saves, workers*each)
}

func TestLocalSessionHasNoLosses(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	calls := 0
	err := supervisor.Run(t.Context(), m.g, m.sv, nil, func(ctx context.Context, r *supervisor.Running) error {
		calls++
		// On a cluster this error means a lost server; here it is the body's own.
		return &status.Error{Code: codeOf(t, status.Unavailable), Message: "mine"}
	})
	require.ErrorIs(t, err, status.Unavailable)
	assert.Equal(t, 1, calls)
}

func TestCancelEndsLocalRun(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	types := map[string]any{"component_types": []dtype.DataType{dtype.Float32}}
	queue := must[*tf.Operation](t)(m.g.AddOp(tf.OpSpec{Type: "FIFOQueueV2", Attrs: types}))
	never := must[*tf.Operation](t)(m.g.AddOp(tf.OpSpec{Type: "QueueDequeueV2", Attrs: types, Input: []tf.Input{queue.Output(0)}}))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	ended := make(chan error, 1)
	in := make(chan struct{})
	go func() {
		o := &supervisor.Options{Dir: t.TempDir(), SaveSteps: 1, GracePeriod: -1}
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
		var stopped *supervisor.StoppedError
		require.ErrorAs(t, err, &stopped)
		assert.Empty(t, stopped.Path, "nothing is saved without a grace period")
	case <-time.After(20 * time.Second):
		require.Fail(t, "Run did not return")
	}
}

func TestBodyPanicClosesSession(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	var sess *tf.Session
	assert.PanicsWithValue(t, "mine", func() {
		_ = supervisor.Run(t.Context(), m.g, m.sv, nil, func(_ context.Context, r *supervisor.Running) error {
			sess = r.Session
			panic("mine")
		})
	})
	require.ErrorIs(t, sess.RunOps(t.Context(), m.train), status.FailedPrecondition)
}

func TestRefusesForeignDirectory(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), []byte("not a state file"), 0o644))
	calls := 0
	err := supervisor.Run(t.Context(), m.g, m.sv, &supervisor.Options{Dir: dir}, func(context.Context, *supervisor.Running) error {
		calls++
		return nil
	})
	require.Error(t, err, "it must not start fresh in the directory of another training")
	assert.Zero(t, calls)
}

func TestOptionErrors(t *testing.T) {
	m, other := modelOn(t, 0, 4, nil), modelOn(t, 0, 4, nil)
	body := func(context.Context, *supervisor.Running) error { return nil }
	target := &tf.SessionOptions{Target: "grpc://127.0.0.1:1"}
	for _, test := range []struct {
		name    string
		options *supervisor.Options
	}{
		{"worker without a target", &supervisor.Options{Worker: true}},
		{"isolated worker", &supervisor.Options{Worker: true, Session: &tf.SessionOptions{Target: target.Target, Isolate: true}}},
		{"SaveSteps without Dir", &supervisor.Options{SaveSteps: 1}},
		{"SaveInterval without Dir", &supervisor.Options{SaveInterval: time.Second}},
		{"negative SaveTimeout", &supervisor.Options{SaveTimeout: -1}},
		{"negative SaveSteps", &supervisor.Options{Dir: t.TempDir(), SaveSteps: -1}},
		{"negative MinPause", &supervisor.Options{MinPause: -1}},
		{"SaveName in a directory", &supervisor.Options{Dir: t.TempDir(), SaveName: "sub/model"}},
		{"LatestFilename in a directory", &supervisor.Options{Dir: t.TempDir(), LatestFilename: "sub/checkpoint"}},
		{"LastStep and Steps", &supervisor.Options{LastStep: 1, Steps: 1}},
	} {
		require.ErrorIs(t, supervisor.Run(t.Context(), m.g, m.sv, test.options, body), tfkeep.ErrArgument, test.name)
	}
	require.ErrorIs(t, supervisor.Run(t.Context(), nil, nil, nil, body), tfkeep.ErrArgument, "no graph")
	require.ErrorIs(t, supervisor.Run(t.Context(), m.g, m.sv, nil, nil), tfkeep.ErrArgument, "no body")
	require.ErrorIs(t, supervisor.Run(t.Context(), m.g, nil, &supervisor.Options{Dir: t.TempDir()}, body), tfkeep.ErrArgument, "no Saver")
	require.ErrorIs(t, supervisor.Run(t.Context(), m.g, other.sv, nil, body), tfkeep.ErrArgument)
}
