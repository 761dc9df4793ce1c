package checkpoint

import (
	"archive/zip"
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/dtype"
)

// putFiles writes files below a new directory and returns it.
func putFiles(t testing.TB, files map[string][]byte) string {
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, data, 0o644))
	}
	return dir
}

func withPrefix(files map[string][]byte, prefix string) map[string][]byte {
	out := map[string][]byte{}
	for name, data := range files {
		out[prefix+name[1:]] = data
	}
	return out
}

func mergeFiles(all ...map[string][]byte) map[string][]byte {
	out := map[string][]byte{}
	for _, files := range all {
		for name, data := range files {
			out[name] = data
		}
	}
	return out
}

func TestOpenTakesEveryName(t *testing.T) {
	t.Parallel()
	v2 := smallCheckpoint().inMemory(t)
	v1 := smallV1Checkpoint(t)
	inDir := func(dir string, files map[string][]byte) map[string][]byte {
		out := map[string][]byte{}
		for name, data := range files {
			out[dir+"/"+name] = data
		}
		return out
	}
	for _, c := range []struct {
		name   string
		files  map[string][]byte
		open   string
		prefix string
	}{
		{"prefix", withPrefix(v2, "m-1"), "m-1", "m-1"},
		{"index file", withPrefix(v2, "m-1"), "m-1.index", "m-1"},
		{"data file", withPrefix(v2, "m-1"), "m-1.data-00000-of-00001", "m-1"},
		{"meta file", mergeFiles(withPrefix(v2, "m-1"), map[string][]byte{"m-1.meta": nil}), "m-1.meta", "m-1"},
		{"prefix that is a directory too", mergeFiles(v2, inDir("m", withPrefix(v2, "other"))), "m", "m"},
		{"prefix with special characters", withPrefix(v2, "m[1]*?"), "m[1]*?", "m[1]*?"},
		{"V1 file", v1, "m", "m"},
		{"V1 file beside V2", mergeFiles(v2, v1), "m", "m"},
		{"V1 pattern", map[string][]byte{"m-00000-of-00001": v1["m"]}, "m-?????-of-00001", "m-?????-of-00001"},
		{"V1 prefix of shards", map[string][]byte{"m-00000-of-00001": v1["m"]}, "m", "m-?????-of-00001"},
		{"V1 pattern of any files", map[string][]byte{"part_x": v1["m"]}, "part_*", "part_*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && c.name == "prefix with special characters" {
				t.Skip("Windows has no such names")
			}
			dir := putFiles(t, c.files)
			r, err := Open(context.Background(), filepath.Join(dir, c.open), nil)
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(dir, c.prefix), r.Prefix())
			assert.NotEmpty(t, slices.Collect(r.Tensors()))
			require.NoError(t, r.Close())

			fsys := fstest.MapFS{}
			for name, data := range c.files {
				fsys[name] = &fstest.MapFile{Data: data}
			}
			r, err = openFS(fsys, c.open, nil)
			require.NoError(t, err)
			assert.Equal(t, c.prefix, r.Prefix())
			require.NoError(t, r.Close())
		})
	}
}

func TestOpenRelativePaths(t *testing.T) {
	dir := putFiles(t, smallCheckpoint().inMemory(t))
	t.Chdir(dir)
	for _, name := range []string{"m", "./m", "m.index"} {
		r, err := Open(context.Background(), name, nil)
		require.NoError(t, err, name)
		assert.Equal(t, "m", filepath.Base(r.Prefix()))
		require.NoError(t, r.Close())
	}
}

