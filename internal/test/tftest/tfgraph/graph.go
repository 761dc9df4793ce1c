package tfgraph

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/tf"
)

// Op adds an operation and returns its first output.
func Op(t testing.TB, g *tf.Graph, typ, name string, attrs map[string]any, in ...tf.Input) tf.Output {
	t.Helper()
	op, err := g.AddOp(tf.OpSpec{Type: typ, Name: name, Attrs: attrs, Input: in})
	require.NoError(t, err)
	return op.Output(0)
}

// Const adds a constant of a Go value.
func Const(t testing.TB, g *tf.Graph, name string, value any) tf.Output {
	t.Helper()
	tensor, err := tf.NewTensor(value)
	require.NoError(t, err)
	defer tf.Release(tensor)
	return Op(t, g, "Const", name, map[string]any{"dtype": tensor.DataType(), "value": tensor})
}

// Session opens a session, which is closed at the end of the test.
func Session(t testing.TB, g *tf.Graph, o *tf.SessionOptions) *tf.Session {
	t.Helper()
	sess, err := tf.NewSession(g, o)
	require.NoError(t, err)
	if o != nil && o.Target != "" {
		t.Cleanup(func() { _ = sess.Close() }) // with an error if its server is gone
	} else {
		t.Cleanup(func() { assert.NoError(t, sess.Close()) })
	}
	return sess
}

// Initialized opens a session and initializes the graph's variables.
func Initialized(t testing.TB, g *tf.Graph) *tf.Session {
	t.Helper()
	init, err := tf.GlobalVariablesInitializer(g)
	require.NoError(t, err)
	sess := Session(t, g, nil)
	require.NoError(t, sess.RunOps(t.Context(), init))
	return sess
}

// Value runs the graph and returns the value of a tensor.
func Value(t testing.TB, sess *tf.Session, o tf.Output) any {
	t.Helper()
	out, err := sess.Run(t.Context(), nil, []tf.Output{o}, nil, nil)
	require.NoError(t, err)
	defer tf.Release(out...)
	return out[0].Value()
}

// Bytes runs the graph and returns the elements of tensors as TensorFlow has them in
// memory.
func Bytes(t testing.TB, sess *tf.Session, fetches ...tf.Output) [][]byte {
	t.Helper()
	out, err := sess.Run(t.Context(), nil, fetches, nil, nil)
	require.NoError(t, err)
	defer tf.Release(out...)
	raw := make([][]byte, len(out))
	for i, tensor := range out {
		var buf bytes.Buffer
		_, err := tensor.WriteContentsTo(&buf)
		require.NoError(t, err)
		raw[i] = buf.Bytes()
	}
	return raw
}
