package saver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// ResumeOptions tune Resume. Nil, and the zero value, are the defaults.
type ResumeOptions struct {
	// LatestFilename is the name of the state file; "" means "checkpoint".
	LatestFilename string
}

// Resumed reports where training goes on.
type Resumed struct {
	// Path is the checkpoint that was restored; "" if Fresh.
	Path string
	// Step is the global step: the value of the graph's global step variable,
	// or else the number at the end of Path. -1 if there is neither.
	Step int64
	// Fresh means that the folder has no checkpoint, and that nothing was restored.
	// The variables' initializers have to run.
	Fresh bool
	// Skipped has one error for each newer checkpoint that could not be read, newest
	// first. Their Path is the checkpoint's.
	Skipped []*tfkeep.Error
}

// Resume restores the newest whole checkpoint of a folder. It skips and reports
// checkpoints whose files are damaged or missing. A checkpoint that does not fit the graph
// is an error.
//
// If the folder has no checkpoint, or does not exist, Resume restores nothing and sets
// Resumed.Fresh: run the initializers then. If the folder has checkpoints and none of them
// is whole, that is an error and never a fresh start.
//
// Resume removes the files of a save that was interrupted because its process died, and
// adopts its list of kept checkpoints, so that MaxToKeep counts across restarts. The
// folder may have been moved, renamed or copied: where the state file names
// checkpoints of another folder, those of the same name in this one count.
func (s *Saver) Resume(ctx context.Context, sess *tf.Session, folder string, o *ResumeOptions) (*Resumed, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	name := dir.DefaultLatestFilename
	if o != nil && o.LatestFilename != "" {
		name = o.LatestFilename
	}
	r, err := s.resumeLocked(ctx, sess, folder, name)
	return r, wrap("resume", folder, err)
}

func (s *Saver) resumeLocked(ctx context.Context, sess *tf.Session, folder, name string) (*Resumed, error) {
	if err := s.waitPending(); err != nil {
		return nil, err
	}
	if err := s.ready(sess); err != nil {
		return nil, err
	}
	if _, err := s.fs.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return &Resumed{Step: -1, Fresh: true}, nil
	}
	lock, err := s.locks.Take(s.fs, folder, name)
	if err != nil {
		return nil, err
	}
	if err := lock.Begin(s.opts.NoSync); err != nil {
		return nil, err
	}
	defer lock.End()
	return s.restoreNewest(ctx, sess, folder, name)
}

// restoreNewest restores the newest checkpoint of a folder that can be read.
func (s *Saver) restoreNewest(ctx context.Context, sess *tf.Session, folder, name string) (*Resumed, error) {
	r := &Resumed{Step: -1}
	candidates, stateErr := s.candidates(ctx, folder, name)
	if len(candidates) == 0 {
		r.Fresh = stateErr == nil
		return r, stateErr
	}
	for _, c := range candidates {
		_, err := s.restoreLocked(ctx, sess, c.Prefix, nil)
		if err == nil {
			r.Path = c.Prefix
			break
		}
		if ctx.Err() != nil || !isDamage(err) {
			return nil, wrap("restore", c.Prefix, err)
		}
		r.Skipped = append(r.Skipped, addPlace("restore", c.Prefix, err))
	}
	if r.Path == "" {
		errs := []error{stateErr}
		for _, skipped := range r.Skipped {
			errs = append(errs, skipped)
		}
		return nil, &tfkeep.Error{
			Detail: fmt.Sprintf("no checkpoint of %d is whole; restore one from a backup, or start in another folder", len(r.Skipped)),
			Cause:  errors.Join(errs...),
		}
	}
	if err := s.adopt(ctx, folder, name, candidates, r); err != nil {
		return nil, err
	}
	var err error
	r.Step, err = s.step(ctx, sess, r.Path)
	return r, err
}

// isDamage reports whether a checkpoint can't be read, rather than not fit the graph.
func isDamage(err error) bool {
	var misfit *RestoreError
	if errors.As(err, &misfit) {
		return false
	}
	return errors.Is(err, tfkeep.ErrCorrupt) || errors.Is(err, tfkeep.ErrNotFound) ||
		errors.Is(err, tfkeep.ErrUnsupported) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, status.DataLoss)
}

