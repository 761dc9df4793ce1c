package capi_test

import (
	"bytes"
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/status"
)

func TestStepResultOfManyDimensions(t *testing.T) {
	g := tensorflow.NewGraph()
	value, err := tensorflow.NewTensor([1][1][1][1][1][1][1][1][1][2]float32{})
	require.NoError(t, err)
	c := add(t, g, tensorflow.OpSpec{Type: "Const", Attrs: map[string]any{"dtype": tensorflow.Float, "value": value}})
	s, err := capi.NewSession(g, "", nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, capi.CloseSession(s)) }()
	step, err := capi.NewStep(s, g, nil, []tensorflow.Output{c.Output(0)}, nil, nil)
	require.NoError(t, err)
	defer step.Close()
	out := make([]*tensorflow.Tensor, 1)
	require.NoError(t, step.Run(nil, out, nil, nil))
	defer capi.Release(out[0])
	assert.Equal(t, []int64{1, 1, 1, 1, 1, 1, 1, 1, 1, 2}, out[0].Shape())
}

func TestBindingCloseWaitsForSteps(t *testing.T) {
	g := tensorflow.NewGraph()
	x := placeholder(t, g, "x")
	s, err := capi.NewSession(g, "", nil)
	require.NoError(t, err)
	y := add(t, g, tensorflow.OpSpec{Type: "Identity", Input: []tensorflow.Input{x}})
	step, err := capi.NewStep(s, g, []tensorflow.Output{x}, nil, []*tensorflow.Operation{y}, nil)
	require.NoError(t, err)
	defer step.Close()
	v, err := tensorflow.NewTensor(float32(1))
	require.NoError(t, err)
	started, done := make(chan struct{}), make(chan error)
	go func() {
		first := step.Run([]*tensorflow.Tensor{v}, nil, nil, nil)
		close(started)
		for err := first; ; err = step.Run([]*tensorflow.Tensor{v}, nil, nil, nil) {
			if err != nil {
				done <- err
				return
			}
		}
	}()
	<-started
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-done, status.FailedPrecondition)
	require.NoError(t, capi.CloseSession(s))
}

func TestNewSessionRefusesBadConfig(t *testing.T) {
	_, err := capi.NewSession(tensorflow.NewGraph(), "", bytes.Repeat([]byte{0xff}, 10))
	require.ErrorIs(t, err, status.InvalidArgument)
	_, err = capi.NewSession(tensorflow.NewGraph(), "no-such-protocol://x", nil)
	require.Error(t, err)
}
