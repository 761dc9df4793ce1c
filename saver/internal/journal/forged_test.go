//go:build unix

package journal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/saver/internal/journal"
)

// tree returns the content of every file below a folder.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, "tfkeep-lock") {
			return err
		}
		content, err := os.ReadFile(path)
		files[path] = string(content)
		return err
	}))
	return files
}

// Whatever a planted journal asks for, nothing is removed but checkpoints in its folder.
func TestForgedJournalRemovesNothingElse(t *testing.T) {
	t.Parallel()
	entry := func(path, meta string, v1 bool) string {
		return fmt.Sprintf(`{"path":%q,"meta":%q,"v1":%t}`, path, meta, v1)
	}
	removing := func(entries ...string) string { return `{"remove":[` + strings.Join(entries, ",") + `]}` }
	many := make([]string, 10_000)
	for i := range many {
		many[i] = entry(fmt.Sprint("harmless-", i), "meta", false)
	}
	for _, test := range []struct {
		name string
		// journal is the planted one; HOME stands for the folder beside the checkpoints.
		journal string
	}{
		{"absolute path", removing(entry("HOME/notes", "txt", false))},
		{"absolute V1 path", removing(entry("HOME/notes.txt", "meta", true))},
		{"absolute glob", removing(entry("HOME/*", "meta", true))},
		{"parent", removing(entry("../home/notes.txt", "meta", true))},
		{"parent through a folder", removing(entry("sub/../../home/notes.txt", "meta", true))},
		{"folder itself", removing(entry(".", "meta", true), entry("..", "meta", true), entry("", "meta", true))},
		{"subfolder", removing(entry("sub/notes.txt", "meta", true))},
		{"link in the folder", removing(entry("link/notes.txt", "meta", true))},
		{"link to a file", removing(entry("linked", "meta", true))},
		{"link to shards", removing(entry("m", "meta", false), entry("m", "meta", true))},
		{"glob in the folder", removing(entry("*", "meta", true), entry("note?.txt", "meta", true), entry("[n]otes.txt", "meta", true))},
		{"glob of shards", removing(entry("*-?????-of-00001", "meta", true))},
		{"file that is no checkpoint", removing(entry("notes.txt", "meta", true))},
		{"free suffix", removing(entry("notes", "txt", false), entry("notes", "txt", true))},
		{"suffix with a path", removing(entry("m", "/../../home/notes.txt", false), entry("m", "x/../../home/notes.txt", true))},
		{"null byte", removing(`{"path":"notes.txt\u0000","meta":"meta","v1":true}`)},
		{"long name", removing(entry(strings.Repeat("x", 5000), "meta", true))},
		{"backslashes", removing(entry(`..\home\notes.txt`, "meta", true))},
		{"behind many entries", removing(append(many, entry("../home/notes.txt", "meta", true), entry("HOME/notes", "txt", false))...)},
		{"as what was being written", `{"writing":` + entry("HOME/notes.txt", "meta", true) + `}`},
		{"twice", `{"remove":[],"remove":[` + entry("../home/notes.txt", "meta", true) + `]}`},
		{"listed checkpoint", removing(entry("kept", "meta", false), entry("./kept", "meta", false), entry("sub/../kept", "meta", false))},
		{"nonsense", strings.Repeat("[", 100_000)},
		{"larger than any journal", `{"owner":"` + strings.Repeat("x", 2<<20) + `"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			home, folder := filepath.Join(root, "home"), filepath.Join(root, "train")
			for _, dir := range []string{home, folder, filepath.Join(folder, "sub")} {
				require.NoError(t, os.MkdirAll(dir, 0o755))
				for _, name := range []string{"notes.txt", "part-00000-of-00001.index", "m.txt", "a-00000-of-00001"} {
					require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(dir+name), 0o644))
				}
			}
			require.NoError(t, os.Symlink(home, filepath.Join(folder, "link")))
			require.NoError(t, os.Symlink(home, filepath.Join(folder, "m_temp")))
			require.NoError(t, os.Symlink(filepath.Join(home, "notes.txt"), filepath.Join(folder, "linked")))
			write(t, folder, "kept")
			require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), []byte(`model_checkpoint_path: "kept"`), 0o644))
			planted := strings.ReplaceAll(test.journal, "HOME", home)
			require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint.tfkeep-lock"), []byte(planted), 0o644))
			before := tree(t, root)

			var set journal.Set
			take(t, &set, folder).End()
			require.NoError(t, set.Release())
			assert.Equal(t, before, tree(t, root))
		})
	}
}

// A planted lock file that is a link, a pipe, a folder or another name of a file is not
// written through.
func TestPlantedLockFileIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		plant func(victim, lock string) error
		fails bool
	}{
		{"link", os.Symlink, true},
		{"dangling link", func(victim, lock string) error { return os.Symlink(victim+"-new", lock) }, true},
		{"folder", func(_, lock string) error { return os.Mkdir(lock, 0o755) }, true},
		{"hard link", os.Link, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			victim := filepath.Join(t.TempDir(), "victim")
			require.NoError(t, os.WriteFile(victim, []byte(`{"owner":"me"}`), 0o644))
			require.NoError(t, test.plant(victim, filepath.Join(folder, "checkpoint.tfkeep-lock")))
			var set journal.Set
			f, err := set.Take(vfs.OS, folder, "checkpoint")
			if test.fails {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				require.NoError(t, f.Begin(t.Context(), true))
				f.End()
				require.NoError(t, set.Release())
			}
			assert.Equal(t, []string{"victim"}, tftest.FileNames(t, filepath.Dir(victim)))
			content, err := os.ReadFile(victim)
			require.NoError(t, err)
			assert.JSONEq(t, `{"owner":"me"}`, string(content))
		})
	}
}

// A V1 checkpoint that a dead process announced is removed by its exact name.
func TestJournalRemovesV1ByName(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"m[1]", "m1", "m-00000-of-00001", "n-00000-of-00001"} {
		tftest.WriteCheckpointV1(t, filepath.Join(folder, name), nil, []checkpoint.Tensor{tftest.RandomTensor(1, "x", 1, 2)})
	}
	note := `{"remove":[{"path":"m[1]","meta":"meta","v1":true},{"path":"m-?????-of-00001","meta":"meta","v1":true}]}`
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint.tfkeep-lock"), []byte(note), 0o644))
	var set journal.Set
	take(t, &set, folder).End()
	require.NoError(t, set.Release())
	assert.Equal(t, []string{"m1", "n-00000-of-00001"}, tftest.FileNames(t, folder))
}

// A lock file that another process has made since stays when the first owner closes.
func TestLostLockDoesNotSpread(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	lock := filepath.Join(folder, "checkpoint.tfkeep-lock")
	var first journal.Set
	take(t, &first, folder).End()
	require.NoError(t, os.Remove(lock))
	require.NoError(t, os.WriteFile(lock, []byte(`{"owner":"another"}`), 0o644))
	require.NoError(t, first.Release())
	assert.FileExists(t, lock)
}

// What could not be removed is removed by the next process.
func TestReleaseKeepsWhatIsLeftToRemove(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var set journal.Set
	f := take(t, &set, folder)
	old := write(t, folder, "m-1")
	// Another writer holds the checkpoint that is to be removed.
	holder, err := vfs.OpenLocked(vfs.OS, old.Path+".index.tfkeep-tmp")
	require.NoError(t, err)
	require.NoError(t, f.Announce(&journal.Files{Path: filepath.Join(folder, "m-2")}, []journal.Files{*old}))
	write(t, folder, "m-2")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), []byte(`model_checkpoint_path: "m-2"`), 0o644))
	f.Commit()
	f.End()
	require.NoError(t, set.Release())
	assert.True(t, exists(old.Path))
	require.NoError(t, holder.Close())

	var next journal.Set
	take(t, &next, folder).End()
	require.NoError(t, next.Release())
	assert.False(t, exists(old.Path))
	assert.NoFileExists(t, filepath.Join(folder, "checkpoint.tfkeep-lock"))
	_, err = checkpoint.Open(t.Context(), filepath.Join(folder, "m-2"), nil)
	require.NoError(t, err)
}

// Before a save, a lock that somebody has removed is taken again. Another process that has
// taken it meanwhile is named.
func TestBeginTakesALostLockAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	lock := filepath.Join(folder, "checkpoint.tfkeep-lock")
	var first journal.Set
	f := take(t, &first, folder)
	f.End()
	require.NoError(t, os.Remove(lock))
	require.NoError(t, f.Begin(t.Context(), true))
	assert.FileExists(t, lock)
	assert.Zero(t, f.Moves(), "the folder is the same")
	f.End()

	require.NoError(t, os.Remove(lock))
	other, err := dir.Lock(filepath.Join(folder, "checkpoint"))
	require.NoError(t, err)
	require.ErrorIs(t, f.Begin(t.Context(), true), tfkeep.ErrLocked)
	require.NoError(t, other.Close())

	require.NoError(t, os.RemoveAll(folder))
	require.NoError(t, f.Begin(t.Context(), true))
	assert.Equal(t, 1, f.Moves())
	f.End()
	require.NoError(t, first.Release())
	assert.NoFileExists(t, lock)
}