// candidates returns the checkpoints to try, newest first: those that the state file
// names, then the others in the folder, which are those kept for good. With a state file,
// only those others count that are called like the ones it names. If the state
// file is damaged, it returns the checkpoints of the folder and an error.
func (s *Saver) candidates(ctx context.Context, folder, name string) ([]dir.Checkpoint, error) {
	ctx = vfs.NewContext(ctx, s.fs)
	o := &dir.ListOptions{LatestFilename: name, PreferFolder: true}
	list, stateErr := dir.List(ctx, folder, o)
	if errors.Is(stateErr, tfkeep.ErrCorrupt) {
		o.IgnoreState = true
		var err error
		if list, err = dir.List(ctx, folder, o); err != nil {
			return nil, err
		}
	}
	names := map[string]bool{}
	for _, c := range list {
		if c.Listed {
			names[nameWithoutStep(c.Prefix)] = true
		}
	}
	list = slices.DeleteFunc(list, func(c dir.Checkpoint) bool {
		return len(names) > 0 && !names[nameWithoutStep(c.Prefix)]
	})
	return list, stateErr
}

// nameWithoutStep returns "model" for "train/model-1000".
func nameWithoutStep(prefix string) string {
	name, _, _ := filenames.CutStep(filepath.Base(prefix))
	return name
}

// adopt continues the retention of the Saver that wrote the state file. Damaged
// checkpoints count as the oldest, and so are removed first. Checkpoints in other
// folders belong to other Savers, and are not removed.
func (s *Saver) adopt(ctx context.Context, folder, name string, candidates []dir.Checkpoint, r *Resumed) error {
	damaged := map[string]bool{}
	for _, skipped := range r.Skipped {
		damaged[skipped.Path] = true
	}
	var bad, good []Checkpoint
	for _, c := range slices.Backward(candidates) {
		if !c.Listed || c.Version == 0 || !s.inside(folder, c.Prefix) {
			continue
		}
		kept := Checkpoint{Path: c.Prefix, Time: c.Time}
		if damaged[c.Prefix] {
			bad = append(bad, kept)
		} else {
			good = append(good, kept)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept.maxToKeep <= 0 {
		return nil
	}
	s.kept.last = append(bad, good...)
	for len(s.kept.last) > s.kept.maxToKeep {
		s.kept.doomed = append(s.kept.doomed, s.kept.last[0])
		s.kept.last = s.kept.last[1:]
	}
	if s.opts.KeepEvery == 0 {
		return nil
	}
	state, err := dir.ReadState(vfs.NewContext(ctx, s.fs), folder, &dir.StateOptions{LatestFilename: name})
	if err != nil || state.LastPreservedTimestamp <= 0 {
		return ctx.Err() // without a state file, there is nothing to continue
	}
	last := time.Unix(0, int64(state.LastPreservedTimestamp*1e9))
	s.kept.nextKeep = last.Add(s.kept.keepEvery)
	return nil
}

// inside reports whether a checkpoint's files are in a folder, which may have several
// paths.
func (s *Saver) inside(folder, path string) bool {
	parent := filepath.Dir(path)
	if parent == filepath.Clean(folder) {
		return true
	}
	a, errA := s.fs.Stat(parent)
	b, errB := s.fs.Stat(folder)
	return errA == nil && errB == nil && s.fs.SameFile(a, b)
}

// step returns the global step after a restore.
func (s *Saver) step(ctx context.Context, sess *tf.Session, path string) (int64, error) {
	for _, item := range s.g.Collection(tf.GlobalStep) {
		if o := item.Output(); o.Op != nil {
			return readStep(ctx, sess, o)
		}
	}
	if _, n, ok := filenames.CutStep(path); ok {
		return n, nil
	}
	return -1, nil
}

// RecoverLastCheckpoints makes the list of kept checkpoints from paths, oldest first,
// with the times at which their files were written. It leaves out those that are gone.
func (s *Saver) RecoverLastCheckpoints(paths []string) {
	var list []Checkpoint
	for _, p := range paths {
		if t, err := dir.Mtime(s.context(), localPath(p)); err == nil {
			list = append(list, Checkpoint{Path: p, Time: t})
		}
	}
	s.SetLastCheckpoints(list)
}
