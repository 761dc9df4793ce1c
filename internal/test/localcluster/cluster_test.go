package localcluster_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/localcluster"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

func started(t *testing.T, o localcluster.Options) *localcluster.Cluster {
	t.Helper()
	c, err := localcluster.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(c.Stop)
	return c
}

// counter makes a variable on a task, which each run of add increments.
func counter(t *testing.T, device string) (g *tf.Graph, init, add *tf.Operation, v *tf.Variable) {
	t.Helper()
	g = tf.NewGraph()
	require.NoError(t, g.WithDevice(device, func() (err error) {
		if v, err = tf.NewVariable(g, "counter", tf.Value(int64(0)), nil); err != nil {
			return err
		}
		one, err := g.AddOp(tf.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": dtype.Int64, "value": must(tf.NewTensor(int64(1)))}})
		if err != nil {
			return err
		}
		add, err = g.AddOp(tf.OpSpec{Type: "AssignAddVariableOp", Input: []tf.Input{v.Handle(), one.Output(0)}})
		return err
	}))
	return g, v.Initializer(), add, v
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestKilledServerLosesVariables(t *testing.T) {
	c := started(t, localcluster.Options{Jobs: map[string]int{"ps": 1, "worker": 1}})
	g, init, add, v := counter(t, "/job:ps/task:0")
	o := &tf.SessionOptions{Target: c.Target("worker", 0), OperationTimeout: 20 * time.Second}
	sess, err := tf.NewSession(g, o)
	require.NoError(t, err)
	require.NoError(t, sess.RunOps(t.Context(), init))
	require.NoError(t, sess.RunOps(t.Context(), add))
	out, err := sess.Run(t.Context(), nil, []tf.Output{v.Value()}, nil, nil)
	require.NoError(t, err)
	assert.Equal(t, int64(1), out[0].Value())
	tf.Release(out...)

	require.NoError(t, c.Kill("ps", 0))
	require.Error(t, sess.RunOps(t.Context(), add))
	require.NoError(t, c.Restart(t.Context(), "ps", 0))
	_ = sess.Close()

	fresh, err := tf.NewSession(g, o)
	require.NoError(t, err)
	defer fresh.Close()
	// For a moment, the worker may still consider the server dead.
	require.Eventually(t, func() bool {
		_, err = fresh.Run(t.Context(), nil, []tf.Output{v.Value()}, nil, nil)
		return !errors.Is(err, status.Unavailable)
	}, 20*time.Second, 50*time.Millisecond)
	var lost *tf.UninitializedError
	require.ErrorAs(t, err, &lost)
	assert.Equal(t, []string{"counter"}, lost.Variables)
	require.NoError(t, fresh.RunOps(t.Context(), init))
	require.NoError(t, fresh.RunOps(t.Context(), add))
}
