package main

import (
	"context"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/train"
)

var (
	buildOps        = Pair{Name: "graph: build 10,000 ops", Goal: 1.0 / 2, Prepare: prepareBuildOps}
	resnetGradients = Pair{Name: "graph: gradients of a ResNet-50", Goal: 1.0 / 4, Prepare: prepareResnet}
	lstmStep        = Pair{Name: "graph: a training step of a dynamic LSTM", Goal: 1, Prepare: prepareLSTM}
)

func prepareBuildOps(_ context.Context, e *Env) (tfkeep, python Measure, err error) {
	tfkeep = e.InGo(func(context.Context) error {
		g := tf.NewGraph()
		s := g.Scope().Sub("net")
		x := op.Placeholder(s, dtype.Float32, op.PlaceholderShape(tf.MakeShape(2, 2)))
		for range 10000 / 4 {
			x = op.Tanh(s, op.Mul(s, op.MatMul(s, x, x), op.AddV2(s, x, x)))
		}
		return g.Err()
	})
	python = e.InPython(`
		import time
		start = time.perf_counter()
		with tf1.Graph().as_default(), tf1.name_scope("net"):
		    x = tf1.placeholder(tf.float32, [2, 2])
		    for _ in range(10000 // 4):
		        x = tf.tanh(tf.matmul(x, x) * tf.add(x, x))
		result = time.perf_counter() - start
	`)
	return tfkeep, python, nil
}

// resnetScript builds the forward graph of a ResNet-50 in TensorFlow 1's way.
const resnetScript = `
def resnet():
    count = [0]
    def weight(shape):
        count[0] += 1
        return tf1.get_variable("v%d" % count[0], shape, initializer=tf1.zeros_initializer())
    def conv(x, filters, size, stride, relu=True):
        x = tf.nn.conv2d(x, weight([size, size, int(x.shape[3]), filters]), stride, "SAME")
        x = tf1.nn.fused_batch_norm(x, weight([filters]), weight([filters]))[0]
        return tf.nn.relu(x) if relu else x
    x = tf1.placeholder(tf.float32, [32, 224, 224, 3])
    x = tf.nn.max_pool2d(conv(x, 64, 7, 2), 3, 2, "SAME")
    for stage, (blocks, filters) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)]):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            short = x if block else conv(x, 4 * filters, 1, stride, relu=False)
            y = conv(conv(conv(x, filters, 1, stride), filters, 3, 1), 4 * filters, 1, 1, relu=False)
            x = tf.nn.relu(short + y)
    x = tf.matmul(tf.reduce_mean(x, [1, 2]), weight([2048, 1000])) + weight([1000])
    labels = tf1.placeholder(tf.int32, [32])
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x), name="loss")
`

func prepareResnet(ctx context.Context, e *Env) (tfkeep, python Measure, err error) {
	path := filepath.Join(e.Dir, "resnet.meta")
	if _, err := e.Script(resnetScript+`
with tf1.Graph().as_default():
    loss = resnet()
    tf1.add_to_collection("loss", loss)
    tf1.train.export_meta_graph(args[0])
`, path); err != nil {
		return nil, nil, err
	}
	mg, err := graphdef.ReadMetaGraphDef(path, nil)
	if err != nil {
		return nil, nil, err
	}
	tfkeep = func(ctx context.Context) (Sample, error) {
		g := tf.NewGraph()
		if _, err := tf.ImportMetaGraph(ctx, g, mg, nil); err != nil {
			return Sample{}, err
		}
		loss, err := g.OutputByName("loss:0")
		if err != nil {
			return Sample{}, err
		}
		start := time.Now()
		_, err = train.ComputeGradients(g, loss, nil)
		return Sample{Time: time.Since(start)}, err
	}
	python = e.InPython(resnetScript + `
import time
with tf1.Graph().as_default():
    loss = resnet()
    start = time.perf_counter()
    tf1.gradients(loss, tf1.trainable_variables())
    result = time.perf_counter() - start
`)
	return tfkeep, python, nil
}

// lstmSteps is the number of steps that are measured together.
const lstmSteps = 20

const lstmScript = `
from tensorflow.python.keras.layers.legacy_rnn import rnn_cell_impl as cells
from tensorflow.python.ops import rnn
def lstm():
    tf1.disable_control_flow_v2()
    start = np.sin(np.arange(16 * 30 * 32)).reshape(16, 30, 32).astype(np.float32)
    x = tf1.get_variable("x", initializer=start, trainable=False)
    lengths = tf.constant([30 - i for i in range(16)])
    _, state = rnn.dynamic_rnn(cells.LSTMCell(64), x, lengths, dtype=tf.float32)
    return tf.reduce_mean((state.h - 0.5) ** 2, name="loss")
`

func prepareLSTM(ctx context.Context, e *Env) (tfkeep, python Measure, err error) {
	path := filepath.Join(e.Dir, "lstm.meta")
	if _, err := e.Script(lstmScript+`
with tf1.Graph().as_default():
    lstm()
    tf1.train.export_meta_graph(args[0])
graph = tf1.Graph()
with graph.as_default():
    loss = lstm()
    step = tf1.train.AdamOptimizer(0.001).minimize(loss)
    kept["lstm"] = tf1.Session()
    kept["lstm"].run(tf1.global_variables_initializer())
    kept["run"] = kept["lstm"].make_callable([loss, step])
`, path); err != nil {
		return nil, nil, err
	}
	sess, call, err := lstmCallable(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	e.Defer(func() {
		_ = call.Close()
		_ = sess.Close()
	})
	tfkeep = e.InGo(func(ctx context.Context) error {
		for range lstmSteps {
			out, err := call.Run(ctx)
			if err != nil {
				return err
			}
			tf.Release(out...)
		}
		return nil
	})
	python = e.InPython(`
		import time
		run = kept["run"]
		start = time.perf_counter()
		for _ in range(` + strconv.Itoa(lstmSteps) + `):
		    run()
		result = time.perf_counter() - start
	`)
	return tfkeep, python, nil
}

func lstmCallable(ctx context.Context, path string) (*tf.Session, *tf.Callable, error) {
	g := tf.NewGraph()
	if _, err := tf.ImportMetaGraphFile(ctx, g, path, nil); err != nil {
		return nil, nil, err
	}
	loss, err := g.OutputByName("loss:0")
	if err != nil {
		return nil, nil, err
	}
	step, err := train.Minimize(g, train.NewAdam(0.001), loss, nil)
	if err != nil {
		return nil, nil, err
	}
	init, err := tf.GlobalVariablesInitializer(g)
	if err != nil {
		return nil, nil, err
	}
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return nil, nil, err
	}
	if err := sess.RunOps(ctx, init); err != nil {
		return nil, nil, err
	}
	call, err := sess.MakeCallable(nil, []tf.Output{loss}, []*tf.Operation{step}, nil)
	return sess, call, err
}
