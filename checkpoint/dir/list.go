package dir

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// Checkpoint is one checkpoint of a folder.
type Checkpoint struct {
	// Prefix is the checkpoint's own name, as checkpoint.Open takes it. If the state
	// file names a checkpoint that does not exist, Prefix is the path in the state
	// file.
	Prefix string
	// Step is the global step, the number at the end of the prefix; -1 if there is
	// none.
	Step int64
	// Time is the modification time of the index, or of the first file of a V1
	// checkpoint.
	Time time.Time
	// Version is the format; 0 means that none of the checkpoint's files exists.
	Version checkpoint.Version
	// Listed reports whether the state file names the checkpoint.
	Listed bool
	// Err is nil if the checkpoint is complete: its index can be read, and every
	// file that the index names exists. (Only [checkpoint.Verify] knows whether the
	// values are whole.) Otherwise Err says what is wrong.
	Err error
}

// ListOptions tunes [List]. Nil and the zero value are the right defaults.
type ListOptions struct {
	// LatestFilename is the name of the state file; "" means "checkpoint".
	LatestFilename string
	// IgnoreState lists only the checkpoints that the folder's files show.
	IgnoreState bool
	// PreferFolder matters for a copy of a folder whose state file names the
	// checkpoints of the original by absolute paths. By default, as in TensorFlow,
	// these lead to the original for as long as it exists. With PreferFolder, List
	// looks for a checkpoint of the same name in the folder itself first.
	PreferFolder bool
}

// List returns the checkpoints of a folder, the newest first: those that the state
// file names, in its order, and then the other V2 checkpoints in the folder by the time
// at which they were written, and those of the same time by their step. (V1 checkpoints that
// no state file names look like any other file and are not found.) It reads the index of
// each, and no values.
//
// A missing state file, or a missing folder, is not an error. A damaged state file is an
// ErrCorrupt, unless ListOptions.IgnoreState is set.
func List(ctx context.Context, folder string, o *ListOptions) ([]Checkpoint, error) {
	if err := argcheck.Context(ctx, "list", folder); err != nil {
		return nil, err
	}
	var opts ListOptions
	if o != nil {
		opts = *o
	}
	f := openFolder(ctx, folder)
	var state *State
	if !opts.IgnoreState {
		var err error
		if state, err = f.state(opts.LatestFilename); err != nil {
			return nil, err
		}
	}
	list, err := f.list(ctx, state, opts.PreferFolder)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		list[i].Err = f.check(ctx, &list[i])
	}
	return list, nil
}

// folder is a folder in a file system.
type folder struct {
	fs   vfs.FS
	path string
}

func openFolder(ctx context.Context, path string) folder { return folder{vfs.FromContext(ctx), path} }

// state reads the state file; nil if there is none.
func (f folder) state(latestFilename string) (*State, error) {
	state, err := readState(f.fs, f.path, latestFilename)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return state, err
}

// list returns the checkpoints that a state names, which may be nil, and the others in
// the folder, without reading their indexes.
func (f folder) list(ctx context.Context, state *State, preferFolder bool) ([]Checkpoint, error) {
	var list []Checkpoint
	seen := map[string]int{}
	add := func(c Checkpoint) {
		key := filenames.Clean(c.Prefix)
		if i, ok := seen[key]; ok {
			// TensorFlow's rule takes the path in a state file as a pattern, which
			// may not match the file of that very name.
			if list[i].Version == 0 {
				list[i].Version, list[i].Time = c.Version, c.Time
			}
			return
		}
		seen[key] = len(list)
		c.Step = stepOf(c.Prefix)
		list = append(list, c)
	}
	if state != nil {
		named := append(slices.Clone(state.AllModelCheckpointPaths), state.ModelCheckpointPath)
		finder := newFinder(f)
		for _, path := range slices.Backward(named) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			prefix, found := finder.locate(path, preferFolder)
			c := Checkpoint{Prefix: prefix, Listed: true}
			if found || len(path) > maxPath {
				c.Version, c.Time = stat(f.fs, prefix)
			}
			add(c)
		}
	}
	indexes, err := f.indexes(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range indexes {
		add(c)
	}
	return list, nil
}

