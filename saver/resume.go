package saver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/status"
)

// ResumeOptions tune Resume. Nil, and the zero value, are the defaults.
type ResumeOptions struct {
	// LatestFilename is the name of the state file; "" means "checkpoint".
	LatestFilename string
}

// Resumed says where training goes on.
type Resumed struct {
	// Path is the checkpoint that was restored; "" if Fresh.
	Path string
	// Step is the global step: the value of the graph's global step variable,
	// or else the number at the end of Path. -1 if there is neither.
	Step int64
	// Fresh: the directory has no checkpoint, and nothing was restored. The
	// variables' initializers have to run.
	Fresh bool
	// Skipped are newer checkpoints that couldn't be read, newest first.
	Skipped []Skipped
}

// Skipped is a checkpoint that Resume passed over, and why.
type Skipped struct {
	Path string
	Err  error
}

// Resume restores the newest checkpoint of a directory that is whole. One whose
// files are damaged or missing is skipped and reported; one that doesn't fit
// the graph is an error. If none of those that there are is whole, that is an
// error too, and never a fresh start.
//
// It tidies up after a process that died while it saved there, and takes its
// list of kept checkpoints over, so that MaxToKeep counts across restarts. The
// directory may have been moved, renamed or copied: where the state file names
// checkpoints of another directory, those of the same name in this one count.
func (s *Saver) Resume(ctx context.Context, sess *tf.Session, folder string, o *ResumeOptions) (*Resumed, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	r, err := s.resumeLocked(ctx, sess, folder, o)
	return r, wrap("resume", folder, err)
}

func (s *Saver) resumeLocked(ctx context.Context, sess *tf.Session, folder string, o *ResumeOptions) (*Resumed, error) {
	name := "checkpoint"
	if o != nil && o.LatestFilename != "" {
		name = o.LatestFilename
	}
	if err := s.waitPending(); err != nil {
		return nil, err
	}
	if err := s.ready(sess); err != nil {
		return nil, err
	}
	if _, err := s.fs.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return &Resumed{Step: -1, Fresh: true}, nil
	}
	lock, err := s.lock(folder, name)
	if err != nil {
		return nil, err
	}
	lock.mu.Lock()
	defer lock.mu.Unlock()
	if err := lock.tidy(s); err != nil {
		return nil, err
	}
	lock.discardAgain(s)
	return s.resume(ctx, sess, folder, name)
}

func (s *Saver) resume(ctx context.Context, sess *tf.Session, folder, name string) (*Resumed, error) {
	r := &Resumed{Step: -1}
	state, stateErr := s.readState(folder, name)
	if errors.Is(stateErr, tfkeep.ErrNotFound) {
		stateErr = nil
	}
	listed := s.listed(folder, state)
	candidates := slices.Clone(listed)
	slices.Reverse(candidates)
	candidates = append(candidates, s.unlisted(folder, listed)...)
	if len(candidates) == 0 {
		if stateErr != nil {
			return nil, stateErr
		}
		r.Fresh = true
		return r, nil
	}
	for _, path := range candidates {
		_, err := s.restoreLocked(ctx, sess, path, nil)
		err = wrap("restore", path, err)
		if err == nil {
			r.Path = path
			break
		}
		if ctx.Err() != nil || !isDamage(err) {
			return nil, err
		}
		r.Skipped = append(r.Skipped, Skipped{path, err})
	}
	if r.Path == "" {
		errs := []error{stateErr}
		for _, skipped := range r.Skipped {
			errs = append(errs, skipped.Err)
		}
		return nil, &tfkeep.Error{
			Detail: fmt.Sprintf("no checkpoint of %d is whole; restore one from a backup, or start in another directory", len(r.Skipped)),
			Cause:  errors.Join(errs...),
		}
	}
	s.carryOver(folder, listed, state, r)
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
		errors.Is(err, tfkeep.ErrUnsupported) || errors.Is(err, tfkeep.ErrNotFound) || errors.Is(err, tfkeep.ErrCorrupt) ||
		errors.Is(err, fs.ErrNotExist) || errors.Is(err, status.DataLoss)
}

// listed are the state file's checkpoints, oldest first, where they lie now.
func (s *Saver) listed(folder string, state *dir.State) []string {
	if state == nil {
		return nil
	}
	var paths []string
	for _, p := range append(state.AllModelCheckpointPaths, state.ModelCheckpointPath) {
		if p == "" {
			continue
		}
		p = s.moved(folder, p)
		paths = slices.DeleteFunc(paths, func(q string) bool { return q == p })
		paths = append(paths, p)
	}
	return paths
}

