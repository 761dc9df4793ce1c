package dir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// v2Files returns the files of a V2 checkpoint with the given prefix.
func v2Files(t *testing.T, prefix string) map[string][]byte {
	t.Helper()
	folder := t.TempDir()
	tftest.WriteCheckpoint(t, filepath.Join(folder, "m"), nil, []checkpoint.Tensor{tftest.RandomTensor(1, "v", dtype.Float32, 5)})
	files := map[string][]byte{}
	for name, data := range tftest.ReadFiles(t, folder) {
		files[prefix+name[1:]] = data
	}
	return files
}

func v1File(t *testing.T) []byte {
	t.Helper()
	folder := t.TempDir()
	tftest.WriteCheckpointV1(t, filepath.Join(folder, "m"), nil, []checkpoint.Tensor{tftest.RandomTensor(1, "v", dtype.Float32, 5)})
	return tftest.ReadFiles(t, folder)["m"]
}

func merge(all ...map[string][]byte) map[string][]byte {
	out := map[string][]byte{}
	for _, files := range all {
		for name, data := range files {
			out[name] = data
		}
	}
	return out
}

// putFiles writes files below a new folder and returns it.
func putFiles(t *testing.T, files map[string][]byte) string {
	t.Helper()
	folder := t.TempDir()
	for name, data := range files {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, data, 0o644))
	}
	return folder
}

func mapFS(files map[string][]byte) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return fsys
}

func TestOpenFolder(t *testing.T) {
	t.Parallel()
	state := func(path string) map[string][]byte {
		return map[string][]byte{"checkpoint": dir.FormatState(&dir.State{ModelCheckpointPath: path, AllModelCheckpointPaths: []string{path}})}
	}
	for _, c := range []struct {
		name   string
		files  map[string][]byte
		open   string
		prefix string
	}{
		{"prefix", v2Files(t, "m-1"), "m-1", "m-1"},
		{"index file", v2Files(t, "m-1"), "m-1.index", "m-1"},
		{"prefix that is a folder too", merge(v2Files(t, "m"), v2Files(t, "m/other")), "m", "m"},
		{"folder with state", merge(v2Files(t, "m-1"), v2Files(t, "m-2"), state("m-1")), ".", "m-1"},
		{"folder that was moved", merge(v2Files(t, "m-1"), state("/elsewhere/train/m-1")), ".", "m-1"},
		{"folder with a path below", merge(v2Files(t, "sub/m"), state("sub/m")), ".", "sub/m"},
		{"folder without state", v2Files(t, "m-7"), ".", "m-7"},
		{"SavedModel", merge(v2Files(t, "variables/variables"), map[string][]byte{"saved_model.pb": nil}), ".", "variables/variables"},
		{"SavedModel of V1", map[string][]byte{"saved_model.pb": nil, "variables/variables": v1File(t)}, ".", "variables/variables"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := putFiles(t, c.files)
			r, err := dir.Open(t.Context(), filepath.Join(folder, c.open), nil)
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(folder, c.prefix), r.Prefix())
			require.NoError(t, r.Close())

			r, err = dir.Open(t.Context(), c.open, &checkpoint.ReaderOptions{FS: mapFS(c.files)})
			require.NoError(t, err)
			assert.Equal(t, c.prefix, r.Prefix())
			require.NoError(t, r.Close())
		})
	}
}

func TestOpenRelativeFolder(t *testing.T) {
	t.Chdir(putFiles(t, v2Files(t, "m")))
	for _, name := range []string{"m", "./m", ".", "m.index"} {
		r, err := dir.Open(t.Context(), name, nil)
		require.NoError(t, err, name)
		assert.Equal(t, "m", r.Prefix(), name)
		require.NoError(t, r.Close())
	}
}

func TestOpenFolderFailsWithAReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		files map[string][]byte
		kind  error
		want  string
	}{
		{"empty", nil, tfkeep.ErrNotFound, "neither a checkpoint nor a state file"},
		{"state of a checkpoint that is gone", map[string][]byte{"checkpoint": []byte("model_checkpoint_path: \"m-3\"\n")}, tfkeep.ErrNotFound, "m-3"},
		{"state damaged", merge(v2Files(t, "m"), map[string][]byte{"checkpoint": []byte("model_checkpoint_pa")}), tfkeep.ErrCorrupt, "state"},
		{"state too large", merge(v2Files(t, "m"), map[string][]byte{"checkpoint": bytes.Repeat([]byte("#"), 16<<20+1)}), tfkeep.ErrCorrupt, "too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := dir.Open(t.Context(), putFiles(t, c.files), nil)
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, c.want)
			_, err = dir.Open(t.Context(), ".", &checkpoint.ReaderOptions{FS: mapFS(c.files)})
			require.ErrorIs(t, err, c.kind)
		})
	}
}

func TestOpenFolderWithUnreadableState(t *testing.T) {
	t.Parallel()
	broken := errors.New("bad disk")
	fsys := mapFS(merge(v2Files(t, "m"), map[string][]byte{"checkpoint": []byte("x")}))
	_, err := dir.Open(t.Context(), ".", &checkpoint.ReaderOptions{FS: unreadable{fsys, "checkpoint", broken}})
	require.ErrorIs(t, err, broken)
}

// unreadable is a file system in which reading one file fails.
type unreadable struct {
	fs.FS
	name string
	err  error
}

func (u unreadable) Open(name string) (fs.File, error) {
	f, err := u.FS.Open(name)
	if err != nil || name != u.name {
		return f, err
	}
	return unreadableFile{f, u.err}, nil
}

type unreadableFile struct {
	fs.File
	err error
}

func (u unreadableFile) Read([]byte) (int, error) { return 0, u.err }

func TestOpenFolderWithoutStateTakesTheNewest(t *testing.T) {
	t.Parallel()
	folder := putFiles(t, merge(v2Files(t, "old"), v2Files(t, "new"), v2Files(t, "older")))
	now := time.Now()
	for _, c := range []struct {
		name string
		age  time.Duration
	}{{"old", time.Hour}, {"new", time.Minute}, {"older", 2 * time.Hour}} {
		require.NoError(t, os.Chtimes(filepath.Join(folder, c.name+".index"), now, now.Add(-c.age)))
	}
	r, err := dir.Open(t.Context(), folder, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(folder, "new"), r.Prefix())
	require.NoError(t, r.Close())
}

// restless is a file system in which the state file names another checkpoint, which does not
// exist, whenever it is read.
type restless struct {
	vfs.FS
	reads  int
	cancel func()
}

func (r *restless) Open(name string) (vfs.File, error) {
	if filepath.Base(name) == "checkpoint" {
		if r.reads++; r.reads == 100 {
			r.cancel()
		}
		if err := os.WriteFile(name, fmt.Appendf(nil, "model_checkpoint_path: \"m-%d\"", r.reads), 0o644); err != nil {
			return nil, err
		}
	}
	return r.FS.Open(name)
}

func TestOpenEndsThoughTheStateChanges(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), nil, 0o644))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := dir.Open(vfs.NewContext(ctx, &restless{FS: vfs.OS, cancel: cancel}), folder, nil)
	assert.ErrorIs(t, err, context.Canceled)
}
