package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/tfkeep/tfkeep/internal/vfs"
)

// StateOptions tunes [UpdateState]. Nil follows tf.train.update_checkpoint_state.
type StateOptions struct {
	// LatestFilename is the name of the state file; "" means "checkpoint".
	LatestFilename string
	// SaveRelativePaths writes absolute paths relative to the directory.
	SaveRelativePaths bool
	// NoSync leaves it to the operating system when the file reaches the disk.
	NoSync bool
	FS     vfs.FS // nil is the operating system's
}

// UpdateState writes a directory's state file, in one step: a reader, and
// whoever comes after a crash, finds the old or the new.
//
// It appends ModelCheckpointPath to AllModelCheckpointPaths unless that ends in
// it. By TensorFlow's rules, relative paths are taken relative to the working
// directory and written relative to dir, but only when dir itself is relative;
// beside an absolute dir they are written as they are.
func UpdateState(ctx context.Context, dir string, s State, o *StateOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var opts StateOptions
	if o != nil {
		opts = *o
	}
	fsys := opts.FS
	if fsys == nil {
		fsys = vfs.OS
	}
	name := statePath(dir, opts.LatestFilename)
	s, err := s.relativeTo(dir, opts.SaveRelativePaths)
	if err != nil {
		return err
	}
	if s.ModelCheckpointPath == name {
		return stateMismatch(fmt.Sprintf("Save path '%s' conflicts with path used for checkpoint state.  Please use a different save path.", name))
	}
	return fileError("write", name, replaceState(ctx, fsys, name, FormatState(&s), !opts.NoSync))
}

// replaceState waits for another writer of the same state file: each takes a
// moment only, and the last one wins, as in TensorFlow.
func replaceState(ctx context.Context, fsys vfs.FS, name string, data []byte, sync bool) error {
	const patience = 5 * time.Second
	for start := time.Now(); ; {
		err := vfs.WriteFileAtomic(fsys, name, data, sync)
		if !errors.Is(err, ErrLocked) || time.Since(start) > patience {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func stateMismatch(detail string) error {
	return &Error{Op: "write the state", Offset: -1, Err: ErrMismatch, Detail: detail}
}

// relativeTo returns a state with the paths that go into the file.
func (s State) relativeTo(dir string, relative bool) (State, error) {
	all := slices.Clone(s.AllModelCheckpointPaths)
	model := s.ModelCheckpointPath
	if model == "" {
		return s, stateMismatch("ModelCheckpointPath is empty")
	}
	if relative {
		if err := eachPath(&model, all, filepath.IsAbs, dir); err != nil {
			return s, err
		}
	}
	if len(all) == 0 || all[len(all)-1] != model {
		all = append(all, model)
	}
	if n := len(s.AllModelCheckpointTimestamps); n > 0 && n != len(all) {
		return s, stateMismatch(fmt.Sprintf("Checkpoint timestamps, if provided, must match checkpoint paths (got %d paths and %d timestamps)", len(all), n))
	}
	if !filepath.IsAbs(dir) {
		// TensorFlow does this to the paths made relative above, too.
		isRelative := func(p string) bool { return !filepath.IsAbs(p) }
		if err := eachPath(&model, all, isRelative, dir); err != nil {
			return s, err
		}
	}
	s.ModelCheckpointPath, s.AllModelCheckpointPaths = model, all
	return s, nil
}

// eachPath makes the paths that are picked relative to dir.
func eachPath(model *string, all []string, pick func(string) bool, dir string) error {
	for _, p := range append([]*string{model}, pointers(all)...) {
		if !pick(*p) {
			continue
		}
		rel, err := relPath(*p, dir)
		if err != nil {
			return err
		}
		*p = rel
	}
	return nil
}

func pointers(all []string) []*string {
	out := make([]*string, len(all))
	for i := range all {
		out[i] = &all[i]
	}
	return out
}

// relPath is Python's os.path.relpath: both paths are made absolute first.
func relPath(path, dir string) (string, error) {
	p, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	d, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.Rel(d, p)
}
