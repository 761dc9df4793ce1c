package dir

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/vfs"
)

// UpdateState writes a folder's state file in one step: readers see the old file or
// the new one, also after a crash.
//
// It appends ModelCheckpointPath to AllModelCheckpointPaths unless that is their last
// element. By TensorFlow's rules, relative paths are relative to the working directory.
// They are written relative to the folder if the folder's own path is relative, and
// unchanged if it is absolute.
func UpdateState(ctx context.Context, folder string, s State, o *StateOptions) error {
	if err := argcheck.Context(ctx, "write", folder); err != nil {
		return err
	}
	var opts StateOptions
	if o != nil {
		opts = *o
	}
	name := statePath(folder, opts.LatestFilename)
	s, err := s.relativeTo(folder, opts.SaveRelativePaths)
	if err != nil {
		return err
	}
	if s.ModelCheckpointPath == name {
		return badState(fmt.Sprintf("Save path '%s' conflicts with path used for checkpoint state.  Please use a different save path.", name))
	}
	return vfs.Error("write", name, replaceState(ctx, vfs.FromContext(ctx), name, formatState(&s), !opts.NoSync))
}

// replaceState waits for another writer of the same state file. Writing takes a moment
// only, and the last writer wins, as in TensorFlow.
func replaceState(ctx context.Context, fsys vfs.FS, name string, data []byte, sync bool) error {
	const patience = 5 * time.Second
	for start := time.Now(); ; {
		err := vfs.WriteFileAtomic(fsys, name, data, sync)
		if !errors.Is(err, tfkeep.ErrLocked) || time.Since(start) > patience {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func badState(detail string) error {
	return &tfkeep.Error{Op: "write the checkpoint state", Err: tfkeep.ErrArgument, Detail: detail}
}

// relativeTo returns the state with the paths as they are written into the file.
func (s State) relativeTo(folder string, relative bool) (State, error) {
	all := slices.Clone(s.AllModelCheckpointPaths)
	model := s.ModelCheckpointPath
	if model == "" {
		return s, badState("ModelCheckpointPath is empty")
	}
	if relative {
		if err := eachPath(&model, all, filepath.IsAbs, folder); err != nil {
			return s, err
		}
	}
	if len(all) == 0 || all[len(all)-1] != model {
		all = append(all, model)
	}
	if n := len(s.AllModelCheckpointTimestamps); n > 0 && n != len(all) {
		return s, badState(fmt.Sprintf("Checkpoint timestamps, if provided, must match checkpoint paths (got %d paths and %d timestamps)", len(all), n))
	}
	if !filepath.IsAbs(folder) {
		// As in TensorFlow, this also changes the paths that were made relative above.
		isRelative := func(p string) bool { return !filepath.IsAbs(p) }
		if err := eachPath(&model, all, isRelative, folder); err != nil {
			return s, err
		}
	}
	s.ModelCheckpointPath, s.AllModelCheckpointPaths = model, all
	return s, nil
}

// eachPath makes the paths for which pick returns true relative to the folder.
func eachPath(model *string, all []string, pick func(string) bool, folder string) error {
	for _, p := range append([]*string{model}, pointers(all)...) {
		if !pick(*p) {
			continue
		}
		rel, err := relPath(*p, folder)
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

// relPath returns the path relative to a folder, as Python's os.path.relpath does: it
// makes both paths absolute first.
func relPath(path, folder string) (string, error) {
	p, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	d, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	return filepath.Rel(d, p)
}
