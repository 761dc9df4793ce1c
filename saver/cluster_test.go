package saver_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// clusterModel adds variables of each kind on two servers, and values without a static
// size. The names begin with a prefix.
func clusterModel(t *testing.T, g *tf.Graph, prefix string) {
	for task := range 2 {
		onPS(t, g, task, func() {
			name := func(s string) string { return fmt.Sprint(prefix, "_", s, task) }
			variable(t, g, name("r"), []float32{1, 2, float32(task)})
			variable(t, g, name("a"), [][]float64{{1, 2}, {3, float64(task)}})
			variable(t, g, name("s"), []string{"", "long " + strings.Repeat("x", 300)})
			refVariable(t, g, name("old"), []int64{int64(-task)}, "")
			_, err := tf.NewVariable(g, name("empty"), tf.Zeros(0, 3), nil)
			require.NoError(t, err)
			partition(t, g, name("p"), 4, 3, 2, task == 0)
		})
	}
}

var clusterConfigurations = []struct {
	name string
	o    saver.Options
}{
	{"sharded", saver.Options{Sharded: true}},
	{"one file", saver.Options{}},
	{"V1 sharded", saver.Options{Sharded: true, WriteVersion: checkpoint.V1}},
	{"V1 one file", saver.Options{WriteVersion: checkpoint.V1}},
	{"reshape", saver.Options{Sharded: true, Reshape: true}},
}

// The servers, this process, and Python on the same cluster write the same files,
// and each restores what the others have written.
func TestClusterDriversWriteSameFiles(t *testing.T) {
	c := runningCluster(t)
	for i, configuration := range clusterConfigurations {
		t.Run(configuration.name, func(t *testing.T) {
			g := tf.NewGraph()
			clusterModel(t, g, fmt.Sprint("same", i))
			savers := map[string]*saver.Saver{}
			for _, test := range clusterDrivers(c) {
				name, o := test.name, test.v
				if configuration.o.WriteVersion == checkpoint.V1 && o.Driver == saver.Files {
					continue // Go writes V2
				}
				o.Sharded, o.WriteVersion, o.Reshape = configuration.o.Sharded, configuration.o.WriteVersion, configuration.o.Reshape
				o.SaveRelativePaths, o.Name = true, "save_"+strings.ReplaceAll(name, " ", "_")
				savers[name] = newSaver(t, g, &o)
			}
			sess := clusterSession(t, c, g)
			initialize(t, g, sess)
			root := t.TempDir()
			saved := map[string]string{}
			for name, s := range savers {
				saved[name] = mustSave(t, s, sess, filepath.Join(root, name, "m"), &saver.SaveOptions{GlobalStep: saver.Step(1), NoMetaGraph: true})
			}
			meta := filepath.Join(root, "g.meta")
			_, err := savers["ops"].ExportMetaGraph(&tf.ExportMetaGraphOptions{Filename: meta})
			require.NoError(t, err)
			require.NoError(t, os.Mkdir(filepath.Join(root, "python"), 0o755))
			var python string
			oracle.Run(t, `
s = tf1.train.import_meta_graph(args[0])
s._save_relative_paths = True
with tf1.Session(args[3]) as sess:
    for path in args[1]:
        sess.run([v.assign(tf.zeros_like(v)) for v in tf1.global_variables() if v.dtype.base_dtype.is_floating])
        s.restore(sess, path)
    result = s.save(sess, args[2], global_step=1, write_meta_graph=False)
`, meta, values(saved), filepath.Join(root, "python", "m"), c.Target("worker", 0)).Decode(t, &python)

			want := files(t, filepath.Join(root, "python"))
			require.Greater(t, len(want), 1)
			for name := range savers {
				assert.Equal(t, want, files(t, filepath.Join(root, name)), name)
				for _, file := range want {
					assert.Equal(t, read(t, root, "python", file), read(t, root, name, file), "%s of %s", file, name)
				}
			}
			// And each restores what Python has written.
			for name, s := range savers {
				zero(t, g, sess)
				require.NoError(t, restore(s, sess, python), name)
				again := mustSave(t, s, sess, filepath.Join(root, "again "+name, "m"), &saver.SaveOptions{GlobalStep: saver.Step(1), NoMetaGraph: true})
				for _, file := range want {
					if file != "checkpoint" { // which knows what the Saver saved before
						assert.Equal(t, read(t, root, "python", file), read(t, filepath.Dir(again), file), "%s of %s", file, name)
					}
				}
			}
		})
	}
}

