package saver_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// growingModel writes the meta graph args[0] of variables whose values change their shape. The
// names begin with args[1]. The operation "grow" gives all of them the shape of "x".
const growingModel = `
x = tf1.placeholder(tf.float32, [None], name="x")
start = lambda: tf.zeros([2])
name = lambda n: args[1] + n
kinds = dict(
    plain=tf1.get_variable(name("plain"), initializer=start(), validate_shape=False, use_resource=True),
    called=tf1.get_variable(name("called"), initializer=start(), validate_shape=False, use_resource=True),
    branch=tf1.get_variable(name("branch"), initializer=start(), validate_shape=False, use_resource=True),
    old=tf1.get_variable(name("old"), initializer=start(), validate_shape=False, use_resource=True),
    ref=tf1.get_variable(name("ref"), initializer=start(), validate_shape=False, use_resource=False))
tf1.global_variables_initializer()
@tf.function
def assign(to):
    kinds["called"].assign(to)
    return to
with tf.control_dependencies([x]):
    ops = [tf1.assign(kinds["plain"], x, validate_shape=False).op, tf1.assign(kinds["ref"], x, validate_shape=False).op, assign(x).op]
tf1.enable_control_flow_v2()
ops.append(tf1.cond(tf.size(x) > 3, lambda: tf.identity(kinds["branch"].assign(x)), lambda: tf.identity(x)).op)
tf1.disable_control_flow_v2()
ops.append(tf1.cond(tf.size(x) > 3, lambda: tf.identity(kinds["old"].assign(x)), lambda: tf.identity(x)).op)
tf.group(*ops, name="grow")
for k, v in kinds.items():
    tf.identity(v.read_value() if k != "ref" else v, name="value_" + k)
tf1.train.Saver()
tf1.train.export_meta_graph(args[0], saver_def=tf1.train.Saver(name="late").saver_def)
`

var growingKinds = []string{"plain", "called", "branch", "old", "ref"}

// What Save accepts, a new session of the same program restores.
func TestRestoreOfVariablesThatGrew(t *testing.T) {
	long := []float32{1, 2, 3, 4, 5}
	for i, way := range []struct {
		name    string
		o       saver.Options
		cluster bool
		restore *saver.RestoreOptions // nil for Resume
	}{
		{"files", saver.Options{}, false, &saver.RestoreOptions{}},
		{"partial", saver.Options{}, false, &saver.RestoreOptions{Partial: true}},
		{"mapped", saver.Options{Alignment: 4096}, false, &saver.RestoreOptions{Mapped: true}},
		{"one by one", saver.Options{RestoreSequentially: true}, false, &saver.RestoreOptions{}},
		{"nodes", saver.Options{Driver: saver.Ops}, false, &saver.RestoreOptions{}},
		{"resume", saver.Options{}, false, nil},
		{"resume by nodes", saver.Options{Driver: saver.Ops}, false, nil},
		{"gathered", saver.Options{Driver: saver.Files, Gather: &saver.GatherOptions{BatchBytes: 8}}, true, &saver.RestoreOptions{}},
		{"gathered partial", saver.Options{Driver: saver.Files}, true, &saver.RestoreOptions{Partial: true}},
		{"nodes of a cluster", saver.Options{}, true, &saver.RestoreOptions{}},
	} {
		t.Run(way.name, func(t *testing.T) {
			dir := t.TempDir()
			meta := filepath.Join(dir, "model.meta")
			oracle.Run(t, growingModel, meta, fmt.Sprint("grow", i, "_"))
			open := func() (*tf.Session, *saver.Saver) {
				g := tf.NewGraph()
				im, err := tf.ImportMetaGraphFile(ctx, g, meta, nil)
				require.NoError(t, err)
				o := way.o
				s, err := saver.FromImported(g, im, &o)
				require.NoError(t, err)
				if way.cluster {
					return clusterSession(t, runningCluster(t), g), s
				}
				return newSession(t, g), s
			}
			sess, s := open()
			defer s.Close()
			require.NoError(t, sess.RunOps(ctx, sess.Graph().Operation("init")))
			set := func(to []float32) {
				x, err := tf.NewTensor(to)
				require.NoError(t, err)
				defer tf.Release(x)
				in, err := sess.Graph().OutputByName("x:0")
				require.NoError(t, err)
				_, err = sess.Run(ctx, map[tf.Output]*tf.Tensor{in: x}, nil, []*tf.Operation{sess.Graph().Operation("grow")}, nil)
				require.NoError(t, err)
			}
			set(long)
			folder := filepath.Join(dir, "run")
			path, err := s.Save(ctx, sess, filepath.Join(folder, "m"), nil)
			require.NoError(t, err)
			set([]float32{9, 9, 9, 9})
			values := func() (all [][]float32) {
				for _, k := range growingKinds {
					out, err := sess.Graph().OutputByName("value_" + k + ":0")
					require.NoError(t, err)
					all = append(all, tfgraph.Value(t, sess, out).([]float32))
				}
				return all
			}
			want := [][]float32{long, long, long, long, long}
			for range 2 { // over the values of now, and in a new session
				if way.restore != nil {
					_, err = s.Restore(ctx, sess, path, way.restore)
				} else {
					_, err = s.Resume(ctx, sess, folder, nil)
				}
				require.NoError(t, err)
				assert.Equal(t, want, values())
				require.NoError(t, s.Close())
				sess, s = open()
			}
			if !way.cluster {
				assert.Equal(t, long, oracle.Value[[]float32](t, `
s = tf1.train.import_meta_graph(args[0])
with tf1.Session() as sess:
    s.restore(sess, args[1])
    result = sess.run("value_plain:0")`, meta, path))
			}
		})
	}
}