func TestOpenFailsWithAReason(t *testing.T) {
	t.Parallel()
	v1 := smallV1Checkpoint(t)["m"]
	for _, c := range []struct {
		name  string
		files map[string][]byte
		open  string
		kind  error
		want  string
	}{
		{"nothing there", nil, "m", tfkeep.ErrNotFound, "neither"},
		{"no such directory", nil, "a/b/m", tfkeep.ErrNotFound, "neither"},
		{"folder", nil, ".", tfkeep.ErrNotFound, "dir.Open"},
		{"pattern without files", nil, "m-?????-of-00002", tfkeep.ErrNotFound, "neither"},
		{"pattern malformed", nil, "m-[", tfkeep.ErrNotFound, "malformed"},
		{"shard missing", map[string][]byte{"m-00001-of-00002": v1}, "m-?????-of-00002", tfkeep.ErrNotFound, "1 of 2"},
		{"not a checkpoint", map[string][]byte{"m": bytes.Repeat([]byte("text "), 30)}, "m", tfkeep.ErrCorrupt, "magic"},
		{"same tensor in two shards", map[string][]byte{"m-00000-of-00002": v1, "m-00001-of-00002": v1}, "m", tfkeep.ErrCorrupt, "overlap"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(context.Background(), filepath.Join(putFiles(t, c.files), c.open), nil)
			requireError(t, err, c.kind)
			require.ErrorContains(t, err, c.want)

			fsys := fstest.MapFS{}
			for name, data := range c.files {
				fsys[name] = &fstest.MapFile{Data: data}
			}
			_, err = openFS(fsys, c.open, nil)
			require.ErrorIs(t, err, c.kind)
		})
	}
	_, err := Open(context.Background(), "", nil)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	require.ErrorIs(t, func() error { _, err := Open(context.Background(), t.TempDir()+"/m", nil); return err }(), fs.ErrNotExist)
}

// A compressed archive can only be read forward.
func TestReadFromAZipArchive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version Version
		files   map[string][]byte
	}{{V2, smallCheckpoint().inMemory(t)}, {V1, smallV1Checkpoint(t)}} {
		t.Run(c.version.String(), func(t *testing.T) {
			var archive bytes.Buffer
			w := zip.NewWriter(&archive)
			for name, data := range c.files {
				f, err := w.Create(name)
				require.NoError(t, err)
				_, err = f.Write(data)
				require.NoError(t, err)
			}
			require.NoError(t, w.Close())
			fsys, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
			require.NoError(t, err)

			want, err := readFS(c.files, nil)
			require.NoError(t, err)
			for _, o := range []*ReaderOptions{nil, {Strict: true}} {
				got, err := readAllIn(fsys, o)
				require.NoError(t, err)
				assert.Equal(t, want, got)
			}
		})
	}
}

// A Saver may replace or delete a checkpoint without harm to a Reader that has it open.
func TestReaderOutlivesItsFiles(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows deletes no open file")
	}
	dir := putFiles(t, smallCheckpoint().inMemory(t))
	r, err := Open(context.Background(), filepath.Join(dir, "m"), nil)
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, os.RemoveAll(dir))
	_, err = r.ReadBytes(context.Background(), "dense/bias", nil)
	require.NoError(t, err)
}

// renamingFS replaces the checkpoint after its index was read and before its data is
// opened.
type renamingFS struct {
	fs.FS
	replace func()
}

func (r *renamingFS) Open(name string) (fs.File, error) {
	if r.replace != nil && name == "m.data-00000-of-00001" {
		r.replace()
		r.replace = nil
	}
	return r.FS.Open(name)
}

func TestOpenReadsAReplacedIndexAgain(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{}
	for name, data := range smallCheckpoint().inMemory(t) {
		files[name] = &fstest.MapFile{Data: data}
	}
	fsys := &renamingFS{FS: files, replace: func() {
		next := newCrafted()
		h := wire.BundleHeader{NumShards: 2, Versions: wire.Versions{Producer: 1}}
		next.header, next.numShards = string(h.Encode()), 2
		e := next.add("w", dtype.Uint8, nil, []byte{9})
		e.shard = 1
		next.set("w", e)
		next.data = map[int][]byte{1: next.data[0]}
		clear(files)
		for name, data := range next.inMemory(t) {
			files[name] = &fstest.MapFile{Data: data}
		}
	}}
	got, err := readAllIn(fsys, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"w": []byte{9}}, got)
}
