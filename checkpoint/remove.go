package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// RemoveOptions tunes [Remove].
type RemoveOptions struct {
	// Version is the checkpoint's format; zero removes whichever is there.
	Version Version
	// MetaGraphSuffix is that of the meta graph's file; "" means "meta".
	MetaGraphSuffix string
	NoSync          bool
	FS              vfs.FS // nil is the operating system's
}

// Remove removes a checkpoint: its files, and the meta graph's if there is one.
// The prefix of a V1 checkpoint may be a pattern, as sharded savers return it.
// A checkpoint that is not there is no error.
//
// A V2 checkpoint is gone as a whole with the first step: should the process die
// then, [Sweep] removes the rest. (Of TensorFlow's checkpoints a partial removal
// leaves data without an index.)
func Remove(prefix string, o *RemoveOptions) error {
	r := remover{fs: vfs.OS, prefix: prefix, metaSuffix: "meta"}
	if o != nil {
		if o.FS != nil {
			r.fs = o.FS
		}
		if o.MetaGraphSuffix != "" {
			r.metaSuffix = o.MetaGraphSuffix
		}
		r.noSync, r.version = o.NoSync, o.Version
	}
	return fileError("remove", prefix, r.remove())
}

type remover struct {
	fs         vfs.FS
	prefix     string
	metaSuffix string
	version    Version
	noSync     bool
}

func (r *remover) remove() error {
	if r.version != V1 {
		_, err := r.fs.Stat(r.prefix + indexSuffix)
		if err == nil {
			return r.removeV2()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if r.version == V2 {
			// No index, but perhaps the rest of a removal that was left undone,
			// by TensorFlow or by an error here.
			if _, err := sweepPrefix(r.fs, r.prefix); err != nil {
				return err
			}
			return r.removeRest(nil)
		}
	}
	return r.removeRest(vfs.Glob(r.fs, r.prefix))
}

// removeV2 turns the index into the lock file, the mark of a checkpoint that is
// not committed, and then does what recovery would.
func (r *remover) removeV2() error {
	lockName := r.prefix + indexSuffix + vfs.TempSuffix
	lock, err := vfs.OpenLocked(r.fs, lockName)
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := recoverPrefix(r.fs, r.prefix, lock); err != nil {
		return err
	}
	if r.metaSuffix != "meta" {
		// Recovery does not know this name. Now is the time.
		if _, err := removeAll(r.fs, []string{MetaGraphPath(r.prefix, r.metaSuffix)}); err != nil {
			return err
		}
	}
	index, err := r.fs.OpenFile(r.prefix+indexSuffix, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer index.Close()
	// Locked as well, for the lock is by file, and this becomes the lock file.
	if ok, err := index.TryLock(); err != nil || !ok {
		return errors.Join(err, vfs.ErrLocked)
	}
	if err := r.fs.Rename(r.prefix+indexSuffix, lockName); err != nil {
		return err
	}
	// The data must not go before the index has, for good.
	if err := syncDirOf(r.fs, r.prefix, r.noSync); err != nil {
		return err
	}
	return r.removeRest([]string{lockName})
}

// removeRest removes the data files and the meta graph, then last.
func (r *remover) removeRest(last []string) error {
	files, err := listDataFiles(r.fs, r.prefix, "")
	if err != nil {
		return err
	}
	var names []string
	if r.version != V1 {
		for _, f := range files {
			names = append(names, f.path)
		}
	}
	names = append(names, MetaGraphPath(r.prefix, r.metaSuffix))
	if _, err := removeAll(r.fs, names); err != nil || len(last) == 0 {
		return err
	}
	// What tells that the rest is to be removed goes when that is gone for good.
	if err := syncDirOf(r.fs, r.prefix, r.noSync); err != nil {
		return err
	}
	_, err = removeAll(r.fs, last)
	return err
}

// MetaGraphPath is the file of the meta graph that belongs to a checkpoint:
// "train/model-1.meta". The name of a sharded V1 checkpoint,
// "train/model-1-?????-of-00002", loses its pattern first. An empty suffix means
// "meta".
func MetaGraphPath(prefix, suffix string) string {
	if suffix == "" {
		suffix = "meta"
	}
	return trimShardPattern(prefix) + "." + suffix
}

// trimShardPattern cuts "-SSSSS-of-NNNNN" off, where the S are digits or "?".
func trimShardPattern(prefix string) string {
	i := strings.LastIndex(prefix, "-of-")
	if i < 0 || !consistsOf(prefix[i+len("-of-"):], "0123456789") {
		return prefix
	}
	j := strings.LastIndexByte(prefix[:i], '-')
	if j < 0 || !consistsOf(prefix[j+1:i], "0123456789?") {
		return prefix
	}
	return prefix[:j]
}

func consistsOf(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }
