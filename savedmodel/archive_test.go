package savedmodel_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/savedmodel"
)

// zipOf returns the model "words" as an archive, with one file replaced by a larger one of
// zeros, which takes almost no space in it.
func zipOf(t *testing.T, replaced string, size int64) fs.FS {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	root := tftest.Model(t, "words")
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		require.NoError(t, err)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		f, err := w.Create(filepath.ToSlash(rel))
		require.NoError(t, err)
		if ok, _ := filepath.Match(replaced, filepath.ToSlash(rel)); ok {
			content = make([]byte, size)
		}
		_, err = f.Write(content)
		return err
	}))
	require.NoError(t, w.Close())
	r, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	require.NoError(t, err)
	return r
}

// A small archive must not fill the memory or the disk.
func TestArchiveThatExpandsIsRefused(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	open := func(replaced string, size int64) error {
		m, err := savedmodel.Open(t.Context(), ".", &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{FS: zipOf(t, replaced, size)}})
		if err == nil {
			assert.NoError(t, m.Close())
		}
		entries, readErr := os.ReadDir(temp)
		require.NoError(t, readErr)
		assert.Empty(t, entries, "temporary files")
		return err
	}
	require.NoError(t, open("", 0))
	for _, replaced := range []string{"saved_model.pb", "assets/*"} {
		require.ErrorIs(t, open(replaced, 128<<20), tfkeep.ErrTooLarge, replaced)
	}
}

// A hole in a file of variables does not raise what the graph may ask for.
func TestHolesRaiseNoLimits(t *testing.T) {
	dir := tftest.Model(t, "words")
	rewrite(t, dir, func(mg *graphdef.MetaGraphDef) {
		g := tftest.ParseGraph(t, `node { name: "evil/splat" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { tensor {
			dtype: DT_FLOAT tensor_shape { dim { size: 50000000 } } float_val: 1 } } } }`)
		mg.GraphDef.Node = append(mg.GraphDef.Node, g.Node...)
	})
	_, err := savedmodel.Open(ctx, dir, nil)
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)
	require.NoError(t, os.Truncate(filepath.Join(dir, "variables", "variables.data-00000-of-00001"), 1<<40))
	_, err = savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{SkipManifest: true}})
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)
	require.ErrorContains(t, err, "Limits.Bytes")
}
