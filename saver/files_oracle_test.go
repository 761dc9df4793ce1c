package saver_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// configuration is a graph and a Saver, made in Go and in Python.
type configuration struct {
	name  string
	build func(t *testing.T, g *tf.Graph)
	o     saver.Options
}

var configurations = []configuration{
	{"plain", func(t *testing.T, g *tf.Graph) {
		variable(t, g, "b", []float32{1, 2, 3})
		variable(t, g, "a", [][]float64{{1, 2}, {3, 4}})
		variable(t, g, "s", [][]string{{"", "long " + strings.Repeat("x", 300)}, {"a", "b"}})
		variable(t, g, "flag", []bool{true, false})
		_, err := tf.NewVariable(g, "empty", tf.Zeros(0, 3), nil)
		require.NoError(t, err)
		refVariable(t, g, "old", []int64{-1}, "")
		refVariable(t, g, "c", complex64(complex(1, -1)), "")
	}, saver.Options{}},
	{"sharded", func(t *testing.T, g *tf.Graph) {
		goRefs(t, g, "/cpu:0", "/cpu:1")
		_, err := tf.NewVariable(g, "r", tf.Value([]float32{7, 8}), &tf.VariableOptions{Device: "/cpu:1"})
		require.NoError(t, err)
	}, saver.Options{Sharded: true}},
	{"sharded on one device", func(t *testing.T, g *tf.Graph) { goRefs(t, g, "", "") }, saver.Options{Sharded: true}},
	{"partitioned", func(t *testing.T, g *tf.Graph) {
		partition(t, g, "p/w", 4, 3, 2, true)
		partition(t, g, "q", 6, 1, 3, false)
		variable(t, g, "whole", float32(1))
	}, saver.Options{}},
	{"V1", func(t *testing.T, g *tf.Graph) { goRefs(t, g, "", "") }, saver.Options{WriteVersion: checkpoint.V1}},
	{"V1 sharded", func(t *testing.T, g *tf.Graph) { goRefs(t, g, "/cpu:0", "/cpu:1") }, saver.Options{WriteVersion: checkpoint.V1, Sharded: true}},
	{"reshape", func(t *testing.T, g *tf.Graph) { goRefs(t, g, "", "") }, saver.Options{Reshape: true}},
}

func multiCPU(t testing.TB, g *tf.Graph) *tf.Session {
	t.Helper()
	sess, err := tf.NewSession(g, &tf.SessionOptions{DeviceCount: map[string]int32{"CPU": 2}, DisableGrappler: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sess.Close()) })
	return sess
}

func initialize(t testing.TB, g *tf.Graph, sess *tf.Session) {
	t.Helper()
	op, err := tf.GlobalVariablesInitializer(g)
	require.NoError(t, err)
	require.NoError(t, sess.RunOps(ctx, op))
}

// The two drivers write the same bytes, and so does Python.
func TestDriversWriteSameFiles(t *testing.T) {
	for _, c := range configurations {
		t.Run(c.name, func(t *testing.T) {
			g := tf.NewGraph()
			c.build(t, g)
			byDriver := map[string]*saver.Saver{}
			for _, d := range []struct {
				name   string
				driver saver.Driver
			}{{"auto", saver.Auto}, {"ops", saver.Ops}} {
				o := c.o
				o.Driver, o.SaveRelativePaths, o.Name = d.driver, true, "save_"+d.name
				byDriver[d.name] = newSaver(t, g, &o)
			}
			sess := multiCPU(t, g)
			initialize(t, g, sess)
			root := t.TempDir()
			dirs := map[string]string{}
			for name, s := range byDriver {
				dirs[name] = filepath.Join(root, name)
				mustSave(t, s, sess, filepath.Join(dirs[name], "m"), &saver.SaveOptions{GlobalStep: saver.Step(1), NoMetaGraph: true})
			}
			// Python restores with Go's Saver and saves with it.
			meta := filepath.Join(root, "g.meta")
			_, err := byDriver["ops"].ExportMetaGraph(&tf.ExportMetaGraphOptions{Filename: meta})
			require.NoError(t, err)
			dirs["python"] = filepath.Join(root, "python")
			require.NoError(t, os.Mkdir(dirs["python"], 0o755))
			latest, err := latestIn(dirs["auto"])
			require.NoError(t, err)
			oracle.Run(t, `
s = tf1.train.import_meta_graph(args[0])
s._save_relative_paths = True
with tf1.Session(config=tf1.ConfigProto(device_count={'CPU': 2})) as sess:
    s.restore(sess, args[1])
    s.save(sess, args[2], global_step=1, write_meta_graph=False)
`, meta, latest, filepath.Join(dirs["python"], "m"))

			want := files(t, dirs["python"])
			for name, dir := range dirs {
				assert.Equal(t, want, files(t, dir), name)
				for _, file := range want {
					assert.Equal(t, read(t, dirs["python"], file), read(t, dir, file), "%s of %s", file, name)
				}
			}
		})
	}
}

