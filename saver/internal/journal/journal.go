package journal

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/filenames"
)

// note is the content of the journal. Without Writing and Remove, nothing is under way.
type note struct {
	Owner   string  `json:"owner,omitempty"`   // the process that holds the lock, and since when
	Writing *Files  `json:"writing,omitempty"` // not in the state file yet
	Remove  []Files `json:"remove,omitempty"`  // no longer in it
}

// Files are those of one checkpoint.
type Files struct {
	Path   string `json:"path"` // the prefix; in the journal, without the folder if it is the journal's
	Suffix string `json:"meta"` // of the meta graph's file
	V1     bool   `json:"v1,omitempty"`
}

// Begin waits for other Savers of this process that save in the folder, and removes
// what interrupted saves have left. Unless it returns an error, the caller calls End.
func (f *Folder) Begin(noSync bool) error {
	f.mu.Lock()
	f.noSync = noSync
	if err := f.reopen(); err != nil {
		f.mu.Unlock()
		return err
	}
	if err := f.tidy(); err != nil {
		f.mu.Unlock()
		return &tfkeep.Error{Op: "remove the files of an interrupted save in", Path: f.path, Cause: err}
	}
	f.parts = slices.DeleteFunc(f.parts, func(path string) bool { return !f.discardParts(f.resolve(path)) })
	return nil
}

// Moves counts how often the folder was removed or replaced by another one since this process
// has the lock. It is for callers between Begin and End.
func (f *Folder) Moves() int { return f.moves }

// End lets the next Saver begin.
func (f *Folder) End() { f.mu.Unlock() }

// Announce notes, before anything is written, which files a save is going to write, and
// which ones the retention rule is going to remove. Should the process die, the next one
// removes those of them that the state file does not list then.
func (f *Folder) Announce(writing *Files, retired []Files) error {
	if writing != nil {
		w := *writing
		w.Path = f.relative(w.Path)
		f.note.Writing = &w
	}
	f.retired = nil
	for _, r := range retired {
		r.Path = f.relative(r.Path)
		f.retired = append(f.retired, r)
	}
	n := f.note
	n.Remove = append(slices.Clone(n.Remove), f.retired...)
	if err := f.write(n); err != nil || f.noSync {
		return err
	}
	// The promise to tidy up must be on the disk before the files that it is about.
	if err := f.file.Sync(); err != nil || f.synced {
		return err
	}
	f.synced = true
	return f.key.fs.SyncDir(f.path)
}

// write replaces the journal. A process that dies between the two steps leaves a whole note,
// with the end of the last one behind it.
func (f *Folder) write(n note) error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if _, err := f.file.WriteAt(data, 0); err != nil {
		return err
	}
	return f.file.Truncate(int64(len(data)))
}

// relative makes paths in the journal right even if the folder moves.
func (f *Folder) relative(path string) string {
	path = filenames.Clean(path)
	folder, base := filepath.Split(path)
	if abs, err := filepath.Abs(folder); err == nil {
		folder = abs
	}
	switch {
	case folder != f.path:
		return filenames.Join(folder, base)
	case base == "":
		return nameless
	}
	return base
}

// nameless stands for the checkpoint in the folder whose files' names begin with a dot.
const nameless = "./"

func (f *Folder) resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	if path == nameless {
		return filenames.Join(f.path, "")
	}
	return filepath.Join(f.path, path)
}

// Commit ends a save that has succeeded: the state file lists what was written and no
// longer what was retired, and Commit removes the latter. Files that can't be removed do
// not make the save fail: they stay in the journal for the next time.
func (f *Folder) Commit() {
	f.note.Writing = nil
	f.note.Remove = append(f.note.Remove, f.retired...)
	f.retired = nil
	f.removeNoted()
}

// Postpone ends a save that has succeeded, but whose state file is perhaps not durable: what
// was retired stays until the next save.
func (f *Folder) Postpone() {
	f.note.Writing = nil
	f.note.Remove = append(f.note.Remove, f.retired...)
	f.retired = nil
	_ = f.write(f.note)
}

