package inference_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/freeze/inference"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// build makes a frozen graph with a product, a batch normalization after it, and an
// output y.
const build = `
rng = np.random.RandomState(3)
kind, path = args
x = tf1.placeholder(tf.float32, [None, 6, 6, 3], name="x")
def const(name, *shape, lo=-1.0, hi=1.0):
    return tf.constant(rng.uniform(lo, hi, shape).astype(np.float32), name=name)
channels = 4
if kind.startswith("depthwise"):
    channels = 6
    h = tf1.nn.depthwise_conv2d(x, const("w", 3, 3, 3, 2), [1, 1, 1, 1], "SAME")
elif kind.startswith("dense"):
    h = tf.matmul(tf.reshape(x, [-1, 108]), const("w", 108, 4), name="product")
elif kind.startswith("transposed"):
    h = tf.matmul(tf.reshape(x, [-1, 108]), const("w", 4, 108), transpose_b=True, name="product")
else:
    h = tf1.nn.conv2d(x, tf.identity(const("w", 3, 3, 3, 4), name="w/read"), [1, 1, 1, 1], "SAME", name="product")
gamma, beta, mean = const("gamma", channels), const("beta", channels), const("mean", channels)
variance = const("variance", channels, lo=0.5, hi=2.0)
if kind.endswith("fused"):
    y = tf1.nn.fused_batch_norm(h, gamma, beta, mean, variance, epsilon=1e-3, is_training=False)[0]
elif kind.endswith("training"):
    y = tf1.nn.fused_batch_norm(h, gamma, beta, epsilon=1e-3, is_training=True)[0]
elif kind.endswith("shared"):
    y = tf1.nn.fused_batch_norm(h, gamma, beta, mean, variance, is_training=False)[0] + h
else:
    y = tf.nn.batch_normalization(h, mean, variance, beta, gamma, 1e-3)
tf.nn.relu(y, name="y")
open(path, "wb").write(tf1.get_default_graph().as_graph_def().SerializeToString())
`

const run = `
d = tf1.GraphDef()
d.ParseFromString(open(args[0], "rb").read())
tf1.import_graph_def(d, name="")
feeds = {"x:0": np.random.RandomState(5).rand(2, 6, 6, 3).astype(np.float32)}
with tf1.Session() as s:
    result = s.run("y:0", feeds).astype(np.float64).ravel().tolist()
`

func load(t *testing.T, path string) *graphdef.GraphDef {
	t.Helper()
	def, err := graphdef.ReadGraphDef(path)
	require.NoError(t, err)
	return def
}

func save(t *testing.T, def *graphdef.GraphDef) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "graph.pb")
	data, err := proto.Marshal(def)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o644))
	return path
}

func ops(def *graphdef.GraphDef) map[string]int {
	m := map[string]int{}
	for _, n := range def.Node {
		m[n.Op]++
	}
	return m
}

func TestFoldBatchNorms(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"conv fused", "depthwise fused", "conv plain", "depthwise plain", "dense plain", "transposed plain"} {
		t.Run(kind, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "graph.pb")
			oracle.Run(t, build, kind, path)
			def := load(t, path)
			before := proto.Clone(def)
			got, folded := inference.FoldBatchNorms(def, []string{"y"})
			require.Len(t, folded, 1)
			assert.True(t, proto.Equal(before, def), "the argument is left alone")
			assert.Zero(t, ops(got)["FusedBatchNormV3"])
			if strings.HasSuffix(kind, "fused") {
				assert.Equal(t, 1, ops(got)["BiasAdd"], "what it adds stays")
			} else {
				assert.Equal(t, ops(def)["Mul"]-1, ops(got)["Mul"], "the multiplication by the scale is gone")
			}
			want := oracle.Value[[]float64](t, run, path)
			assert.InDeltaSlice(t, want, oracle.Value[[]float64](t, run, save(t, got)), 1e-4)
		})
	}
}

func TestFoldBatchNormsLeavesOthers(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"conv training", "conv shared"} {
		t.Run(kind, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "graph.pb")
			oracle.Run(t, build, kind, path)
			def := load(t, path)
			got, folded := inference.FoldBatchNorms(def, []string{"y"})
			assert.Empty(t, folded)
			assert.Equal(t, len(def.Node), len(got.Node))
		})
	}
}

func TestRoundWeights(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "graph.pb")
	oracle.Run(t, build, "dense plain", path)
	want := oracle.Value[[]float64](t, run, path)
	for _, c := range []struct {
		to        dtype.DataType
		tolerance float64
	}{{dtype.Float16, 2e-2}, {dtype.BFloat16, 2e-1}} {
		got, rounded, err := inference.RoundWeights(load(t, path), c.to, 0)
		require.NoError(t, err)
		require.Len(t, rounded, 1)
		assert.Equal(t, "w", rounded[0].Node)
		assert.Positive(t, rounded[0].MaxError)
		assert.Less(t, rounded[0].RMSError, rounded[0].RMS/100)
		assert.Equal(t, 1, ops(got)["Cast"])
		assert.InDeltaSlice(t, want, oracle.Value[[]float64](t, run, save(t, got)), c.tolerance)
	}
	_, _, err := inference.RoundWeights(load(t, path), dtype.Int8, 0)
	assert.ErrorIs(t, err, tfkeep.ErrArgument)
}

func TestOptimize(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "graph.pb")
	oracle.Run(t, `
x = tf1.placeholder(tf.float32, [None, 2], name="x")
training = tf1.placeholder(tf.bool, [], name="training")
h = tf.identity(tf1.check_numerics(x, "bad"), name="copy")
y = tf1.where(tf.fill(tf.shape(h), training), h * 0.5, h * 2.0)
tf.identity(tf.stop_gradient(y) + 1.0, name="y")
tf.constant(1.0, name="unused")
open(args[0], "wb").write(tf1.get_default_graph().as_graph_def().SerializeToString())
`, path)
	got, r, err := inference.Optimize(load(t, path), &inference.Options{Outputs: []string{"y"}, Constants: map[string]bool{"training": false}})
	require.NoError(t, err)
	assert.Equal(t, []string{"training"}, r.Constants)
	assert.Less(t, r.After, r.Before)
	left := ops(got)
	for _, op := range []string{"CheckNumerics", "StopGradient"} {
		assert.Zero(t, left[op], op)
	}
	y := oracle.Value[[][]float64](t, `
d = tf1.GraphDef()
d.ParseFromString(open(args[0], "rb").read())
tf1.import_graph_def(d, name="")
with tf1.Session() as s:
    result = s.run("y:0", {"x:0": [[1.0, 2.0]]}).tolist()
`, save(t, got))
	assert.Equal(t, [][]float64{{3, 5}}, y)

	_, _, err = inference.Optimize(load(t, path), &inference.Options{Outputs: []string{"y"}, Constants: map[string]bool{"x": true, "nope": true}})
	assert.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "nope, x")
	_, _, err = inference.Optimize(load(t, path), nil)
	assert.ErrorIs(t, err, tfkeep.ErrArgument)
}
