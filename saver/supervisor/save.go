package supervisor

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/saver"
)

// Save saves a checkpoint into Options.Dir and returns its prefix. The checkpoint
// gets the number of the graph's global step or, without one, of the step that StepDone was
// last called with. Call Save between steps. Only
// the chief of a training with Options.Dir may save: tfkeep.ErrArgument otherwise.
// If the context of Run ends meanwhile, the save is finished within the grace period.
func (r *Running) Save(ctx context.Context) (string, error) {
	if r == nil || r.s == nil {
		return "", argcheck.Nil("save", "", "Running")
	}
	if ctx == nil {
		return "", argcheck.Nil("save", "", "context")
	}
	if err := r.checkOpen("save"); err != nil {
		return "", err
	}
	r.saving.Lock()
	defer r.saving.Unlock()
	if err := r.waitForSave(ctx); err != nil {
		return "", err
	}
	return r.saveNow(ctx)
}

func (r *Running) saveNow(ctx context.Context) (string, error) {
	s := r.s
	if s.Dir == "" || s.Worker {
		return "", invalid("only a chief with Options.Dir can save")
	}
	ctx, _, cancel := r.untilGraceEnds(ctx)
	defer cancel()
	if err := s.enter(ctx); err != nil { // a training that saves only when told to
		return "", err
	}
	save, err := r.newSave(ctx)
	if err != nil {
		return "", err
	}
	path, err := s.sv.Save(ctx, r.Session, save.prefix, &save.options)
	return path, save.done(path, err)
}

// untilGraceEnds returns ctx for a save. If ctx ends because that of Run does, the save
// goes on until the grace period is over. After detach, it also goes on if ctx ends.
func (r *Running) untilGraceEnds(ctx context.Context) (running context.Context, detach func(), cancel context.CancelFunc) {
	running, cancelCause := context.WithCancelCause(r.s.withSaveTimeout(context.WithoutCancel(ctx)))
	stopGrace := context.AfterFunc(r.grace.save, func() { cancelCause(context.Cause(r.grace.save)) })
	stopOwn := context.AfterFunc(ctx, func() {
		if r.grace.body.Err() == nil {
			cancelCause(context.Cause(ctx))
		}
	})
	return running, func() { stopOwn() }, func() {
		stopGrace()
		stopOwn()
		cancelCause(context.Canceled)
	}
}

// stepSave is one save.
type stepSave struct {
	s       *supervisor
	prefix  string
	options saver.SaveOptions
	step    int64 // that StepDone was last called with
	number  int64 // of the checkpoint
	changes int64 // supervisor.changes when the values were taken
	start   time.Time
}

// newSave names the checkpoint after the graph's global step, from which a training that
// resumes continues. Without one, the number is that of StepDone.
func (r *Running) newSave(ctx context.Context) (*stepSave, error) {
	s := r.s
	now, inGraph, err := s.readStep(ctx, r.Session, nil)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	step, counted := r.done, r.counted
	r.mu.Unlock()
	save := &stepSave{
		s: s, step: step, number: step, changes: s.changes.Load(), start: time.Now(),
		prefix:  filepath.Join(s.Dir, s.SaveName),
		options: saver.SaveOptions{LatestFilename: s.LatestFilename},
	}
	switch {
	case inGraph:
		save.number = now
		save.options.GlobalStep = saver.Step(now)
	case counted:
		save.options.GlobalStep = saver.Step(step)
	}
	return save, nil
}

// done reports how a save ended, and returns its error.
func (save *stepSave) done(path string, err error) error {
	if err != nil {
		save.s.emit(Event{Kind: SaveFailed, Step: save.number, Err: err})
		return err
	}
	save.s.lastSave.set(savePoint{step: save.step, changes: save.changes, time: time.Now(), exists: true, path: path})
	save.s.emit(Event{Kind: Saved, Step: save.number, Path: path, Took: time.Since(save.start)})
	return nil
}

// saveIfDue saves if a save is due after a step.
func (r *Running) saveIfDue(ctx context.Context, step int64) error {
	s := r.s
	if s.Worker {
		return nil
	}
	r.saving.Lock()
	defer r.saving.Unlock()
	if s.SaveAsync {
		if done, err := r.collectSave(); !done || err != nil {
			return err
		}
	}
	last := s.lastSave.get()
	if step < last.step {
		// The body has set the global step back. What was saved has another meaning now.
		last = savePoint{step: step, time: last.time, path: last.path}
		s.lastSave.set(last)
	}
	due := s.SaveSteps > 0 && step-last.step >= s.SaveSteps ||
		s.SaveInterval > 0 && time.Since(last.time) >= s.SaveInterval
	if !due {
		return nil
	}
	if s.SaveAsync {
		return r.beginSave(ctx)
	}
	_, err := r.saveNow(ctx)
	return r.tolerate(err, step)
}

