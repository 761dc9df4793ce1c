package supervisor

import (
	"context"
	"sync"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Running is a training whose model is ready, as the body of [Run] gets it. Its
// methods may be called from several goroutines, but not from Options.OnEvent. When the body has
// returned, and Run is done with the session, StepDone and Save return tfkeep.ErrClosed.
type Running struct {
	// Session runs the graph. Run closes it.
	Session *tf.Session
	// Step is the global step to continue from: the value of the graph's global step. If
	// the graph has none, it is the number of the checkpoint that was restored, or 0.
	Step int64
	// Fresh means that there was no checkpoint, and that the chief initialized the model. A
	// worker does not know that: there it is false.
	Fresh bool
	// Resumed is what the chief restored; Resumed.Fresh is true if it initialized
	// the model. It is nil for workers, and if the servers still held the model.
	Resumed *saver.Resumed

	s          *supervisor
	start      int64      // Step as Run set it
	saving     sync.Mutex // held while a save is begun or made, so that StepDone begins one at a time
	mu         sync.Mutex // guards the fields below
	done       int64      // the last step that StepDone was called with
	counted    bool       // done is a number, and not 0 because there is none
	compared   bool       // the first step was compared with the graph's
	progressed bool
	pending    *pendingSave // nil if no save is under way
	over       bool         // the body has returned, and Run is done with its session
	grace      *grace
}

// checkOpen returns tfkeep.ErrClosed if the call of the body that got r is over.
func (r *Running) checkOpen(op string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		return nil
	}
	return &tfkeep.Error{Op: op, Item: "training", Err: tfkeep.ErrClosed, Detail: "the call of the body that got this Running is over"}
}

func (r *Running) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
}

// ShouldStop reports whether the body should return: the context of Run is done, or
// StepDone was called with the last step (Options.LastStep, Options.Steps). A loop over
// steps begins with it.
func (r *Running) ShouldStop() bool {
	done, _ := r.lastStep()
	return r.grace.body.Err() != nil || r.s.lastStep > 0 && done >= r.s.lastStep
}

// lastStep returns the last step that is done, and whether there is a number for it.
func (r *Running) lastStep() (step int64, counted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done, r.counted
}

func (r *Running) hasProgressed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.progressed
}

// StepDone records progress: step is the global step now. If a save is due, the
// chief saves. Return the error of StepDone from the body. It is that of the context
// once the context of Run is done; Run then saves.
//
// If the graph has a global step, step is its value, not the number of an epoch: a training
// that resumes continues from that value. If the graph has counted fewer steps, or the body
// does not count from Running.Step, StepDone returns tfkeep.ErrArgument.
func (r *Running) StepDone(ctx context.Context, step int64) error {
	if r == nil || r.s == nil {
		return argcheck.Nil("record progress", "", "Running")
	}
	if ctx == nil {
		return argcheck.Nil("record progress", "", "context")
	}
	if err := r.checkOpen("record progress"); err != nil {
		return err
	}
	r.mu.Lock()
	r.done, r.counted, r.progressed = step, true, true
	first := !r.compared
	r.compared = true
	r.mu.Unlock()
	r.s.changes.Add(1)
	if r.grace.body.Err() != nil {
		return context.Cause(r.grace.body)
	}
	if first {
		if err := r.compareStep(ctx, step); err != nil {
			return err
		}
	}
	return r.saveIfDue(ctx, step)
}

// compareStep returns an error if the graph's global step is less than step: a training that
// resumes would begin there. It may be more, because others count too.
func (r *Running) compareStep(ctx context.Context, step int64) error {
	if !r.s.saves() {
		return nil
	}
	now, counted, err := r.s.readStep(ctx, r.Session, nil)
	if err == nil && counted && step < r.start && r.start <= now {
		return invalid("StepDone was called with step %d, but the training continues from step %d and the global step in the graph is %d: count from Running.Step",
			step, r.start, now)
	}
	if err != nil || !counted || now >= step {
		return err
	}
	return invalid("StepDone was called with step %d, but the global step in the graph is %d, from which a resumed training would continue: let the training operation count (train.MinimizeOptions.GlobalStep), and count from Running.Step",
		step, now)
}
