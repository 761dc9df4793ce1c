package supervisor_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
)

// However early the context ends, the error says so. TensorFlow must not see the deadline: it
// would end the initializers a moment before the context ends.
func TestEarlyEndOfContextIsAStoppedError(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	ended := 0
	for i := range 60 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*250*time.Microsecond)
		err := supervisor.Run(ctx, m.g, m.sv, &supervisor.Options{GracePeriod: -1}, func(ctx context.Context, _ *supervisor.Running) error {
			ended++
			<-ctx.Done()
			return ctx.Err()
		})
		cancel()
		var stopped *supervisor.StoppedError
		require.ErrorAs(t, err, &stopped, "%d", i)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, stopped.Err)
	}
	assert.Less(t, ended, 60)
}

// The end of the context while another process saves in the directory names that process.
func TestEndOfContextWhileWaitingForALock(t *testing.T) {
	folder := t.TempDir()
	cmd, _ := startSignaled(t, folder)
	defer func() { _, _ = cmd.Process.Kill(), cmd.Wait() }()
	m := modelOn(t, 0, 4, nil)
	ctx, cancel := context.WithCancel(t.Context())
	o := &supervisor.Options{Dir: folder, SaveSteps: 1, Resume: &saver.ResumeOptions{Wait: true}, OnEvent: func(e supervisor.Event) {
		if e.Kind == supervisor.Waiting {
			cancel()
		}
	}}
	err := supervisor.Run(ctx, m.g, m.sv, o, neverCalled(t))
	var stopped *supervisor.StoppedError
	require.ErrorAs(t, err, &stopped)
	require.ErrorIs(t, err, tfkeep.ErrLocked)
}

// A save that is ended with the grace period is not an error of the next run.
func TestRunAfterAnEndedSaveInTheBackground(t *testing.T) {
	m := modelOn(t, 0, 1<<20, nil)
	folder := t.TempDir()
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		o := &supervisor.Options{Dir: folder, SaveSteps: 1, SaveAsync: true, GracePeriod: -1}
		err := supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
			if err := steps(m, 1)(ctx, r); err != nil {
				return err
			}
			cancel()
			return nil
		})
		var stopped *supervisor.StoppedError
		require.ErrorAs(t, err, &stopped)
	}
}

// A save that was begun before a panic has the values of a whole step.
func TestPanicWaitsForTheSaveInTheBackground(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("mine") }, "Goexit": runtime.Goexit} {
		m := modelOn(t, 0, 1<<20, nil)
		folder := t.TempDir()
		ended := make(chan any)
		go func() {
			defer func() { ended <- recover() }()
			o := &supervisor.Options{Dir: folder, SaveSteps: 1, SaveAsync: true}
			_ = supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
				assert.NoError(t, steps(m, 1)(ctx, r))
				end()
				return nil
			})
		}()
		<-ended
		assert.EqualValues(t, 1, stepAt(t, m, folder), name)
	}
}

// Run has to wait for a body that does not return, and says so. After Run nothing is reported.
func TestOverdueBodyIsReported(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	ctx, cancel := context.WithCancel(t.Context())
	overdue := make(chan supervisor.Event, 1)
	o := &supervisor.Options{Dir: t.TempDir(), SaveSteps: 1, GracePeriod: time.Millisecond, OnEvent: func(e supervisor.Event) {
		if e.Kind == supervisor.Overdue {
			overdue <- e
		}
	}}
	var kept *supervisor.Running
	err := supervisor.Run(ctx, m.g, m.sv, o, func(_ context.Context, r *supervisor.Running) error {
		kept = r
		cancel()
		assert.Contains(t, (<-overdue).String(), "the body has not returned")
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Error(t, kept.StepDone(t.Context(), 1))
}

func TestRunningIsOverAfterRun(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	var kept *supervisor.Running
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, &supervisor.Options{Dir: t.TempDir(), SaveSteps: 1}, func(_ context.Context, r *supervisor.Running) error {
		kept = r
		return nil
	}))
	assert.True(t, kept.ShouldStop())
	require.ErrorIs(t, kept.StepDone(t.Context(), 1), tfkeep.ErrClosed)
	_, err := kept.Save(t.Context())
	require.ErrorIs(t, err, tfkeep.ErrClosed)
}

// The end of the context of Running.Save does not end the save that it waits for.
func TestSaveThatIsCanceledLeavesTheOneBefore(t *testing.T) {
	m := modelOn(t, 0, 1<<22, nil)
	log := new(events)
	o := &supervisor.Options{Dir: t.TempDir(), SaveSteps: 1, SaveAsync: true, OnEvent: log.add}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		if err := steps(m, 1)(ctx, r); err != nil {
			return err
		}
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		_, err := r.Save(canceled)
		require.ErrorIs(t, err, context.Canceled)
		return nil
	}))
	assert.Empty(t, log.of(supervisor.SaveFailed))
}

