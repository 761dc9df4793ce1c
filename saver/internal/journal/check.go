package journal

import (
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// A journal may come with a folder that somebody else made. So the names in it count only
// if they can be those of checkpoints in the same folder: what it asks for must not remove
// anything else.

// mayRemove reports whether the files of an entry that another process wrote may be removed.
func (f *Folder) mayRemove(r Files) bool {
	if r.Path == nameless && !r.V1 {
		return r.Suffix == "" || r.Suffix == filenames.DefaultMetaGraphSuffix
	}
	if !isBareName(r.Path) || r.Suffix != "" && r.Suffix != filenames.DefaultMetaGraphSuffix {
		return false
	}
	if !r.V1 {
		return !strings.ContainsAny(r.Path, "*?")
	}
	for _, name := range vfs.V1Files(f.key.fs, filepath.Join(f.path, r.Path)) {
		if !f.isTable(name) {
			return false
		}
	}
	return true
}

// isBareName reports whether a name is that of a file in the folder itself.
func isBareName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) < 256 &&
		!strings.ContainsAny(name, "/\x00") && !strings.ContainsRune(name, filepath.Separator)
}

// isTable reports whether a file is a table, as every checkpoint of the format V1 is.
func (f *Folder) isTable(name string) bool {
	info, err := f.key.fs.Lstat(name)
	if err != nil || vfs.CheckRegular(name, info) != nil || info.Size() < 8 {
		return false
	}
	file, err := f.key.fs.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	var end [8]byte
	_, err = file.ReadAt(end[:], info.Size()-8)
	return err == nil && table.IsEnd(end)
}