// moved finds a checkpoint whose directory has another name now, or is a copy of
// the one that the state file names: what lies in dir counts.
func (s *Saver) moved(folder, path string) string {
	if s.inside(folder, path) && present(s.fs, path) {
		return path
	}
	if here := filepath.Join(folder, filepath.Base(path)); present(s.fs, here) {
		return here
	}
	return path
}

// inside reports whether a checkpoint's files lie in folder, whatever it is called.
func (s *Saver) inside(folder, path string) bool {
	parent := filepath.Dir(path)
	if parent == filepath.Clean(folder) {
		return true
	}
	a, errA := s.fs.Stat(parent)
	b, errB := s.fs.Stat(folder)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

var stepSuffix = regexp.MustCompile(`-(\d+)$`)

// unlisted are complete checkpoints that the state file doesn't name, newest
// first: those kept for good, and all of them if the state file is damaged. With
// a state file, only those count that are called like the ones it names.
func (s *Saver) unlisted(folder string, listed []string) []string {
	entries, err := s.fs.ReadDir(folder)
	if err != nil {
		return nil
	}
	bases := map[string]bool{}
	known := map[string]bool{}
	for _, p := range listed {
		known[filepath.Base(p)] = true
		bases[stepSuffix.ReplaceAllString(filepath.Base(p), "")] = true
	}
	type found struct {
		path string
		time time.Time
	}
	var all []found
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".index")
		info, err := e.Info()
		if !ok || e.IsDir() || known[name] || err != nil {
			continue
		}
		if len(listed) > 0 && !bases[stepSuffix.ReplaceAllString(name, "")] {
			continue
		}
		all = append(all, found{filepath.Join(folder, name), info.ModTime()})
	}
	slices.SortStableFunc(all, func(a, b found) int { return b.time.Compare(a.time) })
	var paths []string
	for _, f := range all {
		paths = append(paths, f.path)
	}
	return paths
}

// carryOver makes this Saver go on with the retention of the one before it.
// Damaged checkpoints count as the oldest, and so go first. What lies elsewhere
// belongs to another, and is not deleted.
func (s *Saver) carryOver(folder string, listed []string, state *dir.State, r *Resumed) {
	damaged := map[string]bool{}
	for _, sk := range r.Skipped {
		damaged[sk.Path] = true
	}
	var bad, good []Checkpoint
	for _, p := range listed {
		if !s.inside(folder, p) || !present(s.fs, p) {
			continue
		}
		c := Checkpoint{Path: p, Time: s.mtime(p)}
		if damaged[p] {
			bad = append(bad, c)
		} else {
			good = append(good, c)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept.maxToKeep <= 0 {
		return
	}
	s.kept.last = append(bad, good...)
	for len(s.kept.last) > s.kept.maxToKeep {
		s.kept.doomed = append(s.kept.doomed, s.kept.last[0])
		s.kept.last = s.kept.last[1:]
	}
	if state != nil && state.LastPreservedTimestamp > 0 && s.opts.KeepEvery != 0 {
		last := time.Unix(0, int64(state.LastPreservedTimestamp*1e9))
		s.kept.nextKeep = last.Add(s.kept.keepEvery)
	}
}

func (s *Saver) mtime(path string) time.Time {
	t, err := dir.Mtime(s.context(), path)
	if err != nil {
		return s.opts.now()
	}
	return t
}

// step is the global step after a restore.
func (s *Saver) step(ctx context.Context, sess *tf.Session, path string) (int64, error) {
	for _, item := range s.g.Collection(tf.GlobalStep) {
		if o := item.Output(); o.Op != nil {
			return readStep(ctx, sess, o)
		}
	}
	if m := stepSuffix.FindStringSubmatch(path); m != nil {
		if n, err := strconv.ParseInt(m[1], 10, 64); err == nil {
			return n, nil
		}
	}
	return -1, nil
}

// RecoverLastCheckpoints makes the list of kept checkpoints from paths, oldest
// first, with the times at which their files were written. Those that are gone
// are left out.
func (s *Saver) RecoverLastCheckpoints(paths []string) {
	var list []Checkpoint
	for _, p := range paths {
		if present(s.fs, localPath(p)) {
			list = append(list, Checkpoint{Path: p, Time: s.mtime(localPath(p))})
		}
	}
	s.SetLastCheckpoints(list)
}
