//go:build unix

package vfs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// irregular makes one of everything that a name can stand for and that is no regular
// file. Opening the pipe in the usual way would wait forever.
func irregular(t *testing.T, dir string) map[string]string {
	t.Helper()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	for link, to := range map[string]string{"zero": "/dev/zero", "to pipe": "pipe", "to folder": "folder"} {
		require.NoError(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	return map[string]string{"pipe": "named pipe", "folder": "directory", "zero": "device", "to pipe": "named pipe", "to folder": "directory"}
}

func TestOpenRefusesWhatIsNoRegularFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	for name, kind := range irregular(t, dir) {
		path := filepath.Join(dir, name)
		_, err := vfs.OS.Open(path)
		require.ErrorIs(t, err, tfkeep.ErrCorrupt, name)
		assert.ErrorContains(t, err, kind, name)
		assert.ErrorContains(t, err, path)
		_, err = vfs.OS.OpenFile(path, os.O_RDWR, 0)
		require.ErrorIs(t, err, tfkeep.ErrCorrupt, name)
		_, err = vfs.ReadFile(vfs.OS, path, 100)
		require.ErrorIs(t, err, tfkeep.ErrCorrupt, name)
		for _, fsys := range []fs.FS{os.DirFS(dir), vfs.IOFS(vfs.OS, dir)} {
			_, err = vfs.ReadIn(fsys, name, 100)
			require.ErrorIs(t, err, tfkeep.ErrCorrupt, "%s %T", name, fsys)
		}
		_, err = vfs.ReadIn(vfs.RootFS(root), name, 100)
		require.Error(t, err, name) // a link out of the root is not followed at all
	}
	_, err = vfs.RootFS(root).Open("pipe")
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	_, err = fs.ReadDir(vfs.RootFS(root), "pipe")
	require.ErrorIs(t, err, syscall.ENOTDIR)
	for _, name := range []string{"pipe", "zero", "to pipe", "absent", ""} {
		path := filepath.Join(dir, name)
		if name == "" {
			path = ""
		}
		_, err = vfs.OpenRoot(path)
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), "/.", name)
	}
	_, err = vfs.OS.ReadDir(filepath.Join(dir, "pipe"))
	require.ErrorIs(t, err, syscall.ENOTDIR)
	require.Error(t, vfs.OS.SyncDir(filepath.Join(dir, "pipe")))
}

func TestReadFileIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hole")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	require.NoError(t, os.Truncate(path, 8<<30))
	_, err := vfs.ReadFile(vfs.OS, path, 1<<20)
	require.ErrorIs(t, err, tfkeep.ErrTooLarge)
	assert.ErrorContains(t, err, "8589934592")
	require.NoError(t, os.Truncate(path, 5))
	got, err := vfs.ReadFile(vfs.OS, path, 5)
	require.NoError(t, err)
	assert.Equal(t, "\x00\x00\x00\x00\x00", string(got))
}

// Whatever a planted name leads to stays as it is, and no file appears elsewhere.
func TestWritersFollowNoLink(t *testing.T) {
	t.Parallel()
	writers := []struct {
		name  string
		write func(path string) error
	}{
		{"temporary", func(path string) error { return vfs.WriteFileAtomic(vfs.OS, path, []byte("new"), true) }},
		{"lock", func(path string) error {
			f, err := vfs.OpenLocked(vfs.OS, filenames.Temp(path))
			if err != nil {
				return err
			}
			return f.Close()
		}},
		{"created", func(path string) error {
			f, err := vfs.OS.OpenFile(filenames.Temp(path), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
			if err != nil {
				return err
			}
			return f.Close()
		}},
	}
	for _, w := range writers {
		for _, link := range []struct{ name, to string }{
			{"to a file", "victim"}, {"to nothing", "absent"}, {"to a folder", "."},
			{"to a link", "second"}, {"to itself", filenames.Temp("f")},
		} {
			dir, outside := t.TempDir(), t.TempDir()
			victim := filepath.Join(outside, "victim")
			require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o644))
			require.NoError(t, os.Symlink("victim", filepath.Join(outside, "second")))
			path := filepath.Join(dir, "f")
			require.NoError(t, os.Symlink(filepath.Join(outside, link.to), filenames.Temp(path)))

			err := w.write(path)
			require.ErrorIs(t, err, tfkeep.ErrUnsafe, "%s %s", w.name, link.name)
			assert.ErrorContains(t, err, filenames.Temp(path))
			got, err := os.ReadFile(victim)
			require.NoError(t, err)
			assert.Equal(t, "precious", string(got), "%s %s", w.name, link.name)
			entries, err := os.ReadDir(outside)
			require.NoError(t, err)
			assert.Len(t, entries, 2, "%s %s", w.name, link.name)
			require.NoFileExists(t, path)
		}
	}
}

func TestAtomicFileLeavesHardLinksAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "f")
	require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o644))
	require.NoError(t, os.Link(victim, filenames.Temp(path)))
	require.NoError(t, vfs.WriteFileAtomic(vfs.OS, path, []byte("new"), true))
	got, err := os.ReadFile(victim)
	require.NoError(t, err)
	assert.Equal(t, "precious", string(got))
	got, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "new", string(got))
}

// The link at the final name is replaced and not followed, as TensorFlow does it.
func TestAtomicFileReplacesALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "f")
	require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o644))
	require.NoError(t, os.Symlink(victim, path))
	require.NoError(t, vfs.WriteFileAtomic(vfs.OS, path, []byte("new"), true))
	got, err := os.ReadFile(victim)
	require.NoError(t, err)
	assert.Equal(t, "precious", string(got))
}
