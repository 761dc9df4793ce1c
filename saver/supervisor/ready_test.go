package supervisor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
)

// A chief that has given every variable a value but is not done yet: to a worker
// of TensorFlow's, the model is ready.
func TestWorkersWaitUntilTheChiefIsDone(t *testing.T) {
	for name, noMark := range map[string]bool{"with the mark": false, "without, as in TensorFlow": true} {
		t.Run(name, func(t *testing.T) {
			c := cluster(t, 2, 2)
			m, second := modelOn(t, 2, 10, nil), modelOn(t, 2, 10, nil)
			chiefLog, workerLog := new(events), new(events)
			preparing, goOn, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
			chief := make(chan error, 1)
			go func() {
				o := options(c, "", chiefLog)
				o.NoMark = noMark
				o.Prepare = func(context.Context, *tf.Session, *saver.Resumed) error {
					close(preparing)
					<-goOn
					return nil
				}
				chief <- supervisor.Run(t.Context(), m.g, m.sv, o, func(context.Context, *supervisor.Running) error {
					<-over
					return nil
				})
			}()
			<-preparing
			o := worker(c, 1, workerLog)
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
				<-began // too early, and nothing says so
			} else {
				require.Eventually(t, func() bool { return len(of[supervisor.Retrying](workerLog)) >= 3 }, 20*time.Second, time.Millisecond)
				assert.ErrorContains(t, of[supervisor.Retrying](workerLog)[0].Err, "no mark on /job:ps/task:0, /job:ps/task:1")
				assert.Empty(t, of[supervisor.Ready](workerLog))
			}
			close(goOn)
			<-began
			require.NoError(t, <-ended)
			close(over)
			require.NoError(t, <-chief)
		})
	}
}

func nobody(context.Context, *supervisor.Running) error { return nil }

func TestAWorkerWithoutAChiefGivesUp(t *testing.T) {
	c := cluster(t, 2, 2)
	for name, noMark := range map[string]bool{"with the mark": false, "without": true} {
		m := modelOn(t, 2, 10, nil)
		o := worker(c, 1, new(events))
		o.NoMark = noMark
		o.RecoveryTimeout = time.Second
		err := supervisor.Run(t.Context(), m.g, m.sv, o, nobody)
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

func TestAWorkerWaitsForReady(t *testing.T) {
	c := cluster(t, 1, 2)
	m, second := modelOn(t, 1, 10, nil), modelOn(t, 1, 10, nil)
	// Ready once two steps are done.
	two, err := second.g.AddOp(tf.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": tf.Int64, "value": must[*tf.Tensor](t)(tf.NewTensor(int64(2)))}})
	require.NoError(t, err)
	ready, err := second.g.AddOp(tf.OpSpec{Type: "GreaterEqual", Input: []tf.Input{second.global.Value(), two.Output(0)}})
	require.NoError(t, err)

	log := new(events)
	over := make(chan struct{})
	chief := make(chan error, 1)
	go func() {
		chief <- supervisor.Run(t.Context(), m.g, m.sv, options(c, "", new(events)), func(ctx context.Context, r *supervisor.Running) error {
			for range 2 {
				if !assert.Eventually(t, func() bool { return len(of[supervisor.Retrying](log)) > 0 }, 20*time.Second, time.Millisecond) {
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
	o := worker(c, 1, log)
	o.Ready = ready.Output(0)
	require.NoError(t, supervisor.Run(t.Context(), second.g, second.sv, o, func(_ context.Context, r *supervisor.Running) error {
		assert.EqualValues(t, 2, r.Step)
		return nil
	}))
	close(over)
	require.NoError(t, <-chief)
}

// What never had a value is a fault of the program, and no loss.
func TestAVariableThatNobodyInitializesIsNoLoss(t *testing.T) {
	c := cluster(t, 1, 1)
	m := modelOn(t, 1, 10, nil)
	var stray *tf.Variable
	require.NoError(t, m.g.WithDevice("/job:ps/task:0", func() (err error) {
		stray, err = tf.NewVariableWith(m.g, "stray", tf.Zeros(2), &tf.VariableOptions{Collections: []string{}})
		return err
	}))
	log := new(events)
	calls := 0
	err := supervisor.Run(t.Context(), m.g, m.sv, options(c, "", log), func(ctx context.Context, r *supervisor.Running) error {
		calls++
		got, err := r.Session.Run(ctx, nil, []tf.Output{stray.Value()}, nil)
		tf.Release(got...)
		return err
	})
	var uninitialized *tf.UninitializedError
	require.ErrorAs(t, err, &uninitialized)
	assert.Equal(t, "stray", uninitialized.Variable)
	assert.Equal(t, 1, calls, log)
}

func TestOtherErrorsOfTheBodyAreReturnedAtOnce(t *testing.T) {
	c := cluster(t, 1, 1)
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

// A body that fails for ever with an error of a loss, while nothing is lost.
func TestABodyWithoutProgressIsGivenUp(t *testing.T) {
	c := cluster(t, 1, 1)
	m := modelOn(t, 1, 10, nil)
	o := options(c, "", new(events))
	o.RecoveryTimeout = 2 * time.Second
	calls := 0
	err := supervisor.Run(t.Context(), m.g, m.sv, o, func(context.Context, *supervisor.Running) error {
		calls++
		return &tf.Error{Code: codeOf(t, tf.ErrDeadlineExceeded), Message: "mine"}
	})
	require.ErrorIs(t, err, supervisor.ErrNoProgress)
	assert.ErrorContains(t, err, "raise OperationTimeout")
	assert.Greater(t, calls, 1)
}

func codeOf(t *testing.T, kind error) tf.Code {
	t.Helper()
	var c tf.Code
	require.ErrorAs(t, kind, &c)
	return c
}
