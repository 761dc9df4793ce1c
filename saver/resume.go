package saver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/filenames"
	"github.com/tfkeep/tfkeep/internal/vfs"
	"github.com/tfkeep/tfkeep/saver/internal/journal"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// ResumeOptions tune Resume. Nil, and the zero value, are the defaults.
type ResumeOptions struct {
	// LatestFilename is the name of the state file; "" means "checkpoint".
	LatestFilename string
	// Wait waits while another process saves into the folder, until ctx is done. By
	// default that is an error, tfkeep.ErrLocked.
	Wait bool

	// Partial resumes a model that has changed since the checkpoint was saved: it restores
	// what fits, and initializes the variables of the Saver that the checkpoint does not
	// have, or has in another type or shape. Resumed.Report lists them. By default, a
	// variable that does not fit is a [*RestoreError], and nothing is restored. So it is with
	// Partial if nothing but the global step fits: the checkpoint may be another program's. A
	// global step is converted from another integer type. If the checkpoint has none, it is the
	// number at the end of the checkpoint's name.
	Partial bool
	// Rename maps the keys in the graph's save nodes to those in the checkpoint, for
	// variables that were renamed. A checkpoint that has the key of the graph in place of
	// the other one is taken as it is, so that the training can be resumed again. If the graph
	// has a new variable under a former name of another one, map it to "": by default that is
	// tfkeep.ErrArgument, because both would get the same value.
	Rename map[string]string
	// Adapt, if not nil, is called for each variable that the checkpoint does not have, or
	// has in another type or shape. It returns the value, made of what from has, or nil if
	// there is none: then Partial decides. Only DType, Shape, and Data or Strings of the
	// tensor count. An error of Adapt ends Resume, unless it is a tfkeep.ErrCorrupt: then an
	// older checkpoint is tried.
	Adapt func(ctx context.Context, want Wanted, from *checkpoint.Reader) (*checkpoint.Tensor, error)
	// Initialize replaces the way in which Partial initializes the variables that were not
	// restored. Nil runs their initializers.
	Initialize func(ctx context.Context, sess *tf.Session, vars []*tf.Variable) error
}

// Wanted is a variable that a checkpoint has no fitting value for.
type Wanted struct {
	Key      string         // the key under which it was looked for
	Variable string         // its name in the graph
	DType    dtype.DataType // of the value
	Shape    []int64        // of the value; -1 is a free dimension, and nil any shape
}

// Resumed reports where training goes on.
type Resumed struct {
	// Path is the checkpoint that was restored; "" if Fresh.
	Path string
	// Step is the global step to continue from: the value of the graph's global step
	// variable, or else the number at the end of Path. It is 0 if Fresh, or if there is
	// neither.
	Step int64
	// Fresh means that the folder has no checkpoint, and that nothing was restored.
	// The variables' initializers have to run.
	Fresh bool
	// Skipped has one error for each newer checkpoint that could not be read, newest
	// first. Their Path is the checkpoint's. Before them is the error of a damaged state
	// file: the checkpoints were found by their names then.
	Skipped []*tfkeep.Error
	// Report lists what was restored and what was not, and what the checkpoint has beyond
	// that. It is nil if Fresh.
	Report *RestoreReport
}

// Resume restores the newest whole checkpoint of a folder. It skips and reports
// checkpoints whose files are damaged or missing. A checkpoint that does not fit the graph
// is an error.
//
// The error is tfkeep.ErrMismatch, and nothing is restored, if the graph has got variables since
// the Saver was built, which the saves of this training would lack; see
// Options.AllowUncovered.
//
// Without a state file, the checkpoint that was written last is the newest. If another one has a
// higher step, as after copying a folder without the times of its files, that is
// tfkeep.ErrMismatch.
//
// If the folder has no checkpoint, or does not exist, Resume restores nothing and sets
// Resumed.Fresh: run the initializers then. If the folder has checkpoints and none of them
// is whole, that is an error and never a fresh start.
//
// Resume takes the lock of the folder, as [Saver.Lock] does, so that a second training in
// the same folder is refused here, with tfkeep.ErrLocked, and not when it saves. It only
// reads a folder that cannot be written; a training that has to save calls Lock first.
//
// Resume removes the files of a save that was interrupted because its process died, and
// adopts its list of kept checkpoints, so that MaxToKeep counts across restarts: what is
// too much is removed by the next save. The
// folder may have been moved, renamed or copied: where the state file names
// checkpoints of another folder, those of the same name in this one count.
func (s *Saver) Resume(ctx context.Context, sess *tf.Session, folder string, o *ResumeOptions) (*Resumed, error) {
	if err := s.check(ctx); err != nil {
		return nil, wrap("resume", folder, err)
	}
	var opts ResumeOptions
	if o != nil {
		opts = *o
	}
	r, err := s.resume(ctx, sess, folder, &opts)
	return r, wrap("resume", folder, err)
}