// zero sets all variables to zero, so that a test notices a restore that does nothing.
func zero(t *testing.T, g *tf.Graph, sess *tf.Session) {
	t.Helper()
	var ops []*tf.Operation
	for _, v := range g.GlobalVariables() {
		if v.DType() == dtype.String {
			continue
		}
		op, err := g.AddOp(tf.OpSpec{Type: "ZerosLike", Input: []tf.Input{v.Value()}})
		require.NoError(t, err)
		assign, err := v.Assign(op.Output(0))
		require.NoError(t, err)
		ops = append(ops, assign)
	}
	require.NoError(t, sess.RunOps(ctx, ops...))
}

func values(m map[string]string) []string {
	var out []string
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// Retention, the state file, meta graphs, Resume and Verify are as on one machine.
func TestClusterRetentionAndResume(t *testing.T) {
	c := runningCluster(t)
	for _, test := range clusterDrivers(c) {
		name, o := test.name, test.v
		t.Run(name, func(t *testing.T) {
			g := tf.NewGraph()
			prefix := "house_" + strings.ReplaceAll(name, " ", "_")
			clusterModel(t, g, prefix)
			var step *tf.Variable
			onPS(t, g, 1, func() { step = variable(t, g, prefix+"_step", int64(1)) })
			g.AddToCollection(tf.GlobalStep, step)
			o.Sharded, o.MaxToKeep = true, 2
			s := newSaver(t, g, &o)
			one, err := g.AddOp(tf.OpSpec{Type: "OnesLike", Input: []tf.Input{step.Value()}})
			require.NoError(t, err)
			next, err := step.AssignAdd(one.Output(0))
			require.NoError(t, err)
			sess := clusterSession(t, c, g)
			initialize(t, g, sess)
			dir := t.TempDir()
			var path string
			for range 3 {
				path = mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(step)})
				require.NoError(t, sess.RunOps(ctx, next))
			}
			assert.Equal(t, []string{
				"checkpoint",
				"m-2.data-00000-of-00002", "m-2.data-00001-of-00002", "m-2.index", "m-2.meta",
				"m-3.data-00000-of-00002", "m-3.data-00001-of-00002", "m-3.index", "m-3.meta",
			}, files(t, dir))
			report, err := checkpoint.Verify(ctx, path, nil)
			require.NoError(t, err)
			assert.True(t, report.OK(), report.Faults)
			require.NoError(t, s.Close())

			// Another process resumes; the newest checkpoint is damaged.
			data := path + ".data-00001-of-00002"
			bytes := []byte(read(t, data))
			bytes[0] ^= 1
			require.NoError(t, os.WriteFile(data, bytes, 0o644))
			g2 := tf.NewGraph()
			im, err := tf.ImportMetaGraphFile(ctx, g2, path+".meta", nil)
			require.NoError(t, err)
			s2, err := saver.FromImported(g2, im, &saver.Options{Driver: o.Driver, Gather: o.Gather})
			require.NoError(t, err)
			defer s2.Close()
			sess2 := clusterSession(t, c, g2)
			resumed, err := s2.Resume(ctx, sess2, dir, nil)
			require.NoError(t, err)
			assert.Equal(t, int64(2), resumed.Step)
			require.Len(t, resumed.Skipped, 1)
			assert.Equal(t, path, resumed.Skipped[0].Path)
		})
	}
}
