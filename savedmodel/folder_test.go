package savedmodel_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// openFS opens the model in the root of a file system.
func openFS(fsys fs.FS) (*savedmodel.Model, error) {
	return savedmodel.Open(ctx, ".", &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{FS: fsys}})
}

// inMemory copies a folder into a file system in memory and into a zip archive.
func inMemory(t *testing.T, dir string) (fstest.MapFS, *zip.Reader) {
	t.Helper()
	files := fstest.MapFS{}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		files[path] = &fstest.MapFile{Data: data}
		f, err := w.Create(path)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return err
	}))
	require.NoError(t, w.Close())
	r, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	require.NoError(t, err)
	return files, r
}

func TestOpenFromFS(t *testing.T) {
	m := newLinear(t)
	dir := filepath.Join(t.TempDir(), "m")
	require.NoError(t, savedmodel.SimpleSave(ctx, m.sess, dir, map[string]tf.Output{"x": m.x}, map[string]tf.Output{"y": m.y}, nil))
	memory, archive := inMemory(t, dir)
	for _, test := range []struct {
		name string
		fsys fs.FS
	}{{"memory", memory}, {"zip", archive}} {
		name, fsys := test.name, test.fsys
		t.Run(name, func(t *testing.T) {
			model, err := openFS(fsys)
			require.NoError(t, err)
			defer model.Close()
			x := floats(t, 2)
			defer tf.Release(x)
			out, err := model.Predict(ctx, "serving_default", map[string]*tf.Tensor{"x": x})
			require.NoError(t, err)
			defer tf.Release(out["y"])
			assert.Equal(t, []float32{6.5}, out["y"].Value())
		})
	}
	for name := range memory {
		t.Run("without "+name, func(t *testing.T) {
			less := fstest.MapFS{}
			for k, v := range memory {
				if k != name {
					less[k] = v
				}
			}
			_, err := openFS(less)
			require.Error(t, err)
			assert.ErrorContains(t, err, filepath.Base(name)[:5], "the error names what is missing")
		})
	}
}

func TestManifestDetectsChanges(t *testing.T) {
	m := newLinear(t)
	dir := filepath.Join(t.TempDir(), "m")
	b, err := savedmodel.NewBuilder(dir, &savedmodel.BuilderOptions{Manifest: true})
	require.NoError(t, err)
	defer b.Close()
	require.NoError(t, b.AddMetaGraphAndVariables(ctx, m.sess, []string{"serve"}, nil))
	_, err = b.Save(ctx)
	require.NoError(t, err)
	assert.True(t, oracle.Value[bool](t, `
with tf1.Session() as s:
    tf1.saved_model.loader.load(s, ["serve"], args[0])
result = True
`, dir), "TensorFlow ignores the manifest")

	whole, _ := inMemory(t, dir)
	model, err := openFS(whole)
	require.NoError(t, err)
	require.NoError(t, model.Close())
	for name := range whole {
		changed := fstest.MapFS{}
		for k, v := range whole {
			changed[k] = &fstest.MapFile{Data: append([]byte(nil), v.Data...)}
		}
		changed[name].Data[len(changed[name].Data)/2] ^= 1
		_, err := openFS(changed)
		assert.ErrorIs(t, err, tfkeep.ErrCorrupt, name)
	}
	whole["assets/extra.txt"] = &fstest.MapFile{Data: []byte("x")}
	_, err = openFS(whole)
	assert.ErrorContains(t, err, "assets/extra.txt is not in the manifest")
}

func TestNewVersionAndKeepVersions(t *testing.T) {
	m := newLinear(t)
	base := filepath.Join(t.TempDir(), "model")
	for i := 0; i < 4; i++ {
		b, err := savedmodel.NewVersion(base, &savedmodel.BuilderOptions{KeepVersions: 2})
		require.NoError(t, err)
		require.NoError(t, b.AddMetaGraphAndVariables(ctx, m.sess, []string{"serve"}, nil))
		_, err = b.Save(ctx)
		require.NoError(t, err)
	}
	versions, err := savedmodel.Versions(base)
	require.NoError(t, err)
	assert.Equal(t, []int64{3, 4}, versions)
	entries, err := os.ReadDir(base)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing else is left")
}

func TestSecondBuilderIsLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	b, err := savedmodel.NewBuilder(dir, nil)
	require.NoError(t, err)
	_, err = savedmodel.NewBuilder(dir, nil)
	require.ErrorIs(t, err, tfkeep.ErrLocked)
	require.NoError(t, b.Close())
	// The next builder removes what a killed one left.
	require.NoError(t, os.MkdirAll(filepath.Join(dir+".tfkeep-tmp", "variables"), 0o755))
	b, err = savedmodel.NewBuilder(dir, nil)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	assert.NoDirExists(t, dir+".tfkeep-tmp")
}

func TestAllowOps(t *testing.T) {
	root := t.TempDir()
	dir, victim := filepath.Join(root, "m"), filepath.Join(root, "victim")
	oracle.Run(t, `
w = tf1.get_variable("w", initializer=1.0)
evil = tf.io.write_file(args[1], "gotcha")
with tf1.control_dependencies([evil]):
    init = tf.no_op(name="looks_harmless")
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    b = tf1.saved_model.Builder(args[0])
    b.add_meta_graph_and_variables(s, ["serve"], main_op=init)
    b.save()
`, dir, victim, nil)

	_, err := savedmodel.Open(ctx, dir, nil)
	require.ErrorIs(t, err, tfkeep.ErrUnsafe)
	assert.ErrorContains(t, err, "WriteFile")
	assert.NoFileExists(t, victim)

	model, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{AllowOps: []string{"WriteFile"}}})
	require.NoError(t, err)
	require.NoError(t, model.Close())
	assert.FileExists(t, victim)
}
