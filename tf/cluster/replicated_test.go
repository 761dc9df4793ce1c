package cluster_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
	"github.com/tfkeep/tfkeep/tf/train"
)

// generous is a limit that only a fault reaches.
const generous = 30 * time.Second

// TestReplicatedTraining trains a graph on real servers, without soft placement, which would
// move nodes to other devices.
func TestReplicatedTraining(t *testing.T) {
	c := tfgraph.StartCluster(t, map[string]int{"ps": 2, "worker": 2})
	for _, ref := range []bool{false, true} {
		var sess [2]*tf.Session
		var step [2]*tf.Operation
		var w, count [2]*tf.Variable
		for i := range sess {
			g := tf.NewGraph()
			device := "/job:worker/task:" + string(rune('0'+i))
			place, err := cluster.ReplicaDeviceSetter(c.Spec(), &cluster.ReplicaOptions{WorkerDevice: device})
			require.NoError(t, err)
			require.NoError(t, g.WithDeviceFunc(place, func() (err error) {
				o := &tf.VariableOptions{Ref: ref}
				if w[i], err = tf.NewVariable(g, "w", tf.Value([]float32{1, 2}), o); err != nil {
					return err
				}
				o = &tf.VariableOptions{Ref: ref, NotTrainable: true}
				if count[i], err = tf.NewVariable(g, "step", tf.Zeros().WithDType(dtype.Int64), o); err != nil {
					return err
				}
				loss := op.Square(g.Scope(), w[i].Value())
				step[i], err = train.Minimize(g, train.NewMomentum(0.125, 0.5), loss, &train.MinimizeOptions{GlobalStep: count[i]})
				return err
			}))
			assert.Equal(t, "/job:ps/task:0", w[i].Handle().Op.Device())
			assert.Equal(t, "/job:ps/task:1", count[i].Handle().Op.Device())
			init, err := tf.GlobalVariablesInitializer(g)
			require.NoError(t, err)
			sess[i] = tfgraph.Session(t, g, &tf.SessionOptions{
				Target: c.Target("worker", i), OperationTimeout: generous,
				DeviceFilters: []string{"/job:ps", device}, DisallowSoftPlacement: true,
			})
			if i == 0 {
				missing, err := tf.UninitializedVariables(t.Context(), sess[0])
				require.NoError(t, err)
				assert.Len(t, missing, 3)
				require.NoError(t, sess[0].RunOps(t.Context(), init))
			}
			missing, err := tf.UninitializedVariables(t.Context(), sess[i])
			require.NoError(t, err)
			assert.Empty(t, missing, "the first worker has initialized the variables of both")
		}
		want, velocity := float32(1), float32(0)
		for i := range 4 {
			velocity = velocity/2 + 2*want
			want -= velocity / 8
			require.NoError(t, sess[i%2].RunOps(t.Context(), step[i%2]))
		}
		for i := range sess {
			assert.Equal(t, int64(4), tfgraph.Value(t, sess[i], count[i].Value()), "the steps of both")
			assert.InDeltaSlice(t, []float32{want, 2 * want}, tfgraph.Value(t, sess[i], w[i].Value()), 1e-6)
		}
		for i := range sess {
			require.NoError(t, sess[i].Close())
		}
		for task := range 2 {
			require.NoError(t, c.Restart(t.Context(), "ps", task), "so that the variables of the other kind are gone")
		}
	}
}
