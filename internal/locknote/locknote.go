package locknote

import (
	"encoding/json"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Note is the content of a lock file. Without Writing and Remove, nothing is under way.
type Note struct {
	Owner   string  `json:"owner,omitempty"`   // the process that holds the lock, and since when
	Writing *Files  `json:"writing,omitempty"` // not in the state file yet
	Remove  []Files `json:"remove,omitempty"`  // no longer in it
}

// Files are those of one checkpoint.
type Files struct {
	Path   string `json:"path"` // the prefix, without the folder if it is that of the lock file
	Suffix string `json:"meta"` // of the meta graph's file
	V1     bool   `json:"v1,omitempty"`
}

// largest bounds the bytes that are read of a lock file.
const largest = 1 << 20

// Read reads the note in a lock file. It returns nil for one that was cut off while it was
// written, and for an empty file: the save had not begun.
func Read(f io.ReaderAt) *Note {
	var n Note
	// Behind the note there may be the end of a longer one: the writer cuts it off last.
	if json.NewDecoder(io.NewSectionReader(f, 0, largest)).Decode(&n) != nil {
		return nil
	}
	return &n
}

// Write replaces the note in a lock file. A process that dies between the two steps leaves a
// whole note, with the end of the last one behind it.
func Write(f vfs.File, n Note) error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(data)))
}

// AnnouncesNothing reports whether the lock file at a path names no file that is being
// written or removed: a program that ends without Saver.Close leaves such a file, and one
// that trains has it between its saves.
func AnnouncesNothing(fsys vfs.FS, path string) bool {
	f, err := fsys.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() == 0 {
		return err == nil
	}
	n := Read(f)
	return n != nil && n.Writing == nil && len(n.Remove) == 0
}

// OwnerOf returns how the lock file at a path names the process that holds the lock.
func OwnerOf(fsys vfs.FS, path string) string {
	const unknown, longest = "another process", 200
	f, err := fsys.Open(path)
	if err != nil {
		return unknown
	}
	defer f.Close()
	n := Read(f)
	strange := func(r rune) bool { return !unicode.IsPrint(r) }
	if n == nil || n.Owner == "" || len(n.Owner) > longest || !utf8.ValidString(n.Owner) || strings.ContainsFunc(n.Owner, strange) {
		return unknown
	}
	return n.Owner
}
