package supervisor

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Running is a training whose model is ready, as the body of [Run] gets it. Its
// methods may be called from several goroutines, but not from Options.OnEvent.
type Running struct {
	// Session runs the graph. Run closes it.
	Session *tf.Session
	// Step is the global step to continue from. It is -1 if the graph has no global
	// step and no checkpoint was restored.
	Step int64
	// Resumed is what the chief restored; Resumed.Fresh is true if it initialized
	// the model. It is nil for workers, and if the servers still held the model.
	Resumed *saver.Resumed

	s          *supervisor
	mu         sync.Mutex
	done       int64 // the last step that StepDone was called with
	progressed bool
}

// StepDone records progress: step is the global step now. If a save is due, the
// chief saves. Return the error of StepDone from the body.
func (r *Running) StepDone(ctx context.Context, step int64) error {
	r.mu.Lock()
	r.done, r.progressed = step, true
	r.mu.Unlock()
	s := r.s
	last := s.lastSave.get()
	due := s.SaveSteps > 0 && step-last.step >= s.SaveSteps ||
		s.SaveInterval > 0 && time.Since(last.time) >= s.SaveInterval
	if !due || s.Worker {
		return nil
	}
	_, err := r.Save(ctx)
	return err
}

// Save saves a checkpoint into Options.Dir and returns its prefix. The checkpoint
// gets the step that StepDone was last called with. Call Save between steps. Only
// the chief of a training with Options.Dir may save: tfkeep.ErrArgument otherwise.
func (r *Running) Save(ctx context.Context) (string, error) {
	s := r.s
	if s.Dir == "" || s.Worker {
		return "", invalid("only a chief with Options.Dir can save")
	}
	r.mu.Lock()
	step := r.done
	r.mu.Unlock()
	o := saver.SaveOptions{LatestFilename: s.LatestFilename}
	if step >= 0 {
		o.GlobalStep = saver.Step(step)
	}
	start := time.Now()
	path, err := s.sv.Save(tf.WithOperationTimeout(ctx, s.SaveTimeout), r.Session, filepath.Join(s.Dir, s.SaveName), &o)
	if err != nil {
		return "", err
	}
	s.lastSave.set(savePoint{step: step, time: time.Now(), exists: true})
	s.emit(Event{Kind: Saved, Step: step, Path: path, Took: time.Since(start)})
	return path, nil
}

// saveAtEnd saves the final state of a body that returned without an error, unless
// it is saved already.
func (r *Running) saveAtEnd(ctx context.Context) error {
	s := r.s
	if s.Worker || s.SaveSteps == 0 && s.SaveInterval == 0 {
		return nil
	}
	step, err := s.readStep(ctx, r.Session, nil)
	if err != nil {
		return err
	}
	r.mu.Lock()
	if step >= 0 {
		r.done = step
	}
	step = r.done
	r.mu.Unlock()
	if last := s.lastSave.get(); last.exists && step >= 0 && last.step == step {
		return nil
	}
	_, err = r.Save(ctx)
	return err
}

func (r *Running) hasProgressed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.progressed
}

// savePoint is the last save or, before the first one, the start.
type savePoint struct {
	step   int64
	time   time.Time
	exists bool // a checkpoint of that step exists
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
