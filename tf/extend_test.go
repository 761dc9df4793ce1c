package tf_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
)

func TestExtendedSessionRuns(t *testing.T) {
	g := tf.NewGraph()
	s := g.Scope()
	x := op.Const(s, float32(2))
	for range 2000 {
		x = op.Neg(s, x)
	}
	require.NoError(t, g.Err())
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	sess.Extend()
	sess.Extend()
	later := op.AddV2(s, x, x) // while it goes on
	require.NoError(t, g.Err())
	for _, want := range []struct {
		o     tf.Output
		value float32
	}{{x, 2}, {later, 4}} {
		got, err := sess.Run(t.Context(), nil, []tf.Output{want.o}, nil, nil)
		require.NoError(t, err)
		assert.Equal(t, want.value, got[0].Value())
		tf.Release(got...)
	}
}

func TestExtendThenClose(t *testing.T) {
	g := tf.NewGraph()
	one := op.Const(g.Scope(), int32(1))
	require.NoError(t, g.Err())
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	sess.Extend()
	require.NoError(t, sess.Close())
	sess.Extend() // does nothing
	_, err = sess.Run(t.Context(), nil, []tf.Output{one}, nil, nil)
	require.ErrorIs(t, err, tfkeep.ErrClosed)
	(*tf.Session)(nil).Extend()
}

// A fault of the graph is the error of the run.
func TestExtendLeavesErrorsToTheRun(t *testing.T) {
	g := tf.NewGraph()
	var x tf.Output
	require.NoError(t, g.WithDevice("/job:nowhere/task:7", func() error {
		x = op.Const(g.Scope(), int32(1))
		return g.Err()
	}))
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	sess.Extend()
	for range 2 {
		_, err = sess.Run(t.Context(), nil, []tf.Output{x}, nil, nil)
		require.ErrorContains(t, err, "nowhere")
	}
}
