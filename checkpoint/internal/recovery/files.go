package recovery

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// DataFile is a data file that exists.
type DataFile struct {
	Path         string
	Shard, Total int
}

// DataFiles lists the data files of a prefix.
func DataFiles(fsys vfs.FS, prefix string) ([]DataFile, error) {
	return listData(fsys, prefix, func(name string) (string, bool) { return name, true })
}

// listData lists the files whose names, after final has changed them, are those of
// data files of the prefix.
func listData(fsys vfs.FS, prefix string, final func(string) (string, bool)) ([]DataFile, error) {
	dir, want := filepath.Split(prefix)
	entries, err := fsys.ReadDir(filepath.Dir(prefix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []DataFile
	for _, e := range entries {
		name, ok := final(e.Name())
		if !ok || e.IsDir() {
			continue
		}
		if base, shard, total, ok := filenames.ParseData(name); ok && base == want {
			out = append(out, DataFile{Path: dir + e.Name(), Shard: shard, Total: total})
		}
	}
	return out, nil
}

// StaleData lists the data files that an index of total shards does not name.
func StaleData(fsys vfs.FS, prefix string, total int) ([]string, error) {
	files, err := DataFiles(fsys, prefix)
	if err != nil {
		return nil, err
	}
	var stale []string
	for _, f := range files {
		if f.Total != total {
			stale = append(stale, f.Path)
		}
	}
	return stale, nil
}

// Remove removes files. It continues after a failure, and returns the names of the
// files that it removed.
func Remove(fsys vfs.FS, names ...string) (removed []string, err error) {
	var errs []error
	for _, name := range names {
		switch err := fsys.Remove(name); {
		case err == nil:
			removed = append(removed, name)
		case !errors.Is(err, fs.ErrNotExist):
			errs = append(errs, err)
		}
	}
	return removed, errors.Join(errs...)
}
