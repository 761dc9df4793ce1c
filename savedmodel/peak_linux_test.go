package savedmodel_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/procmem"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/savedmodel"
)

// bomb returns the model "words" as an archive of about 2 MB in which one file expands to
// 2 GiB of zeros, and the size that the archive states for it.
func bomb(t *testing.T, replaced string, stated uint64) fs.FS {
	t.Helper()
	var block bytes.Buffer
	c, err := flate.NewWriter(&block, flate.BestCompression)
	require.NoError(t, err)
	_, err = c.Write(make([]byte, 1<<20))
	require.NoError(t, err)
	require.NoError(t, c.Flush())
	packed := bytes.Repeat(block.Bytes(), 2<<10)

	model := os.DirFS(tftest.Model(t, "words"))
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	require.NoError(t, fs.WalkDir(model, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if name == replaced {
			raw, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, CompressedSize64: uint64(len(packed)), UncompressedSize64: stated})
			require.NoError(t, err)
			_, err = raw.Write(packed)
			return err
		}
		content, err := fs.ReadFile(model, name)
		require.NoError(t, err)
		f, err := w.Create(name)
		require.NoError(t, err)
		_, err = f.Write(content)
		return err
	}))
	require.NoError(t, w.Close())
	require.Less(t, archive.Len(), 4<<20)
	r, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	require.NoError(t, err)
	return r
}

// Nothing in a model of a few MB takes more than 64 MiB and twice its size, or waits. The
// models are opened in a process that does nothing else.
func TestOpenNeedsLittleMemory(t *testing.T) {
	const child = "TFKEEP_TEST_OPEN_MEMORY"
	if os.Getenv(child) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOpenNeedsLittleMemory$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1", "TMPDIR="+t.TempDir())
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	open := func(t *testing.T, dir string, fsys fs.FS) (err error) {
		t.Helper()
		limited, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		grown, measured := procmem.Growth(func() {
			var m *savedmodel.Model
			o := savedmodel.LoadOptions{FS: fsys, SkipManifest: true}
			if m, err = savedmodel.Open(limited, dir, &savedmodel.OpenOptions{LoadOptions: o}); err == nil {
				assert.NoError(t, m.Close())
			}
		})
		require.NoError(t, measured)
		t.Logf("%d MiB, %v", grown>>20, err)
		assert.Less(t, grown, int64(64<<20+2*(4<<20)))
		require.NoError(t, limited.Err())
		return err
	}
	require.NoError(t, open(t, tftest.Model(t, "words"), nil)) // TensorFlow sets up what it needs once
	files := []string{"saved_model.pb", "assets/words.txt", "variables/variables.index", "variables/variables.data-00000-of-00001"}
	for _, file := range files {
		for _, stated := range []uint64{2 << 30, 1 << 20} {
			t.Run("archive/"+file, func(t *testing.T) {
				require.Error(t, open(t, ".", bomb(t, file, stated)))
			})
		}
		for _, p := range tftest.Planted {
			t.Run(p.Name+"/"+file, func(t *testing.T) {
				dir := tftest.Model(t, "words")
				path := filepath.Join(dir, file)
				require.NoError(t, os.Remove(path))
				require.NoError(t, p.Plant(path))
				err := open(t, dir, nil)
				require.Error(t, err)
				if p.Hole && file == "assets/words.txt" {
					require.ErrorIs(t, err, tfkeep.ErrTooLarge)
				}
			})
		}
	}
}
