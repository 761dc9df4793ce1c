package supervisor_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/tf"
)

// Workers usually serve themselves: the master is in the client's process, and
// TensorFlow then calls it without gRPC.
func TestWithTheMasterInTheClientsOwnProcessLossesAreNoticedToo(t *testing.T) {
	dir := t.TempDir()
	c := cluster(t, 2, 1)
	require.NoError(t, c.Kill("worker", 0), "this process takes its place")
	_, err := tf.NewServer(c.Spec(), &tf.ServerOptions{Job: "worker", Task: 0})
	require.NoError(t, err)
	repeated(t, "ps killed, master in this process", func(t *testing.T, f *figures) {
		m := modelOn(t, 2, 1000, &saver.Options{Sharded: true})
		log := new(events)
		o := options(c, filepath.Join(dir, t.Name()), log)
		o.SaveSteps = 20
		o.OperationTimeout = time.Second
		var killed, paused time.Time
		train, hurting := until(m, 60, 30, func() {
			killed = time.Now()
			assert.NoError(t, c.Restart(t.Context(), "ps", 1))
		})
		require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, train), log)
		<-hurting
		require.NotEmpty(t, of[supervisor.Resumed](log), log)
		f.add("noticed after", when[supervisor.Lost](t, log, killed).Sub(killed))
		f.add("training again after the kill", when[supervisor.Ready](t, log, killed).Sub(killed))

		log = new(events)
		o.OnEvent = log.add
		train, hurting = until(m, 120, 90, func() {
			paused = time.Now()
			assert.NoError(t, c.Pause("ps", 1))
			assert.Eventually(t, func() bool { return len(retried(log)) > 0 }, 20*time.Second, 5*time.Millisecond)
			assert.NoError(t, c.Continue("ps", 1))
		})
		require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, train), log)
		<-hurting
		f.add("noticed after, ps stopped", when[supervisor.Lost](t, log, paused).Sub(paused))
	})
	// To connect and to close, TensorFlow waits on when the time is over.
	require.NoError(t, c.Kill("ps", 1))
	m := modelOn(t, 2, 10, nil)
	began := time.Now()
	first := func() error {
		sess := must[*tf.Session](t)(tf.NewSession(m.g, &tf.SessionOptions{Target: c.Target("worker", 0), OperationTimeout: 300 * time.Millisecond}))
		err := sess.RunOps(t.Context(), m.train)
		require.NoError(t, sess.Close())
		return err
	}
	err = first()
	if errors.Is(err, tf.ErrUnavailable) {
		err = first() // the other call was on its way while the connection broke
	}
	require.ErrorIs(t, err, tf.ErrDeadlineExceeded)

	o := options(c, "", new(events))
	o.OperationTimeout, o.RecoveryTimeout, o.Cluster = 500*time.Millisecond, 700*time.Millisecond, nil
	require.ErrorIs(t, supervisor.Run(t.Context(), m.g, m.sv, o, nobody), supervisor.ErrUnreachable)
	assert.Less(t, time.Since(began), 15*time.Second)
	require.NoError(t, c.Restart(t.Context(), "ps", 1))
	require.Eventually(t, func() bool { return capi.Live().Sessions == 0 }, 30*time.Second, 20*time.Millisecond, "TensorFlow lets go of the sessions then")
}