// indexes returns the folder's V2 checkpoints, the newest first.
func (f folder) indexes(ctx context.Context) ([]Checkpoint, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := f.fs.ReadDir(orDot(f.path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, vfs.Error("read", f.path, err)
	}
	var found []Checkpoint
	for _, e := range entries {
		name, ok := filenames.ParseIndex(e.Name())
		if !ok || e.IsDir() {
			continue
		}
		if info, err := e.Info(); err == nil {
			found = append(found, Checkpoint{Prefix: f.prefix(name), Time: info.ModTime(), Version: checkpoint.V2})
		}
	}
	slices.SortStableFunc(found, func(a, b Checkpoint) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(stepOf(b.Prefix), stepOf(a.Prefix)))
	})
	return found, nil
}

// stepOf returns the number at the end of a prefix, or -1.
func stepOf(prefix string) int64 {
	if _, step, ok := filenames.CutStep(prefix); ok {
		return step
	}
	return -1
}

// prefix returns the prefix of a checkpoint whose files' names begin with base.
func (f folder) prefix(base string) string {
	if base == "" {
		return filenames.Join(f.path, "")
	}
	return join(f.path, base)
}

func orDot(folder string) string {
	if folder == "" {
		return "."
	}
	return folder
}

// holds reports whether the files of a checkpoint lie in the folder, which may have
// several names.
func (f folder) holds(prefix string) bool {
	parent := filepath.Dir(prefix)
	if parent == filepath.Clean(f.path) {
		return true
	}
	a, err := f.fs.Stat(parent)
	if err != nil {
		return false
	}
	b, err := f.fs.Stat(orDot(f.path))
	return err == nil && f.fs.SameFile(a, b)
}

// check reports why a checkpoint is not complete.
func (f folder) check(ctx context.Context, c *Checkpoint) error {
	if c.Version == 0 {
		return &tfkeep.Error{Op: "open", Path: c.Prefix, Err: tfkeep.ErrNotFound, Detail: "the state file names it"}
	}
	r, err := checkpoint.Open(ctx, c.Prefix, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, name := range r.Files() {
		if _, err := f.fs.Stat(name); err != nil {
			return vfs.Error("open", name, err)
		}
	}
	return nil
}

// Exists reports whether a checkpoint has the given prefix, by TensorFlow's rule: there
// is a file prefix.index, or one of the name itself (V1). The prefix may be a pattern if
// there is no file of exactly that name. No file is read; see [checkpoint.Verify].
func Exists(ctx context.Context, prefix string) bool {
	_, ok := find(vfs.FromContext(ctx), prefix)
	return ok
}

func exists(fsys vfs.FS, prefix string) bool {
	version, _ := stat(fsys, prefix)
	return version != 0
}

// Mtime returns the time at which a checkpoint was written: the modification time of
// its index, or, for V1, of its file or first shard. If there is no checkpoint, the
// error is an ErrNotFound.
func Mtime(ctx context.Context, prefix string) (time.Time, error) {
	if err := argcheck.Context(ctx, "stat", prefix); err != nil {
		return time.Time{}, err
	}
	mtime, ok := find(vfs.FromContext(ctx), prefix)
	if !ok {
		return time.Time{}, &tfkeep.Error{Op: "stat", Path: prefix, Err: tfkeep.ErrNotFound, Cause: fs.ErrNotExist}
	}
	return mtime, nil
}

// stat looks for the files of a checkpoint. The version is 0 if there are none.
func stat(fsys vfs.FS, prefix string) (checkpoint.Version, time.Time) {
	if prefix == "" {
		return 0, time.Time{}
	}
	if info, err := fsys.Stat(filenames.Index(prefix)); err == nil && !info.IsDir() {
		return checkpoint.V2, info.ModTime()
	}
	for _, name := range vfs.V1Files(fsys, prefix) {
		if info, err := fsys.Stat(name); err == nil && !info.IsDir() {
			return checkpoint.V1, info.ModTime()
		}
	}
	return 0, time.Time{}
}

// find returns the time of a checkpoint whose prefix a program gives: it may be a pattern.
func find(fsys vfs.FS, prefix string) (time.Time, bool) {
	if version, mtime := stat(fsys, prefix); version != 0 || prefix == "" {
		return mtime, version != 0
	}
	patterns := []string{filenames.Index(prefix)}
	if !filenames.EndsInSlash(prefix) {
		patterns = append(patterns, prefix)
	}
	for _, pattern := range patterns {
		for _, name := range vfs.Glob(fsys, pattern) {
			if info, err := fsys.Stat(name); err == nil {
				return info.ModTime(), true
			}
		}
	}
	return time.Time{}, false
}
