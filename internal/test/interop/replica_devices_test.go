package interop

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
)

// The variables and their Saver are built with the same device function.
func TestSaverUnderReplicaDevices(t *testing.T) {
	for _, worker := range []string{"/job:worker", "/job:worker/task:1/device:GPU:0"} {
		for _, ref := range []bool{false, true} {
			for _, sharded := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, ref %v, sharded %v", worker[1:], ref, sharded), func(t *testing.T) {
					want := oracle.Value[map[string]string](t, `
ref, sharded, worker = args
with tf1.device(tf1.train.replica_device_setter(2, worker_device=worker)):
    for name in "abc":
        tf1.get_variable(name, [2], initializer=tf1.zeros_initializer(), use_resource=not ref)
    tf1.train.Saver(sharded=sharded)
result = {n.name: n.device for n in tf1.get_default_graph().as_graph_def().node}
`, ref, sharded, worker)
					assert.Equal(t, want, replicaDevices(t, worker, ref, sharded))
				})
			}
		}
	}
}

// replicaDevices builds the graph in Go and returns the devices of its nodes.
func replicaDevices(t *testing.T, worker string, ref, sharded bool) map[string]string {
	t.Helper()
	g := tf.NewGraph()
	place, err := cluster.ReplicaDeviceSetter(nil, &cluster.ReplicaOptions{PSTasks: 2, WorkerDevice: worker})
	require.NoError(t, err)
	require.NoError(t, g.WithDeviceFunc(place, func() error {
		for _, name := range []string{"a", "b", "c"} {
			if _, err := tf.NewVariable(g, name, tf.Zeros(2), &tf.VariableOptions{Ref: ref}); err != nil {
				return err
			}
		}
		_, err := saver.New(g, &saver.Options{Sharded: sharded})
		return err
	}))
	def, err := g.GraphDef()
	require.NoError(t, err)
	devices := map[string]string{}
	for _, n := range def.GetNode() {
		devices[n.GetName()] = n.GetDevice()
	}
	return devices
}
