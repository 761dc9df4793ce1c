package recovery

import (
	"errors"
	"io/fs"
	"os"

	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Removal removes one checkpoint with its meta graph.
type Removal struct {
	FS              vfs.FS
	Prefix          string
	MetaGraphSuffix string // of the meta graph's file
	Version         int    // the format, 1 or 2; 0 removes either
	NoSync          bool
}

// Run removes the checkpoint if it exists.
func (r *Removal) Run() error {
	if r.Version != 1 {
		_, err := r.FS.Stat(filenames.Index(r.Prefix))
		if err == nil {
			return r.removeV2()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if r.Version == 2 {
			// There is no index, but there may be files of an unfinished removal by
			// TensorFlow or by this package.
			if _, err := Sweep(r.FS, r.Prefix); err != nil {
				return err
			}
			return r.removeRest(nil)
		}
	}
	return r.removeRest(vfs.V1Files(r.FS, r.Prefix))
}

// removeV2 turns the index into the lock file, which marks a checkpoint that is not
// committed, and then removes what [Clear] would remove.
func (r *Removal) removeV2() error {
	lockName := filenames.Temp(filenames.Index(r.Prefix))
	lock, err := vfs.OpenLocked(r.FS, lockName)
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := Clear(r.FS, r.Prefix, lock); err != nil {
		return err
	}
	if filenames.MetaGraph(r.Prefix, r.MetaGraphSuffix) != filenames.MetaGraph(r.Prefix, "") {
		// Clear does not know this name, so the file has to be removed first.
		if _, err := Remove(r.FS, filenames.MetaGraph(r.Prefix, r.MetaGraphSuffix)); err != nil {
			return err
		}
	}
	index, err := r.FS.OpenFile(filenames.Index(r.Prefix), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer index.Close()
	// This becomes the lock file, so it must be locked as well.
	if ok, err := index.TryLock(); err != nil || !ok {
		return errors.Join(err, vfs.ErrLocked)
	}
	if err := r.FS.Rename(filenames.Index(r.Prefix), lockName); err != nil {
		return err
	}
	// The data must not be removed before the removal of the index is durable.
	if err := vfs.SyncDirOf(r.FS, r.Prefix, r.NoSync); err != nil {
		return err
	}
	return r.removeRest([]string{lockName})
}

// removeRest removes the data files and the meta graph, then last.
func (r *Removal) removeRest(last []string) error {
	files, err := DataFiles(r.FS, r.Prefix)
	if err != nil {
		return err
	}
	var names []string
	if r.Version != 1 {
		for _, f := range files {
			names = append(names, f.Path)
		}
	}
	names = append(names, filenames.MetaGraph(r.Prefix, r.MetaGraphSuffix))
	if _, err := Remove(r.FS, names...); err != nil || len(last) == 0 {
		return err
	}
	// The lock file shows that the rest must be removed, so it stays until that is durable.
	if err := vfs.SyncDirOf(r.FS, r.Prefix, r.NoSync); err != nil {
		return err
	}
	_, err = Remove(r.FS, last...)
	return err
}
