package tf_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// gRPC would end the process, so Run returns an error before it contacts a server.
func TestTooLargeFeedsAreRefused(t *testing.T) {
	g := tf.NewGraph()
	in, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Name: "large", Attrs: map[string]any{"dtype": dtype.Uint8}})
	require.NoError(t, err)
	sess, err := tf.NewSession(g, &tf.SessionOptions{Target: "grpc://127.0.0.1:1"})
	require.NoError(t, err)
	defer sess.Close()
	assert.Equal(t, "grpc://127.0.0.1:1", sess.Options().Target)

	value, err := capi.AllocateTensor(dtype.Uint8, []int64{capi.MaxMessage + 1}) // its pages are never touched
	require.NoError(t, err)
	defer tf.Release(value)
	_, err = sess.Run(t.Context(), map[tf.Output]*tf.Tensor{in.Output(0): value}, nil, []*tf.Operation{in}, nil)
	require.ErrorIs(t, err, status.ResourceExhausted)
	assert.ErrorContains(t, err, "to large")

	call, err := sess.MakeCallable([]tf.Output{in.Output(0)}, nil, []*tf.Operation{in}, nil)
	require.NoError(t, err)
	defer call.Close()
	_, err = call.Run(t.Context(), value)
	require.ErrorIs(t, err, status.ResourceExhausted)
}
