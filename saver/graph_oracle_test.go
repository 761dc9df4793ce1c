package saver_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// describeNodes is a Python function that returns a GraphDef's nodes below some scopes as
// lines, with one more line for a SaverDef.
const describeNodes = `
from tensorflow.core.framework import graph_pb2
def describe(raw, saver_def, scopes):
    g = graph_pb2.GraphDef(); g.ParseFromString(raw)
    lines = []
    for n in g.node:
        if not any(n.name.startswith(s) for s in scopes): continue
        attrs = []
        for k in sorted(n.attr):
            a = n.attr[k]
            attrs.append('%s=%s' % (k, str(a).replace('\n', ' ')))
        lines.append('%s | %s | %s | %s | %s' % (n.name, n.op, list(n.input), n.device, '; '.join(attrs)))
    d = tf1.train.SaverDef(); d.ParseFromString(saver_def)
    lines.append(str(d))
    return lines
`

// variables that the scripts below and the Go code next to them both make.
const pythonRefs = `
def refs(d0='', d1=''):
    with tf.device(d0): v0 = tf1.Variable([1.0, 2.0], name='v0', use_resource=False)
    with tf.device(d1): a1 = tf1.Variable(3, name='a1', use_resource=False)
    return v0, a1
`

func refVariable(t *testing.T, g *tf.Graph, name string, value any, device string) *tf.Variable {
	t.Helper()
	v, err := tf.NewVariable(g, name, tf.Value(value), &tf.VariableOptions{Ref: true, Device: device})
	require.NoError(t, err)
	return v
}

func goRefs(t *testing.T, g *tf.Graph, d0, d1 string) {
	refVariable(t, g, "v0", []float32{1, 2}, d0)
	refVariable(t, g, "a1", int32(3), d1)
}

// nodeCases are Savers of all kinds, made in Python and in Go.
var nodeCases = []struct {
	name   string
	python string // sets s
	build  func(t *testing.T, g *tf.Graph) *saver.Saver
	scopes []string
}{
	{"plain", "refs(); s = tf1.train.Saver()", func(t *testing.T, g *tf.Graph) *saver.Saver {
		goRefs(t, g, "", "")
		return newSaver(t, g, nil)
	}, nil},
	{"sharded one device", "refs(); s = tf1.train.Saver(sharded=True)", func(t *testing.T, g *tf.Graph) *saver.Saver {
		goRefs(t, g, "", "")
		return newSaver(t, g, &saver.Options{Sharded: true})
	}, nil},
	{"sharded two CPUs", "refs('/cpu:0', '/cpu:1'); s = tf1.train.Saver(sharded=True)", func(t *testing.T, g *tf.Graph) *saver.Saver {
		goRefs(t, g, "/cpu:0", "/cpu:1")
		return newSaver(t, g, &saver.Options{Sharded: true})
	}, nil},
	{"sharded servers and GPU", "refs('/job:ps/task:0/gpu:0', '/job:ps/task:1'); s = tf1.train.Saver(sharded=True)", func(t *testing.T, g *tf.Graph) *saver.Saver {
		goRefs(t, g, "/job:ps/task:0/gpu:0", "/job:ps/task:1")
		return newSaver(t, g, &saver.Options{Sharded: true})
	}, nil},
	{"reshape, sequential, filename", "refs(); s = tf1.train.Saver(reshape=True, restore_sequentially=True, filename='foo')", func(t *testing.T, g *tf.Graph) *saver.Saver {
		goRefs(t, g, "", "")
		return newSaver(t, g, &saver.Options{Reshape: true, RestoreSequentially: true, Filename: "foo"})
	}, nil},
	{"V1", "refs(); s = tf1.train.Saver(write_version=tf1.train.SaverDef.V1)", func(t *testing.T, g *tf.Graph) *saver.Saver {
		goRefs(t, g, "", "")
		return newSaver(t, g, &saver.Options{WriteVersion: checkpoint.V1})
	}, nil},
	{"V1 sharded, keeping all", "refs('/cpu:0', '/cpu:1'); s = tf1.train.Saver(sharded=True, write_version=tf1.train.SaverDef.V1, max_to_keep=0)", func(t *testing.T, g *tf.Graph) *saver.Saver {
		goRefs(t, g, "/cpu:0", "/cpu:1")
		return newSaver(t, g, &saver.Options{Sharded: true, WriteVersion: checkpoint.V1, MaxToKeep: saver.KeepAll})
	}, nil},
	{"resource and reference", "refs()[0]; r = tf1.get_variable('r0', initializer=tf.constant(1.0), use_resource=True); s = tf1.train.Saver(max_to_keep=3, keep_checkpoint_every_n_hours=2)", func(t *testing.T, g *tf.Graph) *saver.Saver {
		goRefs(t, g, "", "")
		_, err := tf.NewVariable(g, "r0", tf.Value(float32(1)), nil)
		require.NoError(t, err)
		return newSaver(t, g, &saver.Options{MaxToKeep: 3, KeepEvery: 2 * time.Hour})
	}, nil},
	{"dimensions of 0 and 1", "tf1.Variable([1.0], name='one', use_resource=False); tf1.Variable(tf.zeros([0, 2]), name='none', use_resource=False); s = tf1.train.Saver()", func(t *testing.T, g *tf.Graph) *saver.Saver {
		refVariable(t, g, "one", []float32{1}, "")
		_, err := tf.NewVariable(g, "none", tf.Zeros(0, 2), &tf.VariableOptions{Ref: true})
		require.NoError(t, err)
		return newSaver(t, g, nil)
	}, nil},
	{"reshape to dimensions of 1", "r = tf1.get_variable('r0', initializer=tf.zeros([1, 3]), use_resource=True); s = tf1.train.Saver(reshape=True)", func(t *testing.T, g *tf.Graph) *saver.Saver {
		_, err := tf.NewVariable(g, "r0", tf.Zeros(1, 3), nil)
		require.NoError(t, err)
		return newSaver(t, g, &saver.Options{Reshape: true})
	}, nil},
	{"resource, reshape", "r = tf1.get_variable('r0', initializer=tf.zeros([2, 3]), use_resource=True); s = tf1.train.Saver(reshape=True)", func(t *testing.T, g *tf.Graph) *saver.Saver {
		_, err := tf.NewVariable(g, "r0", tf.Zeros(2, 3), nil)
		require.NoError(t, err)
		return newSaver(t, g, &saver.Options{Reshape: true})
	}, nil},
	{"partitioned references", `
p = tf1.get_variable('p/w', shape=[4, 3], partitioner=tf1.fixed_size_partitioner(2), use_resource=False)
s = tf1.train.Saver()`, func(t *testing.T, g *tf.Graph) *saver.Saver {
		partition(t, g, "p/w", 4, 3, 2, true)
		return newSaver(t, g, nil)
	}, nil},
	{"partitioned resources, sharded", `
with tf.device('/job:ps/task:0/gpu:0'):
    p = tf1.get_variable('p/w', shape=[4, 3], partitioner=tf1.fixed_size_partitioner(2), use_resource=True)
s = tf1.train.Saver(sharded=True)`, func(t *testing.T, g *tf.Graph) *saver.Saver {
		require.NoError(t, g.WithDevice("/job:ps/task:0/gpu:0", func() error {
			partition(t, g, "p/w", 4, 3, 2, false)
			return nil
		}))
		return newSaver(t, g, &saver.Options{Sharded: true})
	}, nil},
	{"second saver with a name", "refs(); tf1.train.Saver(); s = tf1.train.Saver(name='mysaver')", func(t *testing.T, g *tf.Graph) *saver.Saver {
		goRefs(t, g, "", "")
		newSaver(t, g, nil)
		return newSaver(t, g, &saver.Options{Name: "mysaver"})
	}, []string{"save", "mysaver"}},
	{"second saver", "refs(); tf1.train.Saver(); s = tf1.train.Saver()", func(t *testing.T, g *tf.Graph) *saver.Saver {
		goRefs(t, g, "", "")
		newSaver(t, g, nil)
		return newSaver(t, g, nil)
	}, []string{"save", "save_1"}},
	{"in a scope", `
with tf1.name_scope('hidden1'):
    v = tf1.Variable(1.0, name='v', use_resource=False)
    s = tf1.train.Saver()`, func(t *testing.T, g *tf.Graph) *saver.Saver {
		refVariable(t, g, "hidden1/v", float32(1), "")
		return newSaver(t, g, &saver.Options{Name: "hidden1/save"})
	}, []string{"hidden1/save"}},
	{"GPU", "refs('/gpu:0', '/gpu:0'); s = tf1.train.Saver()", func(t *testing.T, g *tf.Graph) *saver.Saver {
		goRefs(t, g, "/gpu:0", "/gpu:0")
		return newSaver(t, g, nil)
	}, nil},
	{"other names, and a slot", `
v0, a1 = refs()
with tf1.colocate_with(v0.op): slot = tf1.Variable([0., 0.], name='v0/Adam', use_resource=False)
s = tf1.train.Saver({'x': v0, 'b/y': a1, 'slot': slot})`, func(t *testing.T, g *tf.Graph) *saver.Saver {
		v0 := refVariable(t, g, "v0", []float32{1, 2}, "")
		a1 := refVariable(t, g, "a1", int32(3), "")
		slot, err := tf.NewVariable(g, "v0/Adam", tf.Zeros(2), &tf.VariableOptions{Ref: true, ColocateWith: v0})
		require.NoError(t, err)
		return newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{"x": saver.Var(v0), "b/y": saver.Var(a1), "slot": saver.Var(slot)}})
	}, nil},
}