// tolerate returns the error of a save, or nil if the training goes on in spite of it. The
// next save is then due as if this one had succeeded.
func (r *Running) tolerate(err error, step int64) error {
	if err == nil || !r.s.ContinueOnSaveError {
		return err
	}
	last := r.s.lastSave.get()
	r.s.lastSave.set(savePoint{step: step, time: time.Now(), path: last.path})
	return nil
}

// pendingSave is a save in the background.
type pendingSave struct {
	*stepSave
	pending *saver.Pending
	cancel  context.CancelFunc
}

// beginSave begins a save in the background.
func (r *Running) beginSave(ctx context.Context) error {
	ctx, detach, cancel := r.untilGraceEnds(ctx)
	save, err := r.newSave(ctx)
	if err != nil {
		cancel()
		return err
	}
	pending, err := r.s.sv.SaveAsync(ctx, r.Session, save.prefix, &save.options)
	if err != nil {
		cancel()
		return r.tolerate(save.done("", err), save.step)
	}
	detach()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending = &pendingSave{save, pending, cancel}
	return nil
}

// collectSave reports whether no save is under way any more, and returns the error of the
// one that has ended since.
func (r *Running) collectSave() (done bool, err error) {
	r.mu.Lock()
	p := r.pending
	r.mu.Unlock()
	if p == nil {
		return true, nil
	}
	select {
	case <-p.pending.Done():
		return true, r.tolerate(r.waitForSave(context.Background()), p.step)
	default:
		return false, nil
	}
}

// waitForSave waits for the save in the background and returns its error. If ctx ends first,
// the save goes on. When the grace period is over, the save is being ended.
func (r *Running) waitForSave(ctx context.Context) error {
	r.mu.Lock()
	p := r.pending
	r.mu.Unlock()
	if p == nil {
		return nil
	}
	select {
	case <-p.pending.Done():
	case <-ctx.Done():
		if r.grace.save.Err() == nil {
			return context.Cause(ctx)
		}
		select {
		case <-p.pending.Done():
		case <-time.After(closeTimeout): // a disk that does not answer
		}
	}
	r.mu.Lock()
	mine := r.pending == p
	if mine {
		r.pending = nil
	}
	r.mu.Unlock()
	if !mine { // another call has reported it
		return nil
	}
	defer p.cancel()
	return p.done(p.pending.Wait(r.grace.save))
}

// finish ends a training whose body has returned without an error.
func (r *Running) finish(g *grace) error {
	if !r.s.Worker {
		if err := runOps(g.body, r.Session, r.s.Final); err != nil {
			return err
		}
		if len(r.s.Final) > 0 {
			r.s.changes.Add(1) // the checkpoint of this step, if there is one, has other values
		}
	}
	return r.saveAtEnd(g.save)
}

// saveAtEnd saves the final state, unless it is saved already.
func (r *Running) saveAtEnd(ctx context.Context) error {
	s := r.s
	if !s.saves() {
		return nil
	}
	r.saving.Lock()
	defer r.saving.Unlock()
	// If the save in the background has failed, the last one may still succeed.
	_ = r.waitForSave(ctx)
	step, counted, err := s.readStep(ctx, r.Session, nil)
	if err != nil {
		return err
	}
	r.mu.Lock()
	if counted {
		r.done, r.counted = step, true
	}
	step, counted = r.done, r.counted
	r.mu.Unlock()
	if last := s.lastSave.get(); last.exists && counted && last.step == step && last.changes == s.changes.Load() {
		return nil
	}
	_, err = r.saveNow(ctx)
	return err
}

// savePoint is the last save or, before the first one, the start.
type savePoint struct {
	step    int64
	changes int64 // supervisor.changes then
	time    time.Time
	exists  bool // a checkpoint of that step exists
	path    string
}

// lastSave guards the last savePoint for callers on several goroutines.
type lastSave struct {
	mu    sync.Mutex
	point savePoint
}

func (l *lastSave) get() savePoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.point
}

func (l *lastSave) set(p savePoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.point = p
}
