package journal_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/locknote"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/saver/internal/journal"
)

// write makes a checkpoint without tensors and returns its files.
func write(t *testing.T, folder, name string) *journal.Files {
	t.Helper()
	path := filepath.Join(folder, name)
	w, err := checkpoint.Create(t.Context(), path, nil)
	require.NoError(t, err)
	require.NoError(t, w.Commit(t.Context()))
	require.NoError(t, w.Close())
	return &journal.Files{Path: path, Suffix: "meta"}
}

func take(t *testing.T, set *journal.Set, folder string) *journal.Folder {
	t.Helper()
	f, err := set.Take(vfs.OS, folder, "checkpoint")
	require.NoError(t, err)
	require.NoError(t, f.Begin(t.Context(), true))
	return f
}

func exists(path string) bool { return dir.Exists(context.Background(), path) }

func TestBeginRemovesWhatADeadProcessAnnounced(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var dead journal.Set
	f := take(t, &dead, folder)
	old := write(t, folder, "m-1")
	require.NoError(t, dir.UpdateState(t.Context(), folder, dir.State{ModelCheckpointPath: old.Path}, nil))
	require.NoError(t, f.Announce(&journal.Files{Path: filepath.Join(folder, "m-2")}, []journal.Files{*old}))
	write(t, folder, "m-2")
	f.End()
	dead.Abandon()

	// A dead process holds no lock; this one still has the file open.
	lock := filepath.Join(folder, "checkpoint.tfkeep-lock")
	content, err := os.ReadFile(lock)
	require.NoError(t, err)
	require.NoError(t, os.Remove(lock))
	require.NoError(t, os.WriteFile(lock, content, 0o644))

	var set journal.Set
	take(t, &set, folder).End()
	assert.True(t, exists(old.Path), "the state file lists it")
	assert.False(t, exists(filepath.Join(folder, "m-2")))
	require.NoError(t, set.Release())
	assert.NoFileExists(t, lock)
}

func TestCommitRemovesWhatIsRetired(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var set journal.Set
	f := take(t, &set, folder)
	old := write(t, folder, "m-1")
	require.NoError(t, f.Announce(&journal.Files{Path: filepath.Join(folder, "m-2")}, []journal.Files{*old}))
	now := write(t, folder, "m-2")
	f.Commit()
	f.End()
	assert.False(t, exists(old.Path))
	assert.True(t, exists(now.Path))
	require.NoError(t, set.Release())
}

func TestUndoKeepsWhatIsRetired(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var set journal.Set
	f := take(t, &set, folder)
	old := write(t, folder, "m-1")
	now := filepath.Join(folder, "m-2")
	require.NoError(t, f.Announce(&journal.Files{Path: now}, []journal.Files{*old}))
	write(t, folder, "m-2")
	require.NoError(t, os.Mkdir(now+"_temp", 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(now+"_temp", "part-00000-of-00002.index"), nil, 0o644))
	f.Undo(now)
	f.End()
	assert.True(t, exists(old.Path))
	assert.False(t, exists(now))
	assert.NoDirExists(t, now+"_temp")
	require.NoError(t, set.Release())
}

func TestLockedErrorNamesOwner(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	other, err := vfs.OpenLocked(vfs.OS, filepath.Join(folder, "checkpoint.tfkeep-lock"))
	require.NoError(t, err)
	defer other.Close()
	_, err = other.WriteAt([]byte(`{"owner":"process 12 on elsewhere"}`), 0)
	require.NoError(t, err)
	var set journal.Set
	_, err = set.Take(vfs.OS, folder, "checkpoint")
	require.ErrorIs(t, err, tfkeep.ErrLocked)
	assert.ErrorContains(t, err, "process 12 on elsewhere saves here")
}

// TensorFlow's nodes write a V1 checkpoint under a temporary name, which a dead process leaves.
func TestJournalRemovesUnfinishedV1(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"m-4.tempstate17", "n-00000-of-00002.tempstate2", "m-44.tempstate1", "m-4.tempstate", "other.tempstate3"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o644))
	}
	note := `{"writing":{"path":"m-4","meta":"meta","v1":true},"remove":[{"path":"n-?????-of-00002","meta":"meta","v1":true}]}`
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint.tfkeep-lock"), []byte(note), 0o644))
	var set journal.Set
	take(t, &set, folder).End()
	require.NoError(t, set.Release())
	assert.Equal(t, []string{"m-4.tempstate", "m-44.tempstate1", "other.tempstate3"}, tftest.FileNames(t, folder))
}

func TestOwnerInMessagesIsPlain(t *testing.T) {
	t.Parallel()
	for _, owner := range []string{"\x1b[2J", "a\nb", strings.Repeat("x", 1000), "\u202e"} {
		folder := t.TempDir()
		other, err := vfs.OpenLocked(vfs.OS, filepath.Join(folder, "checkpoint.tfkeep-lock"))
		require.NoError(t, err)
		require.NoError(t, locknote.Write(other, locknote.Note{Owner: owner}))
		var set journal.Set
		_, err = set.Take(vfs.OS, folder, "checkpoint")
		require.ErrorIs(t, err, tfkeep.ErrLocked)
		assert.ErrorContains(t, err, "another process saves here")
		require.NoError(t, other.Close())
	}
}

// A journal may list more files than can be removed before the context ends. The rest stays
// noted.
func TestBeginEndsWithTheContext(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"a", "b"} {
		write(t, folder, name)
	}
	lock := filepath.Join(folder, "checkpoint.tfkeep-lock")
	note := `{"remove":[` + strings.Repeat(`{"path":"absent","meta":"meta"},`, 10_000) + `{"path":"a","meta":"meta"},{"path":"b","meta":"meta"}]}`
	require.NoError(t, os.WriteFile(lock, []byte(note), 0o644))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var set journal.Set
	f, err := set.Take(vfs.OS, folder, "checkpoint")
	require.NoError(t, err)
	require.ErrorIs(t, f.Begin(ctx, true), context.Canceled)
	require.NoError(t, set.Release())
	assert.True(t, exists(filepath.Join(folder, "a")))
	content, err := os.ReadFile(lock)
	require.NoError(t, err)
	assert.Equal(t, `{"remove":[{"path":"a","meta":"meta"},{"path":"b","meta":"meta"}]}`, string(content))
	take(t, &set, folder).End()
	assert.False(t, exists(filepath.Join(folder, "a")))
	assert.False(t, exists(filepath.Join(folder, "b")))
	require.NoError(t, set.Release())
}
