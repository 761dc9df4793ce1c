package supervisor_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
)

// stepAt returns the step of the newest checkpoint, as the next run resumes from it.
func stepAt(t *testing.T, m *model, dir string) (step int64) {
	t.Helper()
	require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, &supervisor.Options{Dir: dir}, func(_ context.Context, r *supervisor.Running) error {
		step = r.Step
		return nil
	}))
	return step
}

// requireStopped requires that a training ended by its context, with its last step saved,
// and returns that step.
func requireStopped(t *testing.T, err, cause error, m *model, dir string) int64 {
	t.Helper()
	var stopped *supervisor.StoppedError
	require.ErrorAs(t, err, &stopped)
	require.ErrorIs(t, err, cause)
	require.NoError(t, stopped.Err)
	assert.Equal(t, filepath.Join(dir, fmt.Sprintf("model-%d", stopped.Step)), stopped.Path)
	assert.Equal(t, stopped.Step, stepAt(t, m, dir))
	assert.ErrorContains(t, err, "saved "+stopped.Path)
	return stopped.Step
}

func TestEndOfContextSavesTheLastStep(t *testing.T) {
	for _, test := range []struct {
		name string
		// body trains until the context ends; step does one step.
		body func(ctx context.Context, r *supervisor.Running, step func() error) error
	}{
		{"StepDone returns the error", func(_ context.Context, _ *supervisor.Running, step func() error) error {
			for {
				if err := step(); err != nil {
					return err
				}
			}
		}},
		{"the loop asks", func(_ context.Context, r *supervisor.Running, step func() error) error {
			for !r.ShouldStop() {
				if err := step(); err != nil && !r.ShouldStop() {
					return err
				}
			}
			return nil
		}},
		{"the context's error", func(ctx context.Context, _ *supervisor.Running, step func() error) error {
			for {
				if err := step(); err != nil {
					return fmt.Errorf("train: %w", ctx.Err())
				}
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := modelOn(t, 0, 4, nil)
			dir := t.TempDir()
			why := errors.New("the machine is taken away")
			ctx, cancel := context.WithCancelCause(t.Context())
			log := new(events)
			o := &supervisor.Options{Dir: dir, SaveSteps: 100, OnEvent: log.add}
			err := supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
				return test.body(ctx, r, func() error {
					step, err := m.step(ctx, r.Session)
					if err != nil {
						return err
					}
					if step == 7 {
						cancel(why)
					}
					return r.StepDone(ctx, step)
				})
			})
			assert.GreaterOrEqual(t, requireStopped(t, err, why, m, dir), int64(7))
			require.Len(t, log.of(supervisor.Stopping), 1)
			assert.Equal(t, 30*time.Second, log.of(supervisor.Stopping)[0].Pause)
		})
	}
}

// A deadline that TensorFlow knew of would end a step in the middle.
func TestDeadlineSavesTheLastStep(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := supervisor.Run(ctx, m.g, m.sv, &supervisor.Options{Dir: dir, SaveSteps: 1 << 40}, func(ctx context.Context, r *supervisor.Running) error {
		_, deadline := ctx.Deadline()
		assert.False(t, deadline)
		return steps(m, 1<<40)(ctx, r)
	})
	requireStopped(t, err, context.DeadlineExceeded, m, dir)
}

// A save that is under way when the context ends is finished.
func TestEndOfContextDuringSaves(t *testing.T) {
	for _, async := range []bool{false, true} {
		t.Run(fmt.Sprintf("async %t", async), func(t *testing.T) {
			m := modelOn(t, 0, 1<<20, nil)
			dir := t.TempDir()
			for range 5 {
				ctx, cancel := context.WithCancel(t.Context())
				o := &supervisor.Options{Dir: dir, SaveSteps: 1, SaveAsync: async}
				err := supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
					time.AfterFunc(5*time.Millisecond, cancel)
					return steps(m, 1<<40)(ctx, r)
				})
				requireStopped(t, err, context.Canceled, m, dir)
			}
		})
	}
}

// A save in the background that fails when the context ends does not keep the last step from
// being saved.
func TestEndOfContextAfterAFailedSave(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	dir := t.TempDir()
	// The index of the first step cannot be put in its place.
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "model-1.index", "full"), 0o755))
	ctx, cancel := context.WithCancel(t.Context())
	log := new(events)
	o := &supervisor.Options{Dir: dir, SaveSteps: 1, SaveAsync: true, OnEvent: log.add}
	err := supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		if err := steps(m, 1)(ctx, r); err != nil {
			return err
		}
		_, err := m.step(ctx, r.Session)
		cancel()
		return errors.Join(err, ctx.Err())
	})
	require.Len(t, log.of(supervisor.SaveFailed), 1)
	assert.EqualValues(t, 2, requireStopped(t, err, context.Canceled, m, dir))
}

