package supervisor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/tf"
)

// StoppedError is the error of a training that ended because the context of [Run] was
// done. errors.Is finds the cause of that, such as context.Canceled.
type StoppedError struct {
	// Cause is the cause of the context.
	Cause error
	// Step is the last step that is known to be done.
	Step int64
	// Path is the checkpoint that has this step, or "" if it is not saved: for a worker, for
	// a training that does not save, or because of Err.
	Path string
	// Newest is the checkpoint that this run has saved or restored last, or "" if there is
	// none: the next run resumes from it.
	Newest string
	// Err is the error of the body or of the save that kept the step from being saved.
	Err error
	// notReady means that the context ended before the body was called, or during a recovery.
	notReady bool
}

// Error says what was saved.
func (e *StoppedError) Error() string {
	text := fmt.Sprintf("run training: %v at step %d", e.Cause, e.Step)
	switch {
	case e.Path != "":
		return text + "; saved " + e.Path
	case e.notReady && e.Step == 0 && e.Newest == "":
		text = fmt.Sprintf("run training: %v before the first step", e.Cause)
	case e.notReady:
		text += ", while the model was made ready; this step is not saved"
	default:
		text += "; this step is not saved"
	}
	if e.Newest != "" {
		text += ", the newest checkpoint is " + e.Newest
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause and the error that kept the step from being saved.
func (e *StoppedError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Cause}
	}
	return []error{e.Cause, e.Err}
}

// grace is the time between the end of the context of Run and the end of the training.
type grace struct {
	// body is the context of the body. It ends with the context of Run, but it has no
	// deadline: TensorFlow would stop a run in the middle of a step, and half a step must
	// not be saved.
	body context.Context
	// save is the context of saves. It ends when the grace period is over.
	save context.Context
	stop func()
}

// newGrace starts the grace period when ctx is done. When that is over, the runs of the
// session are ended.
func (s *supervisor) newGrace(ctx context.Context, sess *tf.Session) *grace {
	body, stopBody := context.WithCancelCause(context.WithoutCancel(ctx))
	save, stopSave := context.WithCancelCause(context.WithoutCancel(ctx))
	over, end := context.WithCancel(context.WithoutCancel(ctx)) // of the training
	var stopping sync.WaitGroup
	stopping.Go(func() {
		select {
		case <-over.Done():
			return
		case <-ctx.Done():
		}
		stopBody(context.Cause(ctx))
		if s.GracePeriod < 0 {
			stopSave(context.Cause(ctx))
		} else {
			s.emit(Event{Kind: Stopping, Err: context.Cause(ctx), Pause: s.GracePeriod})
			select {
			case <-over.Done():
				return
			case <-time.After(s.GracePeriod):
				stopSave(errGraceOver)
			}
		}
		_ = sess.Interrupt(over)
		select {
		case <-over.Done():
		case <-time.After(overdueAfter):
			s.emit(Event{Kind: Overdue, Err: context.Cause(ctx), Pause: overdueAfter})
		}
	})
	return &grace{body: body, save: save, stop: func() {
		end()
		stopBody(errOver)
		stopSave(errOver)
		stopping.Wait() // no event comes after the end of Run
	}}
}

// overdueAfter is how long a body may take to return once its runs were ended.
const overdueAfter = time.Second

var (
	errGraceOver = errors.New("the grace period is over")
	// errOver is the error of a Running that is used too late.
	errOver = &tfkeep.Error{Op: "run training", Err: tfkeep.ErrClosed, Detail: "the body has returned, and its Running must not be used any more"}
)

// stopped ends a training whose context is done. err is the error of the body. It saves the
// last step, unless the body failed for a reason of its own or the grace period is over.
func (s *supervisor) stopped(ctx context.Context, r *Running, g *grace, err error) error {
	cause := context.Cause(ctx)
	err = besides(err, cause)
	switch {
	case err != nil:
		err = errors.Join(err, r.waitForSave(g.save))
	case g.save.Err() == nil:
		err = r.saveAtEnd(g.save)
	}
	if g.save.Err() != nil && s.GracePeriod > 0 {
		err = errGraceOver
	}
	stopped := &StoppedError{Cause: cause, Err: err}
	stopped.Step, _ = r.lastStep()
	last := s.lastSave.get()
	stopped.Newest = last.path
	if err == nil && last.exists && last.step == stopped.Step {
		stopped.Path = last.path
	}
	return stopped
}

// stoppedUnready ends a training whose context is done before the model is ready, or is ready
// again. err is the error of the last attempt.
func (s *supervisor) stoppedUnready(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	return &StoppedError{Cause: cause, Step: s.lastDone, Newest: s.lastSave.get().path, Err: besides(err, cause), notReady: true}
}

// besides returns err, or nil if the end of the context is all that it says.
func besides(err, cause error) error {
	if errors.Is(err, cause) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
