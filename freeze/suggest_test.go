package freeze_test

import (
	"path/filepath"
	"testing"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

func TestSuggestOutputs(t *testing.T) {
	t.Parallel()
	training := linear + `
node { name: "labels" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "gradients/g" op: "Mul" input: "y" input: "labels" }
node { name: "Adam/update" op: "ApplyAdam" input: "w" input: "gradients/g" }
node { name: "save/SaveV2" op: "SaveV2" input: "w" }`
	loss := training + `
node { name: "sub" op: "Sub" input: "y" input: "labels" attr { key: "_output_shapes" value { list { shape { dim { size: -1 } } } } } }
node { name: "loss" op: "Mean" input: "sub" attr { key: "_output_shapes" value { list { shape { } } } } }`
	number := `
node { name: "x" op: "Placeholder" }
node { name: "mean" op: "Mean" input: "x" attr { key: "_output_shapes" value { list { shape { } } } } }`
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"what nothing uses", linear, []string{"y"}},
		{"without training and saving", training, []string{"y"}},
		{"before a loss", loss, []string{"y"}}, // neither the loss nor what leads from y to it
		{"a single number if there is nothing else", number, []string{"mean"}},
		{"two", linear + `node { name: "z" op: "Neg" input: "y" } node { name: "other" op: "Exp" input: "x" }`, []string{"z", "other"}},
		{"summaries and assertions do not count", linear + `node { name: "s" op: "HistogramSummary" input: "y" } node { name: "a" op: "Assert" input: "y" }`, []string{"y"}},
		{"nothing depends on a placeholder", `node { name: "y" op: "Const" }`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, freeze.SuggestOutputs(graph(t, c.text), nil))
		})
	}
}

func TestSuggestOutputsOfSignatures(t *testing.T) {
	t.Parallel()
	outputs := func(names ...string) *graphdef.SignatureDef {
		s := &graphdef.SignatureDef{Outputs: map[string]*graphdef.TensorInfo{}}
		for _, n := range names {
			s.Outputs[n] = &graphdef.TensorInfo{Encoding: &pb.TensorInfo_Name{Name: n}}
		}
		return s
	}
	got := freeze.SuggestOutputs(graph(t, linear), map[string]*graphdef.SignatureDef{
		"serving_default":       outputs("b:0", "a:1", "a:0"),
		"__saved_model_init_op": outputs("init"),
	})
	assert.Equal(t, []string{"a", "b"}, got)
}

// A training graph with a batch normalization and a dropout behind conditionals of
// TensorFlow 1 or 2.
const trainingGraph = `
(tf1.enable_control_flow_v2 if args[0] else tf1.disable_control_flow_v2)()
x = tf1.placeholder(tf.float32, [None, 4, 4, 3], name="x")
labels = tf1.placeholder(tf.int64, [None], name="labels")
training = tf1.placeholder(tf.bool, [], name="is_training")
keep_prob = tf1.placeholder(tf.float32, [], name="keep_prob")
def var(name, *shape, trainable=True):
    return tf1.get_variable(name, shape, trainable=trainable, use_resource=bool(args[0]))
h = tf.nn.conv2d(x, var("w", 2, 2, 3, 4), 1, "SAME")
mean, variance = var("mean", 4, trainable=False), var("variance", 4, trainable=False)
def train():
    y, m, v, *_ = tf1.nn.fused_batch_norm(h, var_g, var_b, is_training=True)
    with tf1.control_dependencies([tf1.assign_sub(mean, (mean - m) * 0.1), tf1.assign_sub(variance, (variance - v) * 0.1)]):
        return tf.identity(y)
var_g, var_b = var("gamma", 4), var("beta", 4)
h = tf1.cond(training, train, lambda: tf1.nn.fused_batch_norm(h, var_g, var_b, mean, variance, is_training=False)[0])
h = tf.nn.relu(h)
average = var("average", 4, trainable=False)
update = tf1.assign(average, average * 0.9 + tf.reduce_mean(h, [0, 1, 2]) * 0.1)
h = tf1.cond(training, lambda: tf1.nn.dropout(h, keep_prob=keep_prob), lambda: tf.identity(h))
logits = tf.matmul(tf.reshape(h, [-1, 64]), var("o", 64, 5), name="logits")
predictions = tf.nn.softmax(logits, name="predictions") if args[1] else logits
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), name="loss")
tf1.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), labels), tf.float32), name="accuracy")
tf1.train.AdamOptimizer().minimize(loss, tf1.train.get_or_create_global_step())
tf1.summary.scalar("loss", loss)
tf1.train.Saver()
tf1.train.export_meta_graph(args[2])
tf1.enable_control_flow_v2()
`

func TestSuggestOutputsOfTrainingGraphs(t *testing.T) {
	t.Parallel()
	for _, v2 := range []bool{false, true} {
		for _, softmax := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "model.meta")
			oracle.Run(t, trainingGraph, v2, softmax, path)
			mg, err := graphdef.ReadMetaGraphDef(path, nil)
			require.NoError(t, err)
			want := []string{"logits"}
			if softmax {
				want = []string{"predictions"}
			}
			got := freeze.SuggestOutputs(mg.GraphDef, nil)
			assert.Subset(t, got, want, "control flow 2: %v", v2)
			for _, name := range got {
				assert.Contains(t, []string{"logits", "predictions", "ArgMax"}, name, "control flow 2: %v, softmax: %v", v2, softmax)
			}
		}
	}
}