// Every configuration goes from Python to Go and back without a bit changed.
func TestHandOver(t *testing.T) {
	for _, c := range configurations {
		for _, d := range drivers {
			name, driver := d.name, d.v
			if c.o.WriteVersion == checkpoint.V1 && driver == saver.Files {
				driver = saver.Auto
			}
			t.Run(c.name+" "+name, func(t *testing.T) {
				g := tf.NewGraph()
				c.build(t, g)
				o := c.o
				o.Driver = driver
				s := newSaver(t, g, &o)
				sess := multiCPU(t, g)
				initialize(t, g, sess)
				folder := t.TempDir()
				first := mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(1)})

				// Python adds to the variables that have numbers, and saves.
				var second string
				oracle.Run(t, `
s = tf1.train.import_meta_graph(args[0])
with tf1.Session(config=tf1.ConfigProto(device_count={'CPU': 2})) as sess:
    s.restore(sess, args[1])
    ops = [v.assign(v + tf.ones_like(v)) for v in tf1.global_variables() if v.dtype.base_dtype.is_floating]
    sess.run(ops)
    result = s.save(sess, args[2], global_step=2)
`, dir.MetaGraphPath(first, ""), first, filepath.Join(folder, "m")).Decode(t, &second)

				g = tf.NewGraph()
				im, err := tf.ImportMetaGraphFile(ctx, g, dir.MetaGraphPath(second, ""), nil)
				require.NoError(t, err)
				s2, err := saver.FromImported(g, im, &saver.Options{Driver: driver})
				require.NoError(t, err)
				sess = multiCPU(t, g)
				require.NoError(t, restore(s2, sess, second))
				third := mustSave(t, s2, sess, filepath.Join(folder, "third", "m"), nil)
				require.NoError(t, s2.Close())
				equalCheckpoints(t, second, third)
			})
		}
	}
}

// equalCheckpoints compares the values of two checkpoints.
func equalCheckpoints(t *testing.T, a, b string) {
	t.Helper()
	ra, err := checkpoint.Open(t.Context(), a, nil)
	require.NoError(t, err)
	defer ra.Close()
	rb, err := checkpoint.Open(t.Context(), b, nil)
	require.NoError(t, err)
	defer rb.Close()
	require.NotEmpty(t, slices.Collect(ra.Tensors()))
	require.Len(t, slices.Collect(rb.Tensors()), len(slices.Collect(ra.Tensors())))
	for i, ta := range slices.Collect(ra.Tensors()) {
		tb := slices.Collect(rb.Tensors())[i]
		require.Equal(t, ta.Name, tb.Name)
		require.Equal(t, ta.DType, tb.DType)
		require.Equal(t, ta.Shape, tb.Shape)
		if ta.DType == dtype.String {
			va, err := ra.ReadStrings(ctx, ta.Name, nil)
			require.NoError(t, err)
			vb, err := rb.ReadStrings(ctx, tb.Name, nil)
			require.NoError(t, err)
			require.Equal(t, va, vb)
			continue
		}
		va, err := ra.ReadBytes(ctx, ta.Name, nil)
		require.NoError(t, err)
		vb, err := rb.ReadBytes(ctx, tb.Name, nil)
		require.NoError(t, err)
		require.Equal(t, va, vb, ta.Name)
	}
}

// The state file and the meta graph's name are those of TensorFlow, for every form of a
// path.
func TestStateFilesEqualTensorFlows(t *testing.T) {
	g := tf.NewGraph()
	goRefs(t, g, "", "")
	sess := initialized(t, g)
	root, home := t.TempDir(), must(os.Getwd())
	type save struct {
		Path   string
		Step   *int
		Latest string
	}
	scripts := [][]save{
		{{"a/m", new(1), ""}, {"a/m", new(2), ""}, {"a/m", new(3), ""}},
		{{"a/m", new(1), ""}, {"$/a/m", new(2), ""}, {"a/m", new(3), ""}},
		{{"m0", nil, ""}, {"m0", nil, ""}, {"b/m", new(7), ""}},
		{{"b/./m", new(1), ""}, {"b/q", nil, "other"}, {"b//m", new(2), ""}},
		{{"$/c/m", new(1), ""}, {"$/c/m", new(2), ""}, {"$/c/m", new(1), ""}},
	}
	for i, script := range scripts {
		for _, relative := range []bool{false, true} {
			goDir := filepath.Join(root, "go", string(rune('a'+i)), map[bool]string{true: "r", false: "a"}[relative])
			pyDir := strings.Replace(goDir, "/go/", "/py/", 1)
			for _, d := range []string{goDir, pyDir} {
				require.NoError(t, os.MkdirAll(d, 0o755))
			}
			t.Chdir(goDir)
			s := newSaver(t, g, &saver.Options{MaxToKeep: 2, SaveRelativePaths: relative})
			for _, step := range script {
				o := &saver.SaveOptions{LatestFilename: step.Latest}
				if step.Step != nil {
					o.GlobalStep = saver.Step(*step.Step)
				}
				mustSave(t, s, sess, strings.Replace(step.Path, "$", goDir, 1), o)
			}
			require.NoError(t, s.Close())
			t.Chdir(home) // Python is looked for from here
			oracle.Run(t, pythonRefs+`
refs()
old = os.getcwd()
os.chdir(args[0])
try:
    s = tf1.train.Saver(max_to_keep=2, save_relative_paths=args[2])
    with tf1.Session() as sess:
        sess.run(tf1.global_variables_initializer())
        for step in args[1]:
            s.save(sess, step['Path'].replace('$', args[0]), global_step=step['Step'], latest_filename=step['Latest'] or None)
finally:
    os.chdir(old)
`, pyDir, script, relative)
			assert.Equal(t, tree(t, pyDir, pyDir), tree(t, goDir, goDir), "%v, relative %v", script, relative)
		}
	}
}

func must(dir string, err error) string {
	if err != nil {
		panic(err)
	}
	return dir
}

var shards = regexp.MustCompile(`\.data-\d+-of-\d+$`)

// tree returns the files below a folder, with the content of state files, in which the
// folder's name is replaced.
func tree(t *testing.T, dir, self string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		// A save over an existing checkpoint has another number of shards.
		rel = shards.ReplaceAllString(rel, ".data")
		out[rel] = ""
		if filepath.Ext(rel) == "" && !strings.Contains(filepath.Base(rel), "m") {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			out[rel] = strings.ReplaceAll(string(data), self, "$")
		}
		return nil
	}))
	return out
}
