package tf_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tfkeep/tfkeep/internal/oracle"
	"github.com/tfkeep/tfkeep/tf"
)

func TestDevicesNestAsInPython(t *testing.T) {
	cases := [][]string{
		{"/cpu:0"},
		{"/gpu:1"},
		{"/GPU:*"},
		{"/device:TPU:3"},
		{"/job:ps/task:1", "/gpu:0"},
		{"/job:ps/replica:0/task:1/device:CPU:0", "/job:worker"},
		{"/gpu:0", "/job:worker/task:2", "/cpu:*"},
		{"/job:localhost/replica:0/task:0/cpu:0"},
		{"/gpu:0", ""},
	}
	want := oracle.Value[[]string](t, `
def device(names):
    if not names:
        return tf.no_op().device
    with tf.device(names[0]):
        return device(names[1:])
result = [device(names) for names in args[0]]
`, cases)
	for i, names := range cases {
		g := tf.NewGraph()
		var got string
		var nest func(names []string) error
		nest = func(names []string) error {
			if len(names) > 0 {
				return g.WithDevice(names[0], func() error { return nest(names[1:]) })
			}
			op, err := g.AddOp(tf.OpSpec{Type: "NoOp"})
			if err == nil {
				got = op.Device()
			}
			return err
		}
		require.NoError(t, nest(names))
		assert.Equal(t, want[i], got, "%q", names)
		op, err := g.AddOp(tf.OpSpec{Type: "NoOp"})
		require.NoError(t, err)
		assert.Empty(t, op.Device(), "a device ends with its function")
	}
}

func TestBadDevicesAreRefused(t *testing.T) {
	for _, name := range []string{"cpu:0", "/", "/cpu", "/gpu:x", "/job:", "/task:-1", "/device:GPU", "/host:1"} {
		err := tf.NewGraph().WithDevice(name, func() error { return nil })
		require.ErrorIs(t, err, tf.ErrInvalidArgument, name)
		assert.ErrorContains(t, err, name)
	}
}
