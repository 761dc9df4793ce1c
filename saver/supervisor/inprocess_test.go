package supervisor_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/saver/supervisor"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// A worker's master is usually in the client's own process, where TensorFlow calls it
// without gRPC.
func TestMasterInClientProcess(t *testing.T) {
	dir := t.TempDir()
	c := startCluster(t, 2, 1)
	require.NoError(t, c.Kill("worker", 0), "this process replaces it")
	_, err := cluster.NewServer(c.Spec(), &cluster.ServerOptions{Task: cluster.Task{Job: "worker"}})
	require.NoError(t, err)
	repeated(t, "ps killed, master in this process", func(t *testing.T, f *figures) {
		m := modelOn(t, 2, 1000, &saver.Options{Sharded: true})
		log := new(events)
		o := options(c, filepath.Join(dir, t.Name()), log)
		o.SaveSteps = 20
		o.OperationTimeout = time.Second
		var killed, paused time.Time
		train, hurtDone := trainWithFault(m, 60, 30, func() {
			killed = time.Now()
			assert.NoError(t, c.Restart(t.Context(), "ps", 1))
		})
		require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, train), log)
		<-hurtDone
		require.NotEmpty(t, log.of(supervisor.Resumed), log)
		f.add("noticed after", log.when(t, supervisor.Lost, killed).Sub(killed))
		f.add("training again after the kill", log.when(t, supervisor.Ready, killed).Sub(killed))

		log = new(events)
		o.OnEvent = log.add
		train, hurtDone = trainWithFault(m, 120, 90, func() {
			paused = time.Now()
			assert.NoError(t, c.Pause("ps", 1))
			assert.Eventually(t, func() bool { return len(log.retriesAfterLoss()) > 0 }, 20*time.Second, 5*time.Millisecond)
			assert.NoError(t, c.Continue("ps", 1))
		})
		require.NoError(t, supervisor.Run(t.Context(), m.g, m.sv, o, train), log)
		<-hurtDone
		f.add("noticed after, ps stopped", log.when(t, supervisor.Lost, paused).Sub(paused))
	})
	// TensorFlow ignores the timeout when it connects and closes.
	require.NoError(t, c.Kill("ps", 1))
	m := modelOn(t, 2, 10, nil)
	firstRun := func() error {
		sess := must[*tf.Session](t)(tf.NewSession(m.g, &tf.SessionOptions{Target: c.Target("worker", 0), OperationTimeout: 300 * time.Millisecond}))
		err := sess.RunOps(t.Context(), m.train)
		require.NoError(t, sess.Close())
		return err
	}
	err = firstRun()
	if errors.Is(err, status.Unavailable) {
		err = firstRun() // the first call was under way when the connection broke
	}
	require.ErrorIs(t, err, status.DeadlineExceeded)

	o := options(c, "", new(events))
	o.OperationTimeout, o.RecoveryTimeout, o.Cluster = 500*time.Millisecond, 700*time.Millisecond, nil
	require.ErrorIs(t, supervisor.Run(t.Context(), m.g, m.sv, o, emptyBody), supervisor.ErrUnreachable)
	require.NoError(t, c.Restart(t.Context(), "ps", 1))
	require.Eventually(t, func() bool { return live.Now().Sessions == 0 }, 30*time.Second, 20*time.Millisecond, "TensorFlow frees the sessions then")
}