func (s *Saver) resume(ctx context.Context, sess *tf.Session, folder string, o *ResumeOptions) (*Resumed, error) {
	s.turn.Lock()
	err := s.waitPending()
	if err == nil {
		err = s.ready(sess)
	}
	if err == nil {
		err = s.checkCovered()
	}
	s.turn.Unlock()
	if err != nil {
		return nil, err
	}
	folder = localPath(folder)
	lock, err := s.lock(ctx, folder, &LockOptions{LatestFilename: o.LatestFilename, Wait: o.Wait})
	if err != nil && !cannotWrite(err) {
		return nil, err
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.ready(sess); err != nil {
		return nil, err
	}
	if lock != nil {
		if err := s.beginIn(ctx, lock, folder); err != nil {
			return nil, err
		}
		defer lock.End()
	}
	return s.restoreNewest(ctx, sess, folder, o)
}

// restoreNewest restores the newest checkpoint of a folder that can be read.
func (s *Saver) restoreNewest(ctx context.Context, sess *tf.Session, folder string, o *ResumeOptions) (*Resumed, error) {
	r := &Resumed{}
	name := cmp.Or(o.LatestFilename, dir.DefaultLatestFilename)
	candidates, others, stateErr := s.candidates(ctx, folder, name)
	if len(candidates) == 0 {
		r.Fresh = stateErr == nil
		return r, stateErr
	}
	if err := newestIsKnown(candidates); err != nil {
		if stateErr != nil {
			err = errors.Join(err, stateErr)
		}
		return nil, err
	}
	for _, c := range candidates {
		if c.Version == 0 {
			r.Skipped = append(r.Skipped, addPlace("restore", c.Prefix, c.Err))
			continue
		}
		report, err := s.restoreAdapted(ctx, sess, c.Prefix, o)
		if err == nil {
			r.Path, r.Report = c.Prefix, report
			break
		}
		if ctx.Err() != nil || !isDamage(err) {
			return nil, wrap("restore", c.Prefix, err)
		}
		r.Skipped = append(r.Skipped, addPlace("restore", c.Prefix, err))
	}
	if r.Path == "" {
		return nil, noneIsWhole(r.Skipped, others, stateErr)
	}
	if stateErr != nil {
		r.Skipped = slices.Insert(r.Skipped, 0, addPlace("read", folder, stateErr))
	}
	if err := s.adopt(ctx, folder, name, candidates, r); err != nil {
		return nil, err
	}
	err := s.initializeRest(ctx, sess, r.Report, o)
	if err != nil {
		return nil, err
	}
	r.Step, err = s.step(ctx, sess, r.Path)
	return r, err
}

// newestIsKnown returns an error if no state file says which checkpoint is the newest, and the
// times of the files say another one than the steps. The times are those of a copy, or a clock
// was wrong, or the step was set back: nobody knows.
func newestIsKnown(candidates []dir.Checkpoint) error {
	if slices.ContainsFunc(candidates, func(c dir.Checkpoint) bool { return c.Listed }) {
		return nil
	}
	last := candidates[0]
	for _, c := range candidates {
		if c.Step > last.Step && last.Step >= 0 && nameWithoutStep(c.Prefix) == nameWithoutStep(last.Prefix) {
			return fault(tfkeep.ErrMismatch, "no state file says which checkpoint is the newest: %s was written last, and %s has a higher step; write the state file with dir.UpdateState, or remove the checkpoints that are not wanted", last.Prefix, c.Prefix)
		}
	}
	return nil
}

// noneIsWhole returns the error for a folder whose checkpoints are all damaged or gone.
// others are those of other names in the folder.
func noneIsWhole(skipped []*tfkeep.Error, others []dir.Checkpoint, stateErr error) error {
	const most = 5
	detail := fmt.Sprintf("no checkpoint of %d is whole; restore one from a backup, or start in another folder", len(skipped))
	if len(others) > 0 {
		var names []string
		for _, c := range others[:min(most, len(others))] {
			names = append(names, c.Prefix)
		}
		detail += fmt.Sprintf("; the folder has %d of other names, such as %s: Restore takes one by its path, and dir.Latest with LatestOptions.Verified finds the newest that is whole",
			len(others), strings.Join(names, ", "))
	}
	errs := []error{stateErr}
	for _, e := range skipped[:min(most, len(skipped))] {
		errs = append(errs, e)
	}
	return &tfkeep.Error{Detail: detail, Cause: errors.Join(errs...)}
}

// callerError is an error of a function among the options. Whatever its kind is, it does not
// say that the checkpoint is damaged, so that an older one would do.
type callerError struct{ error }

func (e *callerError) Unwrap() error { return e.error }

// isDamage reports whether a checkpoint can't be read, rather than not fit the graph.
func isDamage(err error) bool {
	var misfit *RestoreError
	var own *callerError
	if errors.As(err, &misfit) || errors.As(err, &own) {
		return false
	}
	return errors.Is(err, tfkeep.ErrCorrupt) || errors.Is(err, tfkeep.ErrNotFound) ||
		errors.Is(err, tfkeep.ErrUnsupported) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, status.DataLoss)
}