// Checkpoints have the number of the graph's global step, whatever the body counts.
func TestBodyThatCountsEpochs(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	log := new(events)
	o := &supervisor.Options{Dir: t.TempDir(), SaveSteps: 1, OnEvent: log.add}
	epochs := func(ctx context.Context, r *supervisor.Running) error {
		for epoch := range int64(2) {
			for range 10 {
				if _, err := m.step(ctx, r.Session); err != nil {
					return err
				}
			}
			if err := r.StepDone(ctx, epoch+1); err != nil {
				return err
			}
		}
		return nil
	}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, epochs))
	assert.Equal(t, "model-10", saved(log)[0])
	assert.Subset(t, []string{"model-10", "model-20"}, saved(log))
	err := supervisor.Run(t.Context(), m.g, m.sv, o, epochs)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "StepDone was called with step 1, but the training continues from step 20")
	assert.EqualValues(t, 20, stepAt(t, m, o.Dir))
}

func TestGlobalStepOfAnyInteger(t *testing.T) {
	for _, dt := range []dtype.DataType{dtype.Int16, dtype.Uint64} {
		g := tf.NewGraph()
		v := must[*tf.Variable](t)(tf.NewVariable(g, tf.GlobalStep, tf.Zeros().WithDType(dt), nil))
		sv := must[*saver.Saver](t)(saver.New(g, nil))
		folder := t.TempDir()
		for run := range int64(2) {
			require.NoError(t, supervisor.Run(t.Context(), g, sv, &supervisor.Options{Dir: folder}, func(ctx context.Context, r *supervisor.Running) error {
				assert.Equal(t, run*3, r.Step)
				three := must[*tf.Tensor](t)(tf.NewTensor(map[dtype.DataType]any{dtype.Int16: int16(3), dtype.Uint64: uint64(3)}[dt]))
				_, err := r.Session.Run(ctx, map[tf.Output]*tf.Tensor{v.InitialValue(): three}, nil, []*tf.Operation{v.Initializer()}, nil)
				return err
			}))
		}
		require.NoError(t, sv.Close())
	}
}

// Two trainings with state files of their own and checkpoints of the same name would replace
// each other's.
func TestNamesOfTwoTrainingsInOneDirectory(t *testing.T) {
	folder := t.TempDir()
	m, other := modelOn(t, 0, 4, nil), modelOn(t, 0, 4, nil)
	own := &supervisor.Options{Dir: folder, SaveSteps: 1, LatestFilename: "own"}
	only := &supervisor.Options{Dir: folder, SaveInterval: -1}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, &supervisor.Options{Dir: folder, SaveSteps: 1}, func(ctx context.Context, r *supervisor.Running) error {
		err := supervisor.Run(ctx, other.g, other.sv, own, neverCalled(t))
		require.ErrorIs(t, err, tfkeep.ErrLocked)
		assert.ErrorContains(t, err, "SaveName")
		require.NoError(t, supervisor.Run(ctx, other.g, other.sv, only, func(ctx context.Context, r *supervisor.Running) error {
			_, err := r.Save(ctx)
			require.ErrorIs(t, err, tfkeep.ErrLocked)
			return nil
		}))
		return steps(m, 2)(ctx, r)
	}))
	err := supervisor.Run(t.Context(), other.g, other.sv, own, neverCalled(t))
	require.ErrorIs(t, err, tfkeep.ErrExists)
	assert.ErrorContains(t, err, `the state file "checkpoint" is of another training`)
	own.SaveName = "own"
	require.NoError(t, supervisor.Run(t.Context(), other.g, other.sv, own, steps(other, 1)))
	assert.EqualValues(t, 2, stepAt(t, m, folder))
}

// A directory may be removed, or another one put in its place, while a training saves there. The
// lock is taken again, and what is in the other directory stays.
func TestDirectoryGoesWhileTraining(t *testing.T) {
	for _, how := range []string{"removed", "renamed", "replaced", "only the lock"} {
		t.Run(how, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "ckpt")
			m := modelOn(t, 0, 4, &saver.Options{MaxToKeep: 2})
			o := &supervisor.Options{Dir: folder, SaveSteps: 1}
			theirs := filepath.Join(folder, "model-3.index")
			require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
				require.NoError(t, steps(m, 4)(ctx, r))
				switch how {
				case "removed":
					require.NoError(t, os.RemoveAll(folder))
				case "only the lock":
					require.NoError(t, os.Remove(filepath.Join(folder, "checkpoint.tfkeep-lock")))
				default:
					require.NoError(t, os.Rename(folder, folder+"-moved"))
				}
				if how == "replaced" {
					require.NoError(t, os.Mkdir(folder, 0o755))
					require.NoError(t, os.WriteFile(theirs, []byte("a backup"), 0o600))
				}
				require.NoError(t, steps(m, 3)(ctx, r))
				_, err := dir.Lock(filepath.Join(folder, "checkpoint"))
				require.ErrorIs(t, err, tfkeep.ErrLocked)
				return nil
			}))
			list := must[[]dir.Checkpoint](t)(dir.List(t.Context(), folder, nil))
			if how == "replaced" {
				assert.FileExists(t, theirs)
				list = list[:2]
			}
			require.Len(t, list, 2)
			assert.Equal(t, "model-7", filepath.Base(list[0].Prefix))
			if how == "renamed" {
				assert.FileExists(t, filepath.Join(folder+"-moved", "model-3.index"))
			}
		})
	}
}
