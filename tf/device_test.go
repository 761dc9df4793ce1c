package tf_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
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
		require.ErrorIs(t, err, status.InvalidArgument, name)
		assert.ErrorContains(t, err, name)
	}
}

func TestDevicePlacesOpWrapperNodes(t *testing.T) {
	g := tf.NewGraph()
	s := g.Scope()
	before := op.Const(s.Sub("before"), float32(1))
	var plain, own, nested, far tf.Output
	require.NoError(t, g.WithDevice("/job:worker/task:1", func() error {
		plain = op.Const(s.Sub("plain"), float32(1))
		own = op.Const(s.Sub("own").WithDevice("/cpu:0"), float32(1))
		require.NoError(t, g.WithDevice("/cpu:1", func() error {
			nested = op.Const(s.Sub("nested"), float32(1))
			return nil
		}))
		far = op.Const(s.Sub("far").WithDevice("/job:ps/task:0"), float32(1))
		return nil
	}))
	after := op.Const(s.Sub("after"), float32(1))
	require.NoError(t, s.Err())
	for _, c := range []struct {
		device string
		nodes  []tf.Output
	}{
		{"", []tf.Output{before, after}},
		{"/job:worker/task:1", []tf.Output{plain}},
		{"/job:worker/task:1/device:CPU:0", []tf.Output{own}},
		{"/job:worker/task:1/device:CPU:1", []tf.Output{nested}},
		{"/job:ps/task:0", []tf.Output{far}},
	} {
		for _, n := range c.nodes {
			assert.Equal(t, c.device, n.Op.Device(), n.Op.Name())
		}
	}
}

func TestDeviceFuncSeesEachNodeOnce(t *testing.T) {
	g := tf.NewGraph()
	s := g.Scope()
	asked := map[string]int{}
	var device string
	choose := func(n tf.Node) (string, error) {
		asked[n.Type+" "+n.Name]++
		if n.Type == "Const" {
			attr, err := n.Attr("dtype")
			require.NoError(t, err)
			assert.EqualValues(t, dtype.Float32, attr.GetType())
			missing, err := n.Attr("no_such_attribute")
			require.NoError(t, err)
			assert.Nil(t, missing)
		}
		device = n.Device
		return "/cpu:0", nil
	}
	require.NoError(t, g.WithDeviceFunc(choose, func() error {
		op.Const(s.Sub("wrapped"), float32(1))
		if _, err := g.AddOp(tf.OpSpec{Type: "NoOp"}); err != nil {
			return err
		}
		return g.WithDevice("/job:worker", func() error {
			_, err := g.AddOp(tf.OpSpec{Type: "NoOp"})
			return err
		})
	}))
	assert.Equal(t, map[string]int{"Const wrapped/Const": 1, "NoOp NoOp": 1, "NoOp NoOp_1": 1}, asked)
	assert.Equal(t, "/job:worker", device, "the device of the inner function")
}

func TestDeviceFuncErrorIsReturned(t *testing.T) {
	fails := func(tf.Node) (string, error) { return "", assert.AnError }
	require.ErrorIs(t, tf.NewGraph().WithDeviceFunc(fails, func() error { return nil }), nil)

	g := tf.NewGraph()
	require.ErrorIs(t, g.WithDeviceFunc(fails, func() error {
		op.Const(g.Scope(), float32(1))
		return nil
	}), assert.AnError, "an op wrapper")

	g = tf.NewGraph()
	require.ErrorIs(t, g.WithDeviceFunc(fails, func() error {
		_, err := g.Binding().AddOperation(tf.OpSpec{Type: "NoOp", Name: "existing"})
		return err
	}), assert.AnError, "an existing node")
	require.ErrorIs(t, g.WithDeviceFunc(fails, func() error {
		_, err := g.AddOp(tf.OpSpec{Type: "NoOp"})
		return err
	}), assert.AnError)
	require.ErrorIs(t, g.WithDeviceFunc(func(tf.Node) (string, error) { return "cpu", nil }, func() error {
		_, err := g.AddOp(tf.OpSpec{Type: "NoOp"})
		return err
	}), status.InvalidArgument, "an invalid device")
	require.NoError(t, g.WithDevice("/cpu:0", func() error {
		_, err := g.AddOp(tf.OpSpec{Type: "NoOp"})
		return err
	}), "errors do not stay")
}

func TestSessionWithinDevice(t *testing.T) {
	g := tf.NewGraph()
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	one := func() {
		t.Helper()
		out := op.Const(g.Scope().Sub("x"), float32(1))
		results, err := sess.Run(t.Context(), nil, []tf.Output{out}, nil, nil)
		require.NoError(t, err)
		tf.Release(results...)
	}
	require.NoError(t, g.WithDevice("/cpu:0", func() error {
		one()
		one()
		return nil
	}))
	one()
}