// Undo ends a save that has failed: it removes what was written in part, the shards of
// the checkpoint at path included. What was to be retired stays.
func (f *Folder) Undo(path string) {
	path = f.relative(path)
	f.discardParts(f.resolve(path))
	f.discardTemps(f.resolve(path))
	if !slices.Contains(f.parts, path) {
		f.parts = append(f.parts, path) // servers may still be writing them
	}
	if f.note.Writing != nil {
		f.note.Remove = append(f.note.Remove, *f.note.Writing)
	}
	f.note.Writing, f.retired = nil, nil
	_ = f.write(f.note) // before removing: if the process dies now, what was retired stays
	f.removeNoted()
}

// removeNoted removes the files that the journal lists for it.
func (f *Folder) removeNoted() {
	f.note.Remove = slices.DeleteFunc(f.note.Remove, func(r Files) bool {
		path := f.resolve(r.Path)
		f.discardParts(path)
		version := checkpoint.V2
		if r.V1 {
			version = checkpoint.V1
			f.discardTemps(path)
		}
		err := dir.Remove(f.context(), path, &dir.RemoveOptions{Version: version, MetaGraphSuffix: r.Suffix, NoSync: f.noSync})
		return err == nil
	})
	_ = f.write(f.note)
}

// tidy removes, once, what a process that died has left: files that it had begun to
// write or to remove, and temporary ones. It keeps what the state file lists.
func (f *Folder) tidy() error {
	if f.tidied {
		return nil
	}
	f.tidied = true
	left := f.left
	f.left = nil
	if left == nil {
		left = &note{}
	}
	state, err := dir.ReadState(f.context(), f.path, &dir.StateOptions{LatestFilename: f.state})
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, tfkeep.ErrNotFound) {
		return nil // without a state file that can be read, nothing is safe to remove
	}
	listed := map[string]bool{}
	if state != nil {
		for _, p := range append(state.AllModelCheckpointPaths, state.ModelCheckpointPath) {
			listed[f.relative(p)] = true
		}
	}
	if left.Writing != nil {
		left.Remove = append(left.Remove, *left.Writing)
	}
	for _, r := range left.Remove {
		switch {
		case listed[r.Path]:
		case f.mayRemove(r):
			f.note.Remove = append(f.note.Remove, r)
		default:
			f.Strange = append(f.Strange, r.Path)
		}
	}
	f.removeNoted()
	_, err = dir.Sweep(f.context(), f.path, nil)
	return err
}

// discardTemps removes the files of a V1 checkpoint that TensorFlow's nodes did not finish:
// "<file>.tempstate" and a number.
func (f *Folder) discardTemps(path string) {
	folder, base := filepath.Split(path)
	entries, err := f.key.fs.ReadDir(filepath.Clean(folder))
	if err != nil {
		return
	}
	for _, e := range entries {
		final, ok := filenames.ParseTensorFlowTemp(e.Name())
		if ok && e.Type().IsRegular() && (final == base || filenames.IsV1File(final, base)) {
			_ = f.key.fs.Remove(filepath.Join(folder, e.Name()))
		}
	}
}

// discardParts removes the shards of a checkpoint that TensorFlow's nodes did not merge,
// and reports whether there were any. The nodes write the shards into a folder of their
// own, "<path>_temp", before one of them merges them; after a failure they stay there.
func (f *Folder) discardParts(path string) bool {
	folder := filenames.ShardsDir(path)
	// A link may lead to somebody else's files.
	if info, err := f.key.fs.Lstat(folder); err == nil && !info.IsDir() {
		return false
	}
	entries, err := f.key.fs.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	for _, e := range entries {
		if filenames.IsPart(e.Name()) {
			_ = f.key.fs.Remove(filepath.Join(folder, e.Name()))
		}
	}
	_ = f.key.fs.Remove(folder)
	return true
}