func TestEndOfContextDoesNotSaveFailures(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	mine := errors.New("the loss is not finite")
	err := supervisor.Run(ctx, m.g, m.sv, &supervisor.Options{Dir: dir, SaveSteps: 100}, func(context.Context, *supervisor.Running) error {
		cancel()
		return mine
	})
	var stopped *supervisor.StoppedError
	require.ErrorAs(t, err, &stopped)
	require.ErrorIs(t, err, mine)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, stopped.Path)
	assert.NoFileExists(t, filepath.Join(dir, "checkpoint"))
}

func TestGracePeriodEndsARun(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	never := endlessRun(t, m)
	ctx, cancel := context.WithCancel(t.Context())
	o := &supervisor.Options{Dir: t.TempDir(), SaveSteps: 2, GracePeriod: 50 * time.Millisecond}
	newest := filepath.Join(o.Dir, "model-2")
	err := supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		if err := steps(m, 3)(ctx, r); err != nil {
			return err
		}
		cancel()
		return r.Session.RunOps(context.WithoutCancel(ctx), never)
	})
	var stopped *supervisor.StoppedError
	require.ErrorAs(t, err, &stopped)
	assert.Empty(t, stopped.Path)
	assert.ErrorContains(t, err, "at step 3; this step is not saved, the newest checkpoint is "+newest+": the grace period is over")
	assert.Equal(t, newest, stopped.Newest)
}

// endlessRun returns an operation whose run does not end by itself.
func endlessRun(t *testing.T, m *model) *tf.Operation {
	t.Helper()
	types := map[string]any{"component_types": []dtype.DataType{dtype.Float32}}
	queue := must[*tf.Operation](t)(m.g.AddOp(tf.OpSpec{Type: "FIFOQueueV2", Attrs: types}))
	return must[*tf.Operation](t)(m.g.AddOp(tf.OpSpec{Type: "QueueDequeueV2", Attrs: types, Input: []tf.Input{queue.Output(0)}}))
}

func TestEndOfContextBeforeTheFirstStep(t *testing.T) {
	m := modelOn(t, 0, 4, nil)
	ctx, cancel := context.WithCancel(t.Context())
	o := &supervisor.Options{Prepare: func(context.Context, *tf.Session, *saver.Resumed) error {
		cancel()
		return ctx.Err()
	}}
	err := supervisor.Run(ctx, m.g, m.sv, o, neverCalled(t))
	var stopped *supervisor.StoppedError
	require.ErrorAs(t, err, &stopped)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, stopped.Err)
	assert.EqualError(t, err, "run training: context canceled before the first step")
}

// signaled is the environment variable with the directory in which this test binary trains
// until it gets a signal.
const signaled = "TFKEEP_TEST_SIGNALED"

// signaledMain trains as a program does that stops at SIGTERM. It ignores the end of its
// context if the directory ends in "stuck".
func signaledMain(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	m, err := newModel(0, 4, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	o := &supervisor.Options{Dir: dir, SaveSteps: 1 << 40, OnEvent: func(e supervisor.Event) { fmt.Println(e) }}
	err = supervisor.Run(ctx, m.g, m.sv, o, func(ctx context.Context, r *supervisor.Running) error {
		if strings.HasSuffix(dir, "stuck") {
			<-ctx.Done()
			fmt.Println("stuck")
			select {}
		}
		return steps(m, 1<<40)(ctx, r)
	})
	fmt.Println(err)
	if err := m.sv.Close(); err != nil {
		return 1
	}
	return 0
}

// startSignaled starts a process that trains, and returns its output from the line on at
// which the training begins.
func startSignaled(t *testing.T, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), signaled+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "ready") {
			return cmd, lines
		}
	}
	require.Fail(t, "the training does not begin")
	return nil, nil
}

func TestSignalSavesTheLastStep(t *testing.T) {
	dir := t.TempDir()
	var before int64
	for range 3 {
		cmd, lines := startSignaled(t, dir)
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		var last string
		for lines.Scan() {
			last = lines.Text()
		}
		require.NoError(t, cmd.Wait())
		m := must[*model](t)(newModel(0, 4, nil))
		step := stepAt(t, m, dir)
		require.NoError(t, m.sv.Close())
		assert.Contains(t, last, fmt.Sprintf("at step %d; saved %s", step, filepath.Join(dir, fmt.Sprintf("model-%d", step))))
		assert.GreaterOrEqual(t, step, before)
		before = step
	}
	assert.NoFileExists(t, filepath.Join(dir, "checkpoint.tfkeep-lock"))
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	cmd, lines := startSignaled(t, filepath.Join(t.TempDir(), "stuck"))
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	for lines.Scan() && lines.Text() != "stuck" {
	}
	// The first signal may be handled a moment after the context ends.
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	require.Eventually(t, func() bool {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err = <-ended:
			return true
		default:
			return false
		}
	}, time.Minute, 10*time.Millisecond)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, syscall.SIGTERM, exit.Sys().(syscall.WaitStatus).Signal())
}
