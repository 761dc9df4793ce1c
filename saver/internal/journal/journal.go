package journal

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/locknote"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Files are those of one checkpoint.
type Files = locknote.Files

// Begin waits for other Savers of this process that save in the folder, and removes
// what interrupted saves have left. Unless it returns an error, the caller calls End.
func (f *Folder) Begin(ctx context.Context, noSync bool) error {
	f.mu.Lock()
	f.noSync = noSync
	if err := f.reopen(); err != nil {
		f.mu.Unlock()
		return err
	}
	if err := f.tidy(ctx); err != nil {
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
	f.note.Remove = slices.DeleteFunc(f.note.Remove, f.remove)
	_ = f.write(f.note)
}

// remove removes the files of a checkpoint, and reports whether they are gone.
func (f *Folder) remove(r Files) bool {
	path := f.resolve(r.Path)
	f.discardParts(path)
	version := checkpoint.V2
	if r.V1 {
		version = checkpoint.V1
		f.discardTemps(path)
	}
	err := dir.Remove(f.context(), path, &dir.RemoveOptions{Version: version, MetaGraphSuffix: r.Suffix, NoSync: f.noSync})
	return err == nil
}

// tidy removes, once, what a process that died has left: files that it had begun to
// write or to remove, and temporary ones. It keeps what the state file lists. When ctx is
// done, the rest stays noted for the next time.
func (f *Folder) tidy(ctx context.Context) error {
	if f.tidied {
		return nil
	}
	if !f.inherit() {
		f.tidied = true // nothing is safe to remove
		return nil
	}
	for len(f.inherited) > 0 && ctx.Err() == nil {
		r := f.inherited[0]
		f.inherited = f.inherited[1:]
		if f.mayRemove(r) && !f.remove(r) {
			f.note.Remove = append(f.note.Remove, r)
		}
	}
	_ = f.write(f.note)
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := dir.Sweep(vfs.NewContext(ctx, f.key.fs), f.path, nil)
	f.tidied = ctx.Err() == nil
	return err
}

// inherit takes over what the last process noted, without what the state file lists and
// without names that no file has. It reports false if the state file cannot be read.
func (f *Folder) inherit() bool {
	left := f.left
	f.left = nil
	state, err := dir.ReadState(f.context(), f.path, &dir.StateOptions{LatestFilename: f.state})
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, tfkeep.ErrNotFound) {
		return false
	}
	if left == nil {
		return true
	}
	if left.Writing != nil {
		left.Remove = append(left.Remove, *left.Writing)
	}
	if len(left.Remove) == 0 {
		return true
	}
	listed := map[string]bool{}
	if state != nil {
		for _, p := range append(state.AllModelCheckpointPaths, state.ModelCheckpointPath) {
			listed[f.relative(p)] = true
		}
	}
	seen, present := map[Files]bool{}, f.present()
	for _, r := range left.Remove {
		exists := present[r.Path] || present[filenames.MetaGraph(r.Path, "")]
		if exists && !listed[r.Path] && !seen[r] {
			f.inherited = append(f.inherited, r)
		}
		seen[r] = true
	}
	return true
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
