package supervisor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
)

func neverCalled(t *testing.T) func(context.Context, *supervisor.Running) error {
	return func(context.Context, *supervisor.Running) error {
		assert.Fail(t, "the body is called")
		return nil
	}
}

// A second process is refused before it trains, and told who is the first. It may wait.
func TestSecondProcessIsRefusedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	cmd, lines := startSignaled(t, dir)
	m := modelOn(t, 0, 4, nil)
	o := &supervisor.Options{Dir: dir, SaveSteps: 1}
	err := supervisor.Run(t.Context(), m.g, m.sv, o, neverCalled(t))
	require.ErrorIs(t, err, tfkeep.ErrLocked)
	host := must[string](t)(os.Hostname())
	assert.ErrorContains(t, err, fmt.Sprintf("process %d on %s, since 20", cmd.Process.Pid, host))
	// So is one that only resumes, because it is going to save.
	err = supervisor.Run(t.Context(), m.g, m.sv, &supervisor.Options{Dir: dir}, neverCalled(t))
	require.ErrorIs(t, err, tfkeep.ErrLocked)

	o.Resume = &saver.ResumeOptions{Wait: true}
	ctx, cancel := context.WithCancel(t.Context())
	o.OnEvent = func(e supervisor.Event) {
		assert.Equal(t, supervisor.Waiting, e.Kind)
		cancel()
	}
	err = supervisor.Run(ctx, m.g, m.sv, o, neverCalled(t))
	require.ErrorIs(t, err, tfkeep.ErrLocked)
	require.ErrorIs(t, err, context.Canceled)

	log := new(events)
	o.OnEvent = func(e supervisor.Event) {
		log.add(e)
		if e.Kind == supervisor.Waiting {
			assert.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		}
	}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, steps(m, 1)))
	for lines.Scan() {
	}
	require.NoError(t, cmd.Wait())
	require.Len(t, log.of(supervisor.Waiting), 1)
	require.Len(t, log.of(supervisor.Resumed), 1, "the first process saved when it ended")
	assert.Contains(t, log.of(supervisor.Waiting)[0].String(), fmt.Sprintf("process %d", cmd.Process.Pid))
}

// Two trainings of one process would replace and remove each other's checkpoints.
func TestSecondRunInOneProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	m, other := modelOn(t, 0, 4, nil), modelOn(t, 0, 4, nil)
	o := &supervisor.Options{Dir: dir, SaveSteps: 1}
	log := new(events)
	waited := make(chan error, 1)
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		err := supervisor.Run(ctx, other.g, other.sv, &supervisor.Options{Dir: dir + "/.", LatestFilename: "checkpoint"}, neverCalled(t))
		require.ErrorIs(t, err, tfkeep.ErrLocked)
		assert.ErrorContains(t, err, "another training of this process saves here")
		// One that only looks, or has a state file of its own, is no second one.
		only := &supervisor.Options{Dir: dir, SaveInterval: -1}
		require.NoError(t, supervisor.Run(ctx, other.g, other.sv, only, steps(other, 1)))
		own := &supervisor.Options{Dir: dir, SaveSteps: 1, LatestFilename: "own", SaveName: "own"}
		require.NoError(t, supervisor.Run(ctx, other.g, other.sv, own, steps(other, 1)))

		wait := &supervisor.Options{Dir: dir, SaveSteps: 1, Resume: &saver.ResumeOptions{Wait: true}}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, supervisor.Run(ended, other.g, other.sv, wait, neverCalled(t)), context.Canceled)
		wait.OnEvent = log.add
		go func() {
			waited <- supervisor.Run(t.Context(), other.g, other.sv, wait, func(ctx context.Context, r *supervisor.Running) error {
				assert.EqualValues(t, 2, r.Step)
				return steps(other, 1)(ctx, r)
			})
		}()
		require.Eventually(t, func() bool { return len(log.of(supervisor.Waiting)) > 0 }, time.Minute, time.Millisecond)
		return steps(m, 2)(ctx, r)
	}))
	require.NoError(t, <-waited)
	require.Len(t, log.of(supervisor.Waiting), 1)
}

// The first of two processes may die instead of ending. Its name in the lock file is then
// replaced.
func TestLockNamesTheProcessThatLives(t *testing.T) {
	dir := t.TempDir()
	dead, _ := startSignaled(t, dir)
	require.NoError(t, dead.Process.Kill())
	_ = dead.Wait()
	require.FileExists(t, filepath.Join(dir, "checkpoint.tfkeep-lock"))
	cmd, _ := startSignaled(t, dir)
	m := modelOn(t, 0, 4, nil)
	err := m.sv.Lock(t.Context(), dir, nil)
	require.ErrorIs(t, err, tfkeep.ErrLocked)
	assert.ErrorContains(t, err, fmt.Sprintf("process %d on", cmd.Process.Pid))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.NoError(t, m.sv.Lock(t.Context(), dir, nil))
}

func TestUnwritableDirIsToldAtTheStart(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	for _, o := range []*supervisor.Options{{SaveSteps: 1}, {SaveInterval: 1}} {
		o.Dir = filepath.Join(file, "ckpt")
		err := supervisor.Run(t.Context(), m.g, m.sv, o, neverCalled(t))
		require.ErrorIs(t, err, syscall.ENOTDIR)
		assert.ErrorContains(t, err, "lock "+o.Dir)
	}
	// Go would make a folder of that name.
	err := supervisor.Run(t.Context(), m.g, m.sv, &supervisor.Options{Dir: "gs://bucket/ckpt", SaveSteps: 1}, neverCalled(t))
	require.ErrorIs(t, err, tfkeep.ErrUnsupported)
	assert.NoDirExists(t, "gs:")
}

func TestGlobalStepThatGoesBack(t *testing.T) {
	dir := t.TempDir()
	m := modelOn(t, 0, 4, nil)
	log := new(events)
	o := &supervisor.Options{Dir: dir, SaveSteps: 10, OnEvent: log.add}
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		if err := steps(m, 12)(ctx, r); err != nil {
			return err
		}
		if err := r.Session.RunOps(ctx, m.global.Initializer()); err != nil {
			return err
		}
		return steps(m, 12)(ctx, r)
	}))
	assert.Equal(t, []string{"model-10", "model-11", "model-12"}, saved(log), "the counter begins anew at 1")
	sess := openSession(t, m)
	r, err := m.sv.Resume(t.Context(), sess, dir, nil)
	require.NoError(t, err)
	assert.Equal(t, "model-12", filepath.Base(r.Path))
	assert.Equal(t, []int64{24}, must[[]int64](t)(m.values(t.Context(), sess)), "that of the second time")
}
