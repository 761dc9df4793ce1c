package tf_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf"
)

// pythonGraphs has Python scripts that build graphs and put their savers into the list
// savers.
var pythonGraphs = map[string]string{
	"variables of both kinds, partitioned too": `
with tf1.device("/job:localhost/replica:0/task:0/cpu:0"):
  x = tf1.placeholder(tf.float32, [None, 4], name="x")
with tf1.variable_scope("hidden1"):
  w = tf1.get_variable("w", [4, 3], initializer=tf1.glorot_uniform_initializer(), use_resource=True)
  b = tf1.get_variable("b", [3], initializer=tf1.zeros_initializer(), use_resource=False)
  with tf1.device("/device:GPU:0"): h = tf1.nn.relu(tf1.matmul(x, w) + b, name="y")
  with tf1.variable_scope("hidden2"):
    p = tf1.get_variable("p", [6, 2], partitioner=tf1.fixed_size_partitioner(3), initializer=tf1.ones_initializer(), use_resource=False)
    inner = tf1.identity(h, name="inner")
loc = tf1.get_variable("loc", [], collections=["local_variables"], trainable=False)
loss = tf1.reduce_sum(h)
train = tf1.train.MomentumOptimizer(0.1, 0.9).minimize(loss, global_step=tf1.train.get_or_create_global_step())
tf1.add_to_collection("train_op", train)
tf1.add_to_collection("inside", h)
tf1.add_to_collection("inside", loss)
savers += [tf1.train.Saver(sharded=True), tf1.train.Saver([w])]
`,
	"control flow, queues and every kind of collection": `
from google.protobuf.any_pb2 import Any
count = tf1.Variable(0, name="count", use_resource=False)
with tf1.variable_scope("hidden1"):
  v = tf1.get_variable("v", [], initializer=tf1.zeros_initializer(), use_resource=False)
  c = tf1.cond(tf1.less(v, 1.0), lambda: tf1.add(v, 1.0), lambda: tf1.subtract(v, 1.0))
  r = tf1.while_loop(lambda i, a: i < 9, lambda i, a: (i + 1, a + v), [0, c])
  q = tf1.FIFOQueue(4, [tf.float32], shapes=[[]], name="q")
  tf1.train.add_queue_runner(tf1.train.QueueRunner(q, [q.enqueue(v)]))
a = Any(); a.Pack(tf1.NodeDef(name="n"))
for k, vs in dict(ints=[3, True], floats=[2.5, 1], strings=["hi", b"bytes"], any=[a], node=[r[1].op, r[1]], odd=[v]).items():
  for i in vs: tf1.add_to_collection(k, i)
savers.append(tf1.train.Saver())
tf1.add_to_collection("savers", savers[0])
`,
	"functions and a dataset": `
from tensorflow.python.framework import function
@function.Defun(tf.float32)
def f0(x): return tf1.square(x) + 1.0
@function.Defun(tf.float32)
def f1(x): return f0(x) * 2.0
with tf1.variable_scope("hidden1"):
  v = tf1.get_variable("v", [], initializer=tf1.zeros_initializer(), use_resource=True)
  y = tf1.identity(f1(v), name="y")
  z = tf1.placeholder(tf.float32, name="z") * y
ds = tf1.data.Dataset.range(10).map(lambda i: i * i)
it = tf1.data.make_one_shot_iterator(ds).get_next()
tf1.add_to_collection("it", it)
savers.append(tf1.train.Saver())
`,
}

func TestExportMetaGraphEqualsPython(t *testing.T) {
	// The options, in Go and in Python.
	variants := []struct {
		python string
		o      func(*tf.Graph, *graphdef.SaverDef) *tf.ExportMetaGraphOptions
	}{
		{"", func(*tf.Graph, *graphdef.SaverDef) *tf.ExportMetaGraphOptions { return nil }},
		{"saver_def=sd", func(_ *tf.Graph, s *graphdef.SaverDef) *tf.ExportMetaGraphOptions {
			return &tf.ExportMetaGraphOptions{SaverDef: s}
		}},
		{"clear_devices=True", func(*tf.Graph, *graphdef.SaverDef) *tf.ExportMetaGraphOptions {
			return &tf.ExportMetaGraphOptions{ClearDevices: true}
		}},
		{"strip_default_attrs=True", func(*tf.Graph, *graphdef.SaverDef) *tf.ExportMetaGraphOptions {
			return &tf.ExportMetaGraphOptions{StripDefaultAttrs: true}
		}},
		{"saver_def=sd, clear_extraneous_savers=True", func(_ *tf.Graph, s *graphdef.SaverDef) *tf.ExportMetaGraphOptions {
			return &tf.ExportMetaGraphOptions{SaverDef: s, ClearExtraneousSavers: true}
		}},
		{"collection_list=['variables', 'nothing']", func(*tf.Graph, *graphdef.SaverDef) *tf.ExportMetaGraphOptions {
			return &tf.ExportMetaGraphOptions{CollectionList: []string{"variables", "nothing"}}
		}},
		{"export_scope='hidden1'", func(*tf.Graph, *graphdef.SaverDef) *tf.ExportMetaGraphOptions {
			return &tf.ExportMetaGraphOptions{ExportScope: "hidden1"}
		}},
		{"export_scope='hidden1/hidden2'", func(*tf.Graph, *graphdef.SaverDef) *tf.ExportMetaGraphOptions {
			return &tf.ExportMetaGraphOptions{ExportScope: "hidden1/hidden2"}
		}},
		{"export_scope='hidden1', graph_def=tf1.get_default_graph().as_graph_def(), clear_devices=True", func(g *tf.Graph, _ *graphdef.SaverDef) *tf.ExportMetaGraphOptions {
			def, err := g.GraphDef()
			require.NoError(t, err)
			return &tf.ExportMetaGraphOptions{ExportScope: "hidden1", ClearDevices: true, GraphDef: def}
		}},
		{"export_scope='no such'", func(*tf.Graph, *graphdef.SaverDef) *tf.ExportMetaGraphOptions {
			return &tf.ExportMetaGraphOptions{ExportScope: "no such"}
		}},
	}
	var calls []string
	for _, v := range variants {
		calls = append(calls, v.python)
	}
	for name, build := range pythonGraphs {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			oracle.Run(t, `savers = []
`+build+`
sd = savers[0].saver_def
tf1.train.export_meta_graph(args[0] + '/whole.meta', saver_def=sd)
with tf1.Graph().as_default():
  tf1.train.import_meta_graph(args[0] + '/whole.meta')
  for i, call in enumerate(args[1]):
    tf1.get_default_graph().clear_collection("unbound_inputs")
    eval('tf1.train.export_meta_graph(filename="%s/%d.meta", %s)' % (args[0], i, call))
result = 1
`, dir, calls, nil)

			for i, v := range variants {
				t.Run(v.python, func(t *testing.T) {
					g := tf.NewGraph()
					im, err := tf.ImportMetaGraphFile(t.Context(), g, filepath.Join(dir, "whole.meta"), nil)
					require.NoError(t, err)
					python, err := graphdef.ReadMetaGraphDef(filepath.Join(dir, fmt.Sprint(i, ".meta")), nil)
					require.NoError(t, err)
					got, err := tf.ExportMetaGraph(g, v.o(g, im.SaverDef))
					require.NoError(t, err)
					assert.Empty(t, oracle.Value[[]string](t, compareMetaGraphs, marshal(t, python), marshal(t, got)))
				})
			}
		})
	}
}