func TestNodesEqualTensorFlows(t *testing.T) {
	for _, c := range nodeCases {
		t.Run(c.name, func(t *testing.T) {
			if c.scopes == nil {
				c.scopes = []string{"save"}
			}
			scopes := make([]string, len(c.scopes))
			for i, s := range c.scopes {
				scopes[i] = s + "/"
			}
			g := tf.NewGraph()
			s := c.build(t, g)
			graphDef, err := g.GraphDef()
			require.NoError(t, err)
			raw, err := proto.Marshal(graphDef)
			require.NoError(t, err)
			saverDef, err := proto.Marshal(s.SaverDef())
			require.NoError(t, err)
			got := oracle.Value[[2][]string](t, describeNodes+pythonRefs+c.python+`
want = describe(tf1.get_default_graph().as_graph_def().SerializeToString(), s.as_saver_def().SerializeToString(), args[2])
result = [want, describe(args[0], args[1], args[2])]
`, raw, saverDef, scopes)
			assert.Equal(t, strings.Join(got[0], "\n"), strings.Join(got[1], "\n"))
		})
	}
}

// partition adds a variable of rows × columns, which is partitioned by rows.
func partition(t *testing.T, g *tf.Graph, name string, rows, columns, parts int64, ref bool) []*tf.Variable {
	t.Helper()
	var out []*tf.Variable
	for i := range parts {
		n := rows / parts
		v, err := tf.NewVariable(g, name+"/part_"+string(rune('0'+i)), tf.Zeros(n, columns), &tf.VariableOptions{
			Ref: ref,
			SliceInfo: &tf.SaveSliceInfo{
				FullName: name, FullShape: []int64{rows, columns}, Offset: []int64{i * n, 0}, Shape: []int64{n, columns},
			},
		})
		require.NoError(t, err)
		out = append(out, v)
	}
	return out
}
