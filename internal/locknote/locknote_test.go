package locknote_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/locknote"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

func Example() {
	note := locknote.Read(strings.NewReader(`{"owner":"process 7 on host","writing":{"path":"m-2","meta":"meta"}}the end of a longer note`))
	fmt.Println(note.Owner, "writes", note.Writing.Path)
	// Output: process 7 on host writes m-2
}

func TestNotes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		read       bool // it is a note
		idle       bool // it announces nothing
		owner      string
	}{
		{"empty", "", false, true, "another process"},
		{"owner", `{"owner":"process 1"}`, true, true, "process 1"},
		{"nothing to remove", `{"remove":[]}`, true, true, "another process"},
		{"writing", `{"owner":"p","writing":{"path":"m"}}`, true, false, "p"},
		{"removing", `{"remove":[{"path":"m"}]}`, true, false, "another process"},
		{"rest of a longer one", `{"owner":"p"}p","remove":[{"path":"m"}]}`, true, true, "p"},
		{"cut off", `{"owner":"p`, false, false, "another process"},
		{"nonsense", "\x00\x01", false, false, "another process"},
		{"larger than any", `{"owner":"` + strings.Repeat("x", 2<<20) + `"}`, false, false, "another process"},
		{"control characters", `{"owner":"\u001b[2J"}`, true, true, "another process"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "checkpoint.tfkeep-lock")
			require.NoError(t, os.WriteFile(path, []byte(test.text), 0o644))
			assert.Equal(t, test.read, locknote.Read(strings.NewReader(test.text)) != nil)
			assert.Equal(t, test.idle, locknote.AnnouncesNothing(vfs.OS, path))
			assert.Equal(t, test.owner, locknote.OwnerOf(vfs.OS, path))
		})
	}
	absent := filepath.Join(t.TempDir(), "checkpoint.tfkeep-lock")
	assert.False(t, locknote.AnnouncesNothing(vfs.OS, absent))
	assert.Equal(t, "another process", locknote.OwnerOf(vfs.OS, absent))
}

func TestWriteReplacesALongerNote(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	f, err := vfs.OpenLocked(vfs.OS, path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, locknote.Write(f, locknote.Note{Owner: strings.Repeat("x", 100)}))
	want := locknote.Note{Owner: "p", Remove: []locknote.Files{{Path: "m", Suffix: "meta", V1: true}}}
	require.NoError(t, locknote.Write(f, want))
	assert.Equal(t, &want, locknote.Read(f))
}
