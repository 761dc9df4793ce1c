package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// shardName is a data file found in a directory.
type shardName struct {
	path         string
	shard, total int
}

// parseDataFile takes the base name of a data file apart. It reads only what
// dataFile writes.
func parseDataFile(name string) (base string, f shardName, ok bool) {
	i := strings.LastIndex(name, ".data-")
	if i < 0 {
		return "", f, false
	}
	base = name[:i]
	if n, err := fmt.Sscanf(name[i:], ".data-%d-of-%d", &f.shard, &f.total); n != 2 || err != nil {
		return "", f, false
	}
	return base, f, dataFile(base, f.shard, f.total) == name
}

// listDataFiles lists the data files of a prefix whose names, after their
// common end is cut off, are complete: the end is "" or vfs.TempSuffix.
func listDataFiles(fsys vfs.FS, prefix, end string) ([]shardName, error) {
	dir, want := filepath.Split(prefix)
	entries, err := fsys.ReadDir(filepath.Dir(prefix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []shardName
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), end)
		if !ok || e.IsDir() {
			continue
		}
		if base, f, ok := parseDataFile(name); ok && base == want {
			f.path = dir + e.Name()
			out = append(out, f)
		}
	}
	return out, nil
}
