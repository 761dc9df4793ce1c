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
	return OnlyTables(f.key.fs, filepath.Join(f.path, r.Path))
}

// present returns the prefixes to which the files in the folder may belong. A journal may
// list ten thousands of names, and removing each of them lists the folder.
func (f *Folder) present() map[string]bool {
	present := map[string]bool{nameless: true}
	entries, _ := f.key.fs.ReadDir(f.path)
	for _, e := range entries {
		name := e.Name()
		present[name] = true
		if final, ok := filenames.ParseTemp(name); ok {
			name = final
		} else if final, ok := filenames.ParseTensorFlowTemp(name); ok {
			name = final
		}
		present[name] = true
		if prefix, ok := filenames.Parse(name); ok {
			present[prefix] = true
		}
		if prefix, ok := filenames.ParseShardsDir(name); ok {
			present[prefix] = true
		}
		if prefix, _, total, ok := filenames.ParseV1Shard(name); ok {
			present[filenames.V1Pattern(prefix, total)], present[filenames.AnyV1Pattern(prefix)] = true, true
		}
	}
	return present
}

// OnlyTables reports whether all files of the V1 checkpoint with a prefix are tables, as those
// of checkpoints are. The name of a V1 file may be that of anything.
func OnlyTables(fsys vfs.FS, prefix string) bool {
	for _, name := range vfs.V1Files(fsys, prefix) {
		if !isTable(fsys, name) {
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
func isTable(fsys vfs.FS, name string) bool {
	info, err := fsys.Lstat(name)
	if err != nil || vfs.CheckRegular(name, info) != nil || info.Size() < 8 {
		return false
	}
	file, err := fsys.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	var end [8]byte
	_, err = file.ReadAt(end[:], info.Size()-8)
	return err == nil && table.IsEnd(end)
}
