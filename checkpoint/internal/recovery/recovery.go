package recovery

import (
	"errors"
	"io/fs"

	"github.com/tfkeep/tfkeep/checkpoint/internal/wire"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Clear removes the files that writers of a prefix that died have left, except the
// lock itself: the open and locked file filenames.Temp(filenames.Index(prefix)). It
// returns the names of the files that it removed.
//
// If the lock file holds a whole index, its writer died during its commit, or during
// the removal of that checkpoint, which begins by renaming the index to the lock
// file. Then the data files that it names may have their final names already.
func Clear(fsys vfs.FS, prefix string, lock vfs.File) (removed []string, err error) {
	var doomed []string
	index, err := readPresentIndex(fsys, prefix)
	if err != nil {
		return nil, err
	}
	if total, ok := numShards(lock); ok && total != index.total {
		files, err := DataFiles(fsys, prefix)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if f.Total == total {
				doomed = append(doomed, f.Path)
			}
		}
		if !index.exists {
			doomed = append(doomed, filenames.MetaGraph(prefix, ""))
		}
	}
	temps, err := listData(fsys, prefix, filenames.ParseTemp)
	if err != nil {
		return nil, err
	}
	for _, f := range temps {
		doomed = append(doomed, f.Path)
	}
	if index.total > 0 {
		stale, err := StaleData(fsys, prefix, index.total)
		if err != nil {
			return nil, err
		}
		doomed = append(doomed, stale...)
	}
	return Remove(fsys, doomed...)
}

// presentIndex describes the index of a prefix. The total is 0 if the index cannot be
// read; then none of its data files may be removed.
type presentIndex struct {
	exists bool
	total  int
}

func readPresentIndex(fsys vfs.FS, prefix string) (x presentIndex, err error) {
	f, err := fsys.Open(filenames.Index(prefix))
	if errors.Is(err, fs.ErrNotExist) {
		return x, nil
	}
	if err != nil {
		return x, err
	}
	defer f.Close()
	x.exists = true
	x.total, _ = numShards(f)
	return x, nil
}

// numShards reads the number of shards from the header of an index.
func numShards(f vfs.File) (int, bool) {
	info, err := f.Stat()
	if err != nil {
		return 0, false
	}
	t, err := table.NewReader(f, info.Size(), nil)
	if err != nil {
		return 0, false
	}
	value, ok, err := t.Get(nil)
	if !ok || err != nil {
		return 0, false
	}
	h, err := wire.DecodeBundleHeader(value)
	return h.NumShards, err == nil
}

// Sweep does the work of [Clear] for a caller who does not hold the lock. If another
// writer holds it, Sweep does nothing.
func Sweep(fsys vfs.FS, prefix string) (removed []string, err error) {
	lockName := filenames.Temp(filenames.Index(prefix))
	_, err = fsys.Stat(lockName)
	existed := err == nil
	lock, err := vfs.OpenLocked(fsys, lockName)
	if errors.Is(err, vfs.ErrLocked) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	removed, err = Clear(fsys, prefix, lock)
	if err == nil && len(removed) > 0 {
		err = vfs.SyncDirOf(fsys, prefix, false)
	}
	if err == nil {
		// The lock file is removed last, because it shows which other files must be removed.
		if err = fsys.Remove(lockName); err == nil && existed {
			removed = append(removed, lockName)
		}
	}
	return removed, errors.Join(err, lock.Close())
}