// A reference whose node has a fixed shape takes a longer value by an assignment that does not
// validate. TensorFlow saves it, and cannot restore it in a new session.
func TestSaveRefusesWhatNoneRestores(t *testing.T) {
	eachDriver(t, func(t *testing.T, d saver.Driver) {
		g := tf.NewGraph()
		v, err := tf.NewVariable(g, "v", tf.Value([]float32{1, 2}), &tf.VariableOptions{Ref: true})
		require.NoError(t, err)
		long := tfgraph.Const(t, g, "long", []float32{1, 2, 3})
		grow, err := g.AddOp(tf.OpSpec{Type: "Assign", Input: []tf.Input{v.Handle(), long}, Attrs: map[string]any{"validate_shape": false}})
		require.NoError(t, err)
		s := newSaver(t, g, &saver.Options{Driver: d})
		sess := initialized(t, g)
		dir := t.TempDir()
		mustSave(t, s, sess, filepath.Join(dir, "m-1"), nil)
		before := files(t, dir)
		require.NoError(t, sess.RunOps(ctx, grow))
		_, err = s.Save(ctx, sess, filepath.Join(dir, "m-2"), nil)
		require.ErrorIs(t, err, tfkeep.ErrMismatch)
		require.ErrorContains(t, err, "variable v has a value of shape [3]")
		assert.Equal(t, before, files(t, dir))
	})
}

// As in TensorFlow's init_from_checkpoint, the declared shape counts there.
func TestInitFromCheckpointOfGrownVariable(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "m"), floats("v", 5))
	for _, ref := range []bool{false, true} {
		t.Run(fmt.Sprint("ref ", ref), func(t *testing.T) {
			meta := filepath.Join(t.TempDir(), "model.meta")
			refused := oracle.Value[bool](t, `
v = tf1.get_variable("v", initializer=tf.zeros([2]), validate_shape=False, use_resource=not args[1])
tf1.assign(v, tf1.placeholder(tf.float32, [None]), validate_shape=False)
tf1.train.export_meta_graph(args[0])
try:
    tf1.train.init_from_checkpoint(args[2], {"v": "v"})
    result = False
except ValueError as e:
    result = "doesn't match" in str(e)
`, meta, ref, path)
			g := tf.NewGraph()
			_, err := tf.ImportMetaGraphFile(ctx, g, meta, nil)
			require.NoError(t, err)
			sess := newSession(t, g)
			err = saver.InitFromCheckpoint(ctx, sess, path, map[string]string{"v": "v"})
			assert.Equal(t, refused, !ref)
			if refused {
				require.ErrorIs(t, err, tfkeep.ErrMismatch)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, make([]float32, 5), tfgraph.Value(t, sess, g.GlobalVariables()[0].Value()))
		})
	}
}
