package tf_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// onGPU returns a graph of a product with all nodes on /gpu:0.
func onGPU(t *testing.T) (g *tf.Graph, in, product tf.Output) {
	t.Helper()
	g = tf.NewGraph()
	require.NoError(t, g.WithDevice("/gpu:0", func() error {
		s := g.Scope()
		in = op.Placeholder(s, tensorflow.Float) // a product of constants would be folded
		product = op.MatMul(s, in, op.Const(s, [][]float32{{3}, {4}}))
		return s.Err()
	}))
	return g, in, product
}

// multiply runs the graph of onGPU.
func multiply(t *testing.T, sess *tf.Session, in, product tf.Output, metadata *for_core_protos_go_proto.RunMetadata) error {
	t.Helper()
	feeds := map[tf.Output]*tf.Tensor{in: tensor(t, [][]float32{{1, 2}})}
	trace := &tf.RunOptions{Proto: &for_core_protos_go_proto.RunOptions{TraceLevel: for_core_protos_go_proto.RunOptions_FULL_TRACE}, Metadata: metadata}
	out, err := sess.Run(t.Context(), feeds, []tf.Output{product}, nil, trace)
	if err != nil {
		return err
	}
	defer tf.Release(out...)
	assert.Equal(t, [][]float32{{11}}, out[0].Value())
	return nil
}

func TestNodeRequestsMissingGPU(t *testing.T) {
	none := map[string]int32{"GPU": 0}
	t.Run("runs elsewhere", func(t *testing.T) {
		g, in, product := onGPU(t)
		var metadata for_core_protos_go_proto.RunMetadata
		require.NoError(t, multiply(t, tfgraph.Session(t, g, &tf.SessionOptions{DeviceCount: none}), in, product, &metadata))
		assert.Equal(t, "/job:localhost/replica:0/task:0/device:CPU:0", deviceOf(product, &metadata))
	})
	t.Run("is an error where placement is strict", func(t *testing.T) {
		g, in, product := onGPU(t)
		err := multiply(t, tfgraph.Session(t, g, &tf.SessionOptions{DeviceCount: none, DisallowSoftPlacement: true}), in, product, nil)
		require.ErrorIs(t, err, status.InvalidArgument)
		assert.ErrorContains(t, err, "/device:GPU:0")
		assert.ErrorContains(t, err, "/job:localhost/replica:0/task:0/device:CPU:0")
	})
}

func TestNodesRunOnTheGPU(t *testing.T) {
	requireGPU(t)
	g, in, product := onGPU(t)
	var metadata for_core_protos_go_proto.RunMetadata
	require.NoError(t, multiply(t, tfgraph.Session(t, g, growing), in, product, &metadata))
	assert.Equal(t, "/job:localhost/replica:0/task:0/device:GPU:0", deviceOf(product, &metadata))
}

// Without AllowGrowth the first process would leave almost no memory to the second one.
func TestGrowingProcessesShareGPU(t *testing.T) {
	requireGPU(t)
	g, in, product := onGPU(t)
	require.NoError(t, multiply(t, tfgraph.Session(t, g, growing), in, product, nil))
	if os.Getenv("TF_TEST_SECOND") != "" {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	second := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestGrowingProcessesShareGPU$")
	second.Env = append(os.Environ(), "TF_TEST_SECOND=1")
	said, err := second.CombinedOutput()
	require.NoError(t, err, "%s", said)
}

// growing has options for a session that uses little GPU memory, and in which a node that
// cannot run on its device is an error.
var growing = &tf.SessionOptions{GPU: tf.GPUOptions{AllowGrowth: true}, DisallowSoftPlacement: true}

// deviceOf returns the device on which a traced run computed an output. On a GPU the trace
// also has the kernels, on devices with other names.
func deviceOf(o tf.Output, metadata *for_core_protos_go_proto.RunMetadata) string {
	for _, device := range metadata.GetStepStats().GetDevStats() {
		for _, node := range device.NodeStats {
			if node.NodeName == o.Op.Name() && strings.HasPrefix(device.Device, "/job:") && !strings.Contains(device.Device, "stream") {
				return device.Device
			}
		}
	}
	return ""
}

// requireGPU skips the test if there is no GPU.
func requireGPU(t *testing.T) {
	t.Helper()
	devices, err := tfgraph.Session(t, tf.NewGraph(), growing).Devices(t.Context())
	require.NoError(t, err)
	for _, d := range devices {
		if d.Type == "GPU" {
			return
		}
	}
	t.Skip("NOT RUN: there is no GPU here")
}
