package vfs_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/internal/vfs/crashfs"
)

func TestWriteFileAtomicReplaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, text := range []string{"old", "", "newer and longer"} {
		require.NoError(t, vfs.WriteFileAtomic(vfs.OS, path, []byte(text), true))
		got, err := vfs.ReadFile(vfs.OS, path, 100)
		require.NoError(t, err)
		assert.Equal(t, text, string(got))
	}
	entries, err := vfs.OS.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestAtomicFileIsLockedAndGivesUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	a, err := vfs.CreateAtomic(vfs.OS, path)
	require.NoError(t, err)
	_, err = vfs.CreateAtomic(vfs.OS, path)
	require.ErrorIs(t, err, vfs.ErrLocked)
	_, err = a.Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, a.Close())
	require.NoError(t, a.Close())
	assert.Error(t, a.Commit(true))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestAtomicFileReplacesDeadWritersFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path+filenames.Temp(""), []byte("a long rest of long ago"), 0o644))
	require.NoError(t, vfs.WriteFileAtomic(vfs.OS, path, []byte("new"), false))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "new", string(got))
}

// Whatever happens in any step, the file is the old or the new one, and if success is
// reported it is the new one.
func TestWriteFileAtomicSurvivesEveryFault(t *testing.T) {
	t.Parallel()
	prepare := func() *crashfs.FS {
		f := crashfs.New()
		require.NoError(t, vfs.WriteFileAtomic(f, "/f", []byte("old"), true))
		return f
	}
	dry := prepare()
	dry.FailAt(0, crashfs.None)
	require.NoError(t, vfs.WriteFileAtomic(dry, "/f", []byte("new"), true))
	require.Equal(t, 5, dry.Ops(), "%v", dry.Log())
	for n := 1; n <= dry.Ops()+1; n++ {
		for _, c := range []struct {
			fault crashfs.Fault
			kind  error
		}{{crashfs.NoSpace, syscall.ENOSPC}, {crashfs.IOError, syscall.EIO}} {
			f := prepare()
			f.FailAt(n, c.fault)
			err := vfs.WriteFileAtomic(f, "/f", []byte("new"), true)
			if err != nil {
				require.ErrorIs(t, err, c.kind)
			}
			requireOldOrNew(t, f, err == nil, fmt.Sprint(c.fault, " at ", n))
			assert.Equal(t, []string{"/f"}, f.Names("/"), "%v at %d", c.fault, n)
		}
		for loss := crashfs.KeepNothing; loss < crashfs.KeepSome+20; loss++ {
			f := prepare()
			f.FailAt(n, crashfs.Kill)
			err := vfs.WriteFileAtomic(f, "/f", []byte("new"), true)
			f.PowerCut(loss)
			requireOldOrNew(t, f, err == nil, fmt.Sprintf("power cut (%d) at %d", loss, n))
		}
	}
}

func requireOldOrNew(t *testing.T, f *crashfs.FS, succeeded bool, where string) {
	t.Helper()
	got, err := vfs.ReadFile(f, "/f", 100)
	require.NoError(t, err, where)
	if succeeded {
		require.Equal(t, "new", string(got), where)
	} else {
		require.Contains(t, []string{"old", "new"}, string(got), where)
	}
}

// Without syncs a power cut does harm: the test file system is not better than a real
// one.
func TestWithoutSyncAPowerCutMayLoseTheFile(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	require.NoError(t, vfs.WriteFileAtomic(f, "/f", []byte("old"), true))
	require.NoError(t, vfs.WriteFileAtomic(f, "/f", []byte("new"), false))
	f.PowerCut(crashfs.KeepNamesEmpty)
	got, err := vfs.ReadFile(f, "/f", 100)
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		fsys vfs.FS
	}{{"OS", vfs.OS}, {"crashfs", crashfs.New()}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, n := range []string{"m-1.index", "m-2.index", "m-[3].index", "sub/m-4.index"} {
				path := filepath.Join(dir, n)
				require.NoError(t, c.fsys.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, vfs.WriteFileAtomic(c.fsys, path, nil, false))
			}
			for _, tt := range []struct {
				pattern string
				want    []string
			}{
				{"m-1.index", []string{"m-1.index"}},
				{"m-?.index", []string{"m-1.index", "m-2.index"}},
				{"m-*", []string{"m-1.index", "m-2.index", "m-[3].index"}},
				{"m-[12]*", []string{"m-1.index", "m-2.index"}},
				{"*/m-*", []string{"sub/m-4.index"}},
				{"sub", []string{"sub"}},
				{"none*", nil},
				{"none/*", nil},
				{"*/none", nil},
				{"m-[", nil},
				{`m-\[3].index`, []string{"m-[3].index"}},
			} {
				var got []string
				for _, g := range vfs.Glob(c.fsys, dir+"/"+tt.pattern) {
					rel, err := filepath.Rel(dir, g)
					require.NoError(t, err)
					got = append(got, rel)
				}
				assert.Equal(t, tt.want, got, tt.pattern)
			}
		})
	}
}

func TestIOFSReadsFiles(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	require.NoError(t, f.MkdirAll("/d/e", 0o755))
	require.NoError(t, vfs.WriteFileAtomic(f, "/d/e/x", []byte("hello"), true))
	file, err := vfs.IOFS(f, "/d").Open("e/x")
	require.NoError(t, err)
	got, err := io.ReadAll(file)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(got))
	require.NoError(t, file.Close())
}
