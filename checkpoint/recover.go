package checkpoint

import (
	"errors"
	"io/fs"

	"github.com/tfkeep/tfkeep/internal/table"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// recoverPrefix removes what writers of a prefix that died have left, apart
// from lock itself, the open and locked file prefix.index.tfkeep-tmp. It returns
// what it removed.
//
// If the lock file holds a whole index, its writer died within its commit, or
// within the removal of that checkpoint, which begins by taking the index's name
// away. Then the data files that it names may have their final names already.
func recoverPrefix(fsys vfs.FS, prefix string, lock vfs.File) (removed []string, err error) {
	var doomed []string
	present, err := presentIndex(fsys, prefix)
	if err != nil {
		return nil, err
	}
	if total, ok := numShards(lock); ok && total != present.total {
		files, err := listDataFiles(fsys, prefix, "")
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if f.total == total {
				doomed = append(doomed, f.path)
			}
		}
		if !present.exists {
			doomed = append(doomed, prefix+".meta")
		}
	}
	temps, err := listDataFiles(fsys, prefix, vfs.TempSuffix)
	if err != nil {
		return nil, err
	}
	for _, f := range temps {
		doomed = append(doomed, f.path)
	}
	if present.total > 0 {
		stale, err := staleData(fsys, prefix, present.total)
		if err != nil {
			return nil, err
		}
		doomed = append(doomed, stale...)
	}
	return removeAll(fsys, doomed)
}

// presentState is what is known of a prefix's index: total is 0 when it cannot
// be read, and then none of its data files may be removed.
type presentState struct {
	exists bool
	total  int
}

func presentIndex(fsys vfs.FS, prefix string) (s presentState, err error) {
	f, err := fsys.Open(prefix + indexSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer f.Close()
	s.exists = true
	s.total, _ = numShards(f)
	return s, nil
}

// numShards reads the number of shards in an index's header.
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
	h, err := decodeBundleHeader(value)
	return h.numShards, err == nil
}

// staleData lists the data files that an index of total shards does not name.
func staleData(fsys vfs.FS, prefix string, total int) ([]string, error) {
	files, err := listDataFiles(fsys, prefix, "")
	if err != nil {
		return nil, err
	}
	var stale []string
	for _, f := range files {
		if f.total != total {
			stale = append(stale, f.path)
		}
	}
	return stale, nil
}

// removeAll removes files, going on after a failure, and returns those that were
// there.
func removeAll(fsys vfs.FS, names []string) (removed []string, err error) {
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

// sweepPrefix is recoverPrefix by somebody who does not hold the lock. When
// another does it does nothing.
func sweepPrefix(fsys vfs.FS, prefix string) (removed []string, err error) {
	lockName := prefix + indexSuffix + vfs.TempSuffix
	_, err = fsys.Stat(lockName)
	wasThere := err == nil
	lock, err := vfs.OpenLocked(fsys, lockName)
	if errors.Is(err, ErrLocked) {
		return nil, nil
	}
	if err != nil {
		return nil, fileError("sweep", prefix, err)
	}
	removed, err = recoverPrefix(fsys, prefix, lock)
	if err == nil && len(removed) > 0 {
		err = syncDirOf(fsys, prefix, false)
	}
	if err == nil {
		// Last, since it tells what else is to be removed.
		if err = fsys.Remove(lockName); err == nil && wasThere {
			removed = append(removed, lockName)
		}
	}
	return removed, fileError("sweep", prefix, errors.Join(err, lock.Close()))
}
