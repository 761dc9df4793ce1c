package tf_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf"
)

// compareMetaGraphs is a Python script that lists the differences of two meta graphs. The
// orders of functions and of a node's control inputs have no meaning and do not count.
const compareMetaGraphs = `
from tensorflow.core.protobuf import meta_graph_pb2
a, b = meta_graph_pb2.MetaGraphDef(), meta_graph_pb2.MetaGraphDef()
a.ParseFromString(args[0]); b.ParseFromString(args[1])
diff = []
for m in (a, b):
  m.meta_info_def.tensorflow_git_version = ''  # the library does not export it
  m.graph_def.library.function.sort(key=lambda f: f.signature.name)
  for n in m.graph_def.node:
    n.input[:] = [i for i in n.input if i[0] != '^'] + sorted(i for i in n.input if i[0] == '^')
if [n.name for n in a.graph_def.node] != [n.name for n in b.graph_def.node]:
  diff.append('order of nodes')
for x, y in zip(a.graph_def.node, b.graph_def.node):
  if x != y: diff.append('%s\n---\n%s' % (x, y))
fa, fb = ({f.signature.name: f for f in m.graph_def.library.function} for m in (a, b))
if set(fa) != set(fb): diff.append('functions %s %s' % (sorted(fa), sorted(fb)))
for k in set(fa) & set(fb):
  if fa[k] != fb[k]: diff.append('function %s --- %s' % (fa[k], fb[k]))
if a.graph_def.versions != b.graph_def.versions: diff.append('versions')
if a.meta_info_def != b.meta_info_def: diff.append('meta_info_def')
if a.saver_def != b.saver_def: diff.append('saver_def')
if set(a.collection_def) != set(b.collection_def): diff.append('collections %s %s' % (sorted(a.collection_def), sorted(b.collection_def)))
for k in a.collection_def:
  if a.collection_def[k] != b.collection_def[k]: diff.append('collection %s: %s --- %s' % (k, a.collection_def[k], b.collection_def[k]))
if a != b and not diff: diff.append('something else')
result = diff[:5]
`

func marshal(t *testing.T, mg *graphdef.MetaGraphDef) []byte {
	t.Helper()
	data, err := graphdef.MarshalBinary(mg)
	require.NoError(t, err)
	return data
}

func TestExportAfterImportEqualsPython(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "m.meta")
	oracle.Run(t, `
x = tf1.placeholder(tf.float32, [None, 4], name="x")
with tf1.variable_scope("hidden"):
  w = tf1.get_variable("w", [4, 3], initializer=tf1.zeros_initializer(), use_resource=True)
  b = tf1.get_variable("b", [3], initializer=tf1.zeros_initializer(), use_resource=False)
y = tf1.nn.relu(tf1.matmul(x, w) + b, name="y")
loss = tf1.reduce_sum(y)
step = tf1.train.get_or_create_global_step()
train = tf1.train.AdamOptimizer(0.1).minimize(loss, global_step=step)
g = tf1.get_default_graph()
for k, v in dict(ints=[3, True], fl=[2.5, 1], s=["hi"], op=[y.op], t=[y], train_op=[train], o=[w]).items():
  for i in v: g.add_to_collection(k, i)
tf1.get_default_graph().add_to_collection("mixed", 3)
tf1.get_default_graph().add_to_collection("mixed", 3.5)
saver = tf1.train.Saver()
saver.export_meta_graph(args[0])
result = 1
`, file)
	python, err := graphdef.ReadMetaGraphDef(file, nil)
	require.NoError(t, err)

	g := tf.NewGraph()
	im, err := tf.ImportMetaGraphFile(t.Context(), g, file, nil)
	require.NoError(t, err)
	assert.Len(t, im.Variables, 9)
	assert.Contains(t, im.Variables, "hidden/w:0")

	again, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{SaverDef: im.SaverDef})
	require.NoError(t, err)
	diff := oracle.Value[[]string](t, compareMetaGraphs, marshal(t, python), marshal(t, again))
	assert.Empty(t, diff)

	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	init, err := tf.GlobalVariablesInitializer(g)
	require.NoError(t, err)
	ctx := context.Background()
	require.NoError(t, sess.RunOps(ctx, init))
	in, err := tf.NewTensor([][]float32{{1, 2, 3, 4}})
	require.NoError(t, err)
	defer tf.Release(in)
	xOut, err := g.OutputByName("x:0")
	require.NoError(t, err)
	_, err = sess.Run(ctx, map[tf.Output]*tf.Tensor{xOut: in}, nil, []*tf.Operation{g.Collection("train_op")[0].Op()}, nil)
	require.NoError(t, err)
}
