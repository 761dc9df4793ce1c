package tf_test

import (
	"context"
	"testing"
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/live"
	"github.com/tfkeep/tfkeep/internal/test/localcluster"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

func startCluster(t *testing.T, jobs map[string]int) *localcluster.Cluster {
	t.Helper()
	c, err := localcluster.Start(t.Context(), localcluster.Options{Jobs: jobs})
	require.NoError(t, err)
	t.Cleanup(c.Stop)
	return c
}

// onServer returns a graph with one variable on the first parameter server.
func onServer(t *testing.T) (*tf.Graph, *tf.Variable) {
	t.Helper()
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Value([]float32{1, 2}), &tf.VariableOptions{Device: "/job:ps/task:0"})
	require.NoError(t, err)
	return g, v
}

func openSession(t *testing.T, g *tf.Graph, o tf.SessionOptions) *tf.Session {
	t.Helper()
	sess, err := tf.NewSession(g, &o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = sess.Close() }) // with an error where its server is gone
	return sess
}

func read(ctx context.Context, sess *tf.Session, v *tf.Variable) (any, error) {
	out, err := sess.Run(ctx, nil, []tf.Output{v.Value()}, nil, nil)
	if err != nil {
		return nil, err
	}
	defer tf.Release(out...)
	return out[0].Value(), nil
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// generous is a time limit that is only reached if a test fails.
const generous = 30 * time.Second

func TestFilteredSessionIgnoresOtherServers(t *testing.T) {
	c := startCluster(t, map[string]int{"ps": 1, "worker": 2})
	require.NoError(t, c.Kill("worker", 1))
	g, v := onServer(t)
	mine := openSession(t, g, tf.SessionOptions{Target: c.Target("worker", 0), DeviceFilters: []string{"/job:ps", "/job:worker/task:0"}})
	require.NoError(t, mine.RunOps(within(t, generous), v.Initializer()))
	got, err := read(within(t, generous), mine, v)
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 2}, got)
	devices, err := mine.Devices(t.Context())
	require.NoError(t, err)
	for _, d := range devices {
		assert.NotContains(t, d.Name, "/task:1/")
	}

	all := openSession(t, g, tf.SessionOptions{Target: c.Target("worker", 0), OperationTimeout: time.Second})
	limited := within(t, generous)
	_, err = read(limited, all, v)
	require.ErrorIs(t, err, status.DeadlineExceeded, "without filters the session waits for the dead worker")
	assert.NoError(t, limited.Err(), "the session's own limit ends the run")
}

func TestIsolatedSessionsSeparateVariables(t *testing.T) {
	c := startCluster(t, map[string]int{"ps": 1, "worker": 1})
	g, v := onServer(t)
	open := func(isolate bool) *tf.Session {
		return openSession(t, g, tf.SessionOptions{Target: c.Target("worker", 0), OperationTimeout: generous, Isolate: isolate})
	}
	first, second, apart := open(false), open(false), open(true)
	require.NoError(t, first.RunOps(t.Context(), v.Initializer()))
	got, err := read(t.Context(), second, v)
	require.NoError(t, err, "sessions share what is on the servers")
	assert.Equal(t, []float32{1, 2}, got)
	_, err = read(t.Context(), apart, v)
	var uninitialized *tf.UninitializedError
	require.ErrorAs(t, err, &uninitialized)
	assert.Equal(t, []string{"v"}, uninitialized.Variables)

	value, err := tf.NewTensor([]float32{3, 4})
	require.NoError(t, err)
	defer tf.Release(value)
	_, err = apart.Run(t.Context(), map[tf.Output]*tf.Tensor{v.InitialValue(): value}, nil, []*tf.Operation{v.Initializer()}, nil)
	require.NoError(t, err)
	got, err = read(t.Context(), apart, v)
	require.NoError(t, err)
	assert.Equal(t, []float32{3, 4}, got)
	got, err = read(t.Context(), first, v)
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 2}, got)

	require.NoError(t, first.Close())
	got, err = read(t.Context(), second, v)
	require.NoError(t, err, "the variables outlive the session that set them")
	assert.Equal(t, []float32{1, 2}, got)
}