// candidates returns the checkpoints to try, newest first: those that the state file
// names, then the others in the folder, which are those kept for good. With a state file,
// only those others count that are called like the ones it names. Without one that has
// another name than usual, those do not count that the usual one names. If the state
// file is damaged, it returns the checkpoints of the folder and an error.
func (s *Saver) candidates(ctx context.Context, folder, name string) (list, others []dir.Checkpoint, _ error) {
	ctx = vfs.NewContext(ctx, s.fs)
	o := &dir.ListOptions{LatestFilename: name, PreferFolder: true}
	list, stateErr := dir.List(ctx, folder, o)
	if errors.Is(stateErr, tfkeep.ErrCorrupt) {
		o.IgnoreState = true
		var err error
		if list, err = dir.List(ctx, folder, o); err != nil {
			return nil, nil, err
		}
	}
	names := map[string]bool{}
	for _, c := range list {
		if c.Listed {
			names[nameWithoutStep(c.Prefix)] = true
		}
	}
	theirs := map[string]bool{}
	if len(names) == 0 && stateErr == nil && name != dir.DefaultLatestFilename {
		theirs = namesIn(ctx, folder)
	}
	list = slices.DeleteFunc(list, func(c dir.Checkpoint) bool {
		own := nameWithoutStep(c.Prefix)
		other := len(names) > 0 && !names[own]
		if other {
			others = append(others, c)
		}
		return other || theirs[own]
	})
	return list, others, stateErr
}

// namesIn returns the names of the checkpoints in the usual state file of a folder. For a
// training that has another state file, and has not saved yet, they are another training's.
func namesIn(ctx context.Context, folder string) map[string]bool {
	names := map[string]bool{}
	state, err := dir.ReadState(ctx, folder, nil)
	if err != nil {
		return names
	}
	for _, path := range append(state.AllModelCheckpointPaths, state.ModelCheckpointPath) {
		names[nameWithoutStep(path)] = true
	}
	return names
}

// nameWithoutStep returns "model" for "train/model-1000".
func nameWithoutStep(prefix string) string {
	name, _, _ := filenames.CutStep(filenames.Base(prefix))
	return name
}

// adopt continues the retention of the Saver that wrote the state file. Damaged
// checkpoints count as the oldest, and so are removed first. Checkpoints in other
// folders belong to other Savers, and are not removed; nor are files that only have a name in
// the state file and are no checkpoints.
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
		if c.Version == checkpoint.V1 && !journal.OnlyTables(s.fs, c.Prefix) {
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
	if !s.kept.keepsSome() {
		return nil
	}
	state, err := dir.ReadState(vfs.NewContext(ctx, s.fs), folder, &dir.StateOptions{LatestFilename: name})
	if err != nil || state.LastPreservedTimestamp <= 0 {
		return ctx.Err() // without a state file, there is nothing to continue
	}
	s.kept.continueKeeping(time.Unix(0, int64(state.LastPreservedTimestamp*1e9)), s.opts.now())
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
	if v := s.namedStep(); v != nil {
		return readStep(ctx, sess, v.Value())
	}
	if _, n, ok := filenames.CutStep(path); ok {
		return n, nil
	}
	return 0, nil
}

// namedStep returns the global step of a graph that does not have it in the collection, as
// train.FindGlobalStep finds it, or nil.
func (s *Saver) namedStep() *tf.Variable {
	if len(s.g.Collection(tf.GlobalStep)) > 0 {
		return nil
	}
	for _, v := range s.g.GlobalVariables() {
		if v.Name() == tf.GlobalStep {
			return v
		}
	}
	return nil
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
