package supervisor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// A chief has given every variable a value and is not done yet. By TensorFlow's rule
// the model is ready; with the mark, workers wait.
func TestWorkersWaitUntilChiefIsDone(t *testing.T) {
	for _, test := range []struct {
		name   string
		noMark bool
	}{{"with the mark", false}, {"without, as in TensorFlow", true}} {
		t.Run(test.name, func(t *testing.T) {
			noMark := test.noMark
			c := startCluster(t, 2, 2)
			m, second := modelOn(t, 2, 10, nil), modelOn(t, 2, 10, nil)
			chiefLog, workerLog := new(events), new(events)
			preparing, resume, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
			chief := make(chan error, 1)
			go func() {
				o := options(c, "", chiefLog)
				o.NoMark = noMark
				o.Prepare = func(context.Context, *tf.Session, *saver.Resumed) error {
					close(preparing)
					<-resume
					return nil
				}
				chief <- supervisor.Run(t.Context(), m.g, m.sv, o, func(context.Context, *supervisor.Running) error {
					<-over
					return nil
				})
			}()
			<-preparing
			o := worker(c, workerLog)
			o.NoMark = noMark
			began := make(chan struct{})
			ended := make(chan error, 1)
			go func() {
				ended <- supervisor.Run(t.Context(), second.g, second.sv, o, func(context.Context, *supervisor.Running) error {
					close(began)
					return nil
				})
			}()
			if noMark {
				<-began // too early, without any sign of it
			} else {
				require.Eventually(t, func() bool { return len(workerLog.of(supervisor.Retrying)) >= 3 }, 20*time.Second, time.Millisecond)
				assert.ErrorContains(t, workerLog.of(supervisor.Retrying)[0].Err, "no mark on /job:ps/task:0, /job:ps/task:1")
				assert.Empty(t, workerLog.of(supervisor.Ready))
			}
			close(resume)
			<-began
			require.NoError(t, <-ended)
			close(over)
			require.NoError(t, <-chief)
		})
	}
}

func emptyBody(context.Context, *supervisor.Running) error { return nil }

func TestWorkerWithoutChiefGivesUp(t *testing.T) {
	c := startCluster(t, 2, 2)
	for _, test := range []struct {
		name   string
		noMark bool
	}{{"with the mark", false}, {"without", true}} {
		name, noMark := test.name, test.noMark
		m := modelOn(t, 2, 10, nil)
		o := worker(c, new(events))
		o.NoMark = noMark
		o.RecoveryTimeout = time.Second
		err := supervisor.Run(t.Context(), m.g, m.sv, o, emptyBody)
		var outage *supervisor.OutageError
		require.ErrorAs(t, err, &outage, name)
		require.ErrorIs(t, err, supervisor.ErrNotReady, name)
		assert.ErrorContains(t, err, "start the chief", name)
		assert.Empty(t, outage.Tasks, name)
		if noMark {
			assert.ErrorContains(t, err, "w0, w1", name)
		}
	}
}

func TestWorkerWaitsForReadyOp(t *testing.T) {
	c := startCluster(t, 1, 2)
	m, second := modelOn(t, 1, 10, nil), modelOn(t, 1, 10, nil)
	// The model is ready once two steps are done.
	two, err := second.g.AddOp(tf.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": dtype.Int64, "value": must[*tf.Tensor](t)(tf.NewTensor(int64(2)))}})
	require.NoError(t, err)
	ready, err := second.g.AddOp(tf.OpSpec{Type: "GreaterEqual", Input: []tf.Input{second.global.Value(), two.Output(0)}})
	require.NoError(t, err)

	log := new(events)
	over := make(chan struct{})
	chief := make(chan error, 1)
	go func() {
		chief <- supervisor.Run(t.Context(), m.g, m.sv, options(c, "", new(events)), func(ctx context.Context, r *supervisor.Running) error {
			for range 2 {
				if !assert.Eventually(t, func() bool { return len(log.of(supervisor.Retrying)) > 0 }, 20*time.Second, time.Millisecond) {
					break
				}
				if _, err := m.step(ctx, r.Session); err != nil {
					return err
				}
			}
			<-over
			return nil
		})
	}()
	o := worker(c, log)
	o.Ready = ready.Output(0)
	require.NoError(t, supervisor.Run(t.Context(), second.g, second.sv, o, func(_ context.Context, r *supervisor.Running) error {
		assert.EqualValues(t, 2, r.Step)
		return nil
	}))
	close(over)
	require.NoError(t, <-chief)
}

// A variable that never had a value is an error of the program, not a loss.
func TestUninitializedVariableIsNoLoss(t *testing.T) {
	c := startCluster(t, 1, 1)
	m := modelOn(t, 1, 10, nil)
	var stray *tf.Variable
	require.NoError(t, m.g.WithDevice("/job:ps/task:0", func() (err error) {
		stray, err = tf.NewVariable(m.g, "stray", tf.Zeros(2), &tf.VariableOptions{Collections: []string{}})
		return err
	}))
	log := new(events)
	calls := 0
	err := supervisor.Run(t.Context(), m.g, m.sv, options(c, "", log), func(ctx context.Context, r *supervisor.Running) error {
		calls++
		got, err := r.Session.Run(ctx, nil, []tf.Output{stray.Value()}, nil, nil)
		tf.Release(got...)
		return err
	})
	var uninitialized *tf.UninitializedError
	require.ErrorAs(t, err, &uninitialized)
	assert.Equal(t, []string{"stray"}, uninitialized.Variables)
	assert.Equal(t, 1, calls, log)
}

func TestOtherErrorsAreReturnedAtOnce(t *testing.T) {
	c := startCluster(t, 1, 1)
	m := modelOn(t, 1, 10, nil)
	mine := errors.New("mine")
	calls := 0
	err := supervisor.Run(t.Context(), m.g, m.sv, options(c, "", new(events)), func(context.Context, *supervisor.Running) error {
		calls++
		return mine
	})
	require.ErrorIs(t, err, mine)
	assert.Equal(t, 1, calls)
}

// The body keeps failing with an error that means a loss, while nothing is lost.
func TestBodyWithoutProgress(t *testing.T) {
	c := startCluster(t, 1, 1)
	m := modelOn(t, 1, 10, nil)
	o := options(c, "", new(events))
	o.RecoveryTimeout = 2 * time.Second
	calls := 0
	err := supervisor.Run(t.Context(), m.g, m.sv, o, func(context.Context, *supervisor.Running) error {
		calls++
		return &status.Error{Code: codeOf(t, status.DeadlineExceeded), Message: "mine"}
	})
	require.ErrorIs(t, err, supervisor.ErrNoProgress)
	assert.ErrorContains(t, err, "raise OperationTimeout")
	assert.Greater(t, calls, 1)
}

func codeOf(t *testing.T, kind error) status.Code {
	t.Helper()
	var c status.Code
	require.ErrorAs(t, kind, &c)
	return c
}