// TensorFlow itself does not limit the wait of the first run by the run's options.
func TestFirstRunEndsWithContext(t *testing.T) {
	c := startCluster(t, map[string]int{"ps": 1, "worker": 1})
	require.NoError(t, c.Kill("ps", 0))
	g, v := onServer(t)
	open := func() *tf.Session {
		sess, err := tf.NewSession(g, &tf.SessionOptions{Target: c.Target("worker", 0)})
		require.NoError(t, err)
		return sess
	}
	before := live.Now().Sessions
	closeSoon := func(sess *tf.Session) {
		t.Helper()
		closed := make(chan error, 1)
		go func() { closed <- sess.Close() }()
		select {
		case err := <-closed:
			require.NoError(t, err)
		case <-time.After(generous):
			require.Fail(t, "Close waits for the server")
		}
	}

	t.Run("deadline", func(t *testing.T) {
		sess := open()
		defer closeSoon(sess)
		for range 2 {
			_, err := read(within(t, 100*time.Millisecond), sess, v)
			require.ErrorIs(t, err, status.DeadlineExceeded)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "DeviceFilters")
		}
	})
	t.Run("cancel", func(t *testing.T) {
		sess := open()
		defer closeSoon(sess)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err := read(ctx, sess, v)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("callable", func(t *testing.T) {
		sess := open()
		defer closeSoon(sess)
		step, err := sess.MakeCallable(nil, []tf.Output{v.Value()}, nil, nil)
		require.NoError(t, err)
		defer step.Close()
		_, err = step.Run(within(t, 100*time.Millisecond))
		require.ErrorIs(t, err, status.DeadlineExceeded)
	})
	t.Run("Interrupt", func(t *testing.T) {
		sess := open()
		defer closeSoon(sess)
		time.AfterFunc(100*time.Millisecond, func() { _ = sess.Interrupt(t.Context()) })
		_, err := read(t.Context(), sess, v)
		require.ErrorIs(t, err, status.Canceled)
		_, err = read(t.Context(), sess, v)
		require.ErrorIs(t, err, status.Canceled, "an interrupted session can only be closed")
	})
	t.Run("Close", func(t *testing.T) {
		sess := open()
		time.AfterFunc(100*time.Millisecond, func() { _ = sess.Close() })
		_, err := read(t.Context(), sess, v)
		require.ErrorIs(t, err, tfkeep.ErrClosed)
	})

	patient := open()
	_, err := read(within(t, 100*time.Millisecond), patient, v)
	require.ErrorIs(t, err, status.DeadlineExceeded)
	require.NoError(t, c.Restart(t.Context(), "ps", 0))
	require.NoError(t, patient.RunOps(within(t, generous), v.Initializer()), "the session works when the server is back")
	require.NoError(t, patient.Close())
	require.Eventually(t, func() bool { return live.Now().Sessions == before }, generous, 10*time.Millisecond,
		"the sessions that waited are freed")
}

func TestBadDeviceFiltersAreRefused(t *testing.T) {
	g, v := onServer(t)
	for _, filter := range []string{"job:ps", "/job:", "/jobs:ps", "/job:ps/task:x", "/job:a-b", "/job:ps//", "nonsense"} {
		_, err := tf.NewSession(g, &tf.SessionOptions{Target: "grpc://127.0.0.1:1", DeviceFilters: []string{filter}})
		require.ErrorIs(t, err, status.InvalidArgument, filter)
		_, err = tf.NewSession(g, &tf.SessionOptions{Config: &for_core_protos_go_proto.ConfigProto{DeviceFilters: []string{filter}}})
		require.ErrorIs(t, err, status.InvalidArgument, filter)
	}

	c := startCluster(t, map[string]int{"ps": 1, "worker": 1})
	for _, filter := range []string{"", "/job:ps", "/job:*", "/job:ps/task:*", "/job:ps/replica:0/task:0", "/job:ps/device:CPU:0", "/cpu:*", "/job:ps/gpu:0"} {
		sess := openSession(t, g, tf.SessionOptions{Target: c.Target("worker", 0), DeviceFilters: []string{filter}, OperationTimeout: generous})
		err := sess.RunOps(t.Context(), v.Initializer())
		assert.NotErrorIs(t, err, status.Unavailable, "the server is gone: %q", filter)
		assert.NotErrorIs(t, err, status.DeadlineExceeded, "%q", filter)
	}
}
