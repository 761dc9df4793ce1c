package saver_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// noGPU opens a session without GPUs, even if the machine has one.
func noGPU(t *testing.T, g *tf.Graph, disallowSoftPlacement bool) *tf.Session {
	t.Helper()
	return tfgraph.Session(t, g, &tf.SessionOptions{DeviceCount: map[string]int32{"GPU": 0}, DisallowSoftPlacement: disallowSoftPlacement})
}

// pinnedByGo saves a model whose nodes are all on /gpu:0, except those of the Saver that
// read and write files.
func pinnedByGo(t *testing.T) string {
	t.Helper()
	g := tf.NewGraph()
	require.NoError(t, g.WithDevice("/gpu:0", func() error {
		w := variable(t, g, "w", [][]float32{{1, 2}, {3, 4}})
		s := g.Scope()
		y := op.MatMul(s, w.Value(), op.Const(s, [][]float32{{10}, {1}}))
		_, err := g.AddOp(tf.OpSpec{Type: "Identity", Name: "y", Input: []tf.Input{y}})
		require.NoError(t, s.Err())
		return err
	}))
	sv := newSaver(t, g, nil)
	initialize, err := tf.GlobalVariablesInitializer(g)
	require.NoError(t, err)
	sess := noGPU(t, g, false)
	require.NoError(t, sess.RunOps(ctx, initialize))
	return mustSave(t, sv, sess, filepath.Join(t.TempDir(), "m"), nil)
}

// pinnedByPython is pinnedByGo in Python.
func pinnedByPython(resource bool) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		return oracle.Value[string](t, `
with tf.device("/gpu:0"):
    w = tf1.get_variable("w", initializer=tf.constant([[1., 2.], [3., 4.]]), use_resource=args[1])
    tf.identity(tf.matmul(w, tf.constant([[10.], [1.]])), name="y")
with tf1.Session(config=tf1.ConfigProto(allow_soft_placement=True, device_count={"GPU": 0})) as s:
    s.run(tf1.global_variables_initializer())
    result = tf1.train.Saver().save(s, args[0])
`, filepath.Join(t.TempDir(), "m"), resource)
	}
}

// pinnedWant is the value of y in all models.
var pinnedWant = [][]float32{{12}, {34}}

func TestGPUModelRestoresOnCPU(t *testing.T) {
	for _, test := range []named[func(t *testing.T) string]{
		{"saved by Go", pinnedByGo},
		{"saved by Python, with resource variables", pinnedByPython(true)},
		{"saved by Python, with reference variables", pinnedByPython(false)},
	} {
		name, save := test.name, test.v
		t.Run(name, func(t *testing.T) {
			path := save(t)
			imported := func(t *testing.T, o *tf.ImportMetaGraphOptions) (*tf.Graph, *saver.Saver) {
				g := tf.NewGraph()
				sv, err := saver.ImportMetaGraph(ctx, g, path+".meta", o)
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, sv.Close()) })
				return g, sv
			}
			y := func(t *testing.T, sess *tf.Session) any {
				o, err := sess.Graph().OutputByName("y:0")
				require.NoError(t, err)
				return tfgraph.Value(t, sess, o)
			}
			t.Run("elsewhere, by soft placement", func(t *testing.T) {
				g, sv := imported(t, nil)
				assert.Equal(t, "/device:GPU:0", g.Operation("y").Device())
				sess := noGPU(t, g, false)
				require.NoError(t, restore(sv, sess, path))
				assert.Equal(t, pinnedWant, y(t, sess))
			})
			t.Run("an error, where that is not allowed", func(t *testing.T) {
				g, sv := imported(t, nil)
				err := restore(sv, noGPU(t, g, true), path)
				require.ErrorIs(t, err, status.InvalidArgument)
				for _, says := range []string{"Cannot assign a device for operation", "/device:GPU:0", "available devices"} {
					assert.ErrorContains(t, err, says)
				}
			})
			t.Run("without its devices", func(t *testing.T) {
				g, sv := imported(t, &tf.ImportMetaGraphOptions{ClearDevices: true})
				assert.Empty(t, g.Operation("y").Device())
				sess := noGPU(t, g, true)
				require.NoError(t, restore(sv, sess, path))
				assert.Equal(t, pinnedWant, y(t, sess))
			})
			t.Run("by Python, without its devices", func(t *testing.T) {
				assert.Equal(t, pinnedWant, oracle.Value[[][]float32](t, `
s = tf1.train.import_meta_graph(args[0] + ".meta", clear_devices=True)
with tf1.Session(config=tf1.ConfigProto(device_count={"GPU": 0})) as sess:
    s.restore(sess, args[0])
    result = sess.run("y:0").tolist()
`, path))
			})
		})
	}
}

func TestSaveAndRestoreOnGPU(t *testing.T) {
	for _, test := range []named[*saver.Options]{
		{"one file", nil},
		{"sharded", &saver.Options{Sharded: true}},
	} {
		name, o := test.name, test.v
		t.Run(name, func(t *testing.T) {
			g := tf.NewGraph()
			var v *tf.Variable
			require.NoError(t, g.WithDevice("/gpu:0", func() error {
				v = variable(t, g, "v", [][]float32{{1, 2}, {3, 4}})
				return nil
			}))
			sv := newSaver(t, g, o)
			initialize, err := tf.GlobalVariablesInitializer(g)
			require.NoError(t, err)
			sess := onGPU(t, g)
			require.NoError(t, sess.RunOps(ctx, initialize))
			assign(t, sess, v, [][]float32{{5, 6}, {7, 8}})
			path := mustSave(t, sv, sess, filepath.Join(t.TempDir(), "m"), nil)
			assert.Equal(t, [][]float32{{5, 6}, {7, 8}}, oracle.Value[[][]float32](t, `result = tf.train.load_variable(args[0], "v")`, path))

			assign(t, sess, v, [][]float32{{0, 0}, {0, 0}})
			require.NoError(t, restore(sv, sess, path))
			assert.Equal(t, [][]float32{{5, 6}, {7, 8}}, tfgraph.Value(t, sess, v.Value()))
		})
	}
}

// onGPU opens a session with a GPU. Without a GPU it skips the test.
func onGPU(t *testing.T, g *tf.Graph) *tf.Session {
	t.Helper()
	sess := tfgraph.Session(t, g, &tf.SessionOptions{GPU: tf.GPUOptions{AllowGrowth: true}})
	devices, err := sess.Devices(t.Context())
	require.NoError(t, err)
	for _, d := range devices {
		if d.Type == "GPU" {
			return sess
		}
	}
	t.Skip("NOT RUN: there is no GPU here")
	return nil
}
