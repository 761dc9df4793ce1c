package supervisor

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Running is what a body gets: a session in which the model is ready.
type Running struct {
	// Session runs the graph. Run closes it.
	Session *tf.Session
	// Step is the global step to go on from; -1 where the graph has none and no
	// checkpoint was restored.
	Step int64
	// Resumed is what the chief restored, Fresh if it initialized. It is nil for
	// workers, and where the servers still held the model.
	Resumed *saver.Resumed

	s     *supervisor
	mu    sync.Mutex
	done  int64 // the last step told to StepDone
	moved bool  // there was progress
}

// saves is the last save or, before the first, the start.
type saves struct {
	step int64
	time time.Time
	any  bool // there is a checkpoint of that step
}

// StepDone says that step is done: it is the global step now. The training makes
// progress then, and the chief saves if a save is due. Return its error from the
// body.
func (r *Running) StepDone(ctx context.Context, step int64) error {
	r.mu.Lock()
	r.done, r.moved = step, true
	r.mu.Unlock()
	s := r.s
	last := s.saved.get()
	due := s.SaveSteps > 0 && step-last.step >= s.SaveSteps ||
		s.SaveInterval > 0 && time.Since(last.time) >= s.SaveInterval
	if !due || s.Worker {
		return nil
	}
	_, err := r.Save(ctx)
	return err
}

// Save saves a checkpoint into Options.Dir and returns its path. Its step is the
// one that StepDone was told last. Call it between steps. Only the chief of a
// training with Dir may.
func (r *Running) Save(ctx context.Context) (string, error) {
	s := r.s
	if s.Dir == "" || s.Worker {
		return "", fmt.Errorf("%w: only a chief with Options.Dir saves", ErrArgument)
	}
	r.mu.Lock()
	step := r.done
	r.mu.Unlock()
	o := saver.SaveOptions{LatestFilename: s.LatestFilename}
	if step >= 0 {
		o.GlobalStep = step
	}
	began := time.Now()
	path, err := s.sv.Save(tf.WithOperationTimeout(ctx, s.SaveTimeout), r.Session, filepath.Join(s.Dir, s.SaveName), &o)
	if err != nil {
		return "", err
	}
	s.saved.set(saves{step: step, time: time.Now(), any: true})
	s.event(Saved{Path: path, Took: time.Since(began)})
	return path, nil
}

// lastSave saves what the body has left when it ended.
func (r *Running) lastSave(ctx context.Context) error {
	s := r.s
	if s.Worker || s.SaveSteps == 0 && s.SaveInterval == 0 {
		return nil
	}
	step, err := s.step(ctx, r.Session, nil)
	if err != nil {
		return err
	}
	r.mu.Lock()
	if step >= 0 {
		r.done = step
	}
	step = r.done
	r.mu.Unlock()
	if last := s.saved.get(); last.any && step >= 0 && last.step == step {
		return nil
	}
	_, err = r.Save(ctx)
	return err
}

func (r *Running) progressed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.moved
}

// lastSaved is the last save, for many goroutines.
type lastSaved struct {
	mu   sync.Mutex
	last saves
}

func (l *lastSaved) get() saves {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func (l *lastSaved) set(s saves) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = s
}
