package supervisor

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Run opens a session on g, makes the model ready and calls body. The chief
// restores the newest whole checkpoint of Options.Dir, or initializes the model if
// there is none; workers wait until it has. The chief also takes the lock of Options.Dir, so
// that a second process is refused at the start; close the Saver to release it. When a
// server is lost, Run opens another
// session, makes the model ready again, and calls body again, which continues from
// Running.Step.
//
// The error that body returns decides whether it is a loss: see [Recoverable]. The
// error may be wrapped. Run returns nil when body does, and returns any other error
// unchanged at once. When the training makes no progress for
// Options.RecoveryTimeout, the error is an [*OutageError] that names the tasks that
// are gone. Progress is a call of Running.StepDone, a higher step to continue from,
// or a body that has run for longer than RecoveryTimeout.
//
// When ctx is done, its deadline included, the training ends as it should: the context of
// the body is canceled, StepDone returns its error, the chief saves the last step, and Run
// returns a [*StoppedError] that says what was saved. All of it may take
// Options.GracePeriod. Then, or at once if the model is not ready yet, Run ends the runs
// under way with [tf.Session.Interrupt]. If the master does not answer, that takes
// OperationTimeout. To stop at SIGTERM, and at a second one at once:
//
//	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
//	context.AfterFunc(ctx, stop)
//
// Without a Session.Target everything happens in this process, where nothing is
// ever lost: Run then resumes, calls body, and saves.
//
// sv is the Saver of g's variables; it may be nil if Options.Dir is "". body must not
// use the session after it has returned.
func Run(ctx context.Context, g *tf.Graph, sv *saver.Saver, o *Options, body func(ctx context.Context, r *Running) error) error {
	if ctx == nil {
		return argcheck.Nil("run training", "", "context")
	}
	options, err := o.resolve(g, sv)
	if err != nil {
		return err
	}
	if body == nil {
		return invalid("the body is nil")
	}
	s := &supervisor{Options: options, g: g, sv: sv, body: body}
	s.findTasks()
	if options.Session.Target != "" && !options.Session.Isolate && !options.NoMark {
		if s.marks, err = newMarks(g, !options.Worker); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return s.stoppedUnready(ctx, nil)
	}
	defer func() {
		if s.leave != nil {
			s.leave()
		}
	}()
	if s.saves() {
		if err := s.enter(ctx); err != nil {
			return err
		}
	}
	if err := s.prepareDir(ctx); err != nil {
		if ctx.Err() != nil && errors.Is(err, tfkeep.ErrLocked) {
			return &StoppedError{Cause: context.Cause(ctx), Err: err, notReady: true}
		}
		if ctx.Err() != nil {
			return s.stoppedUnready(ctx, err)
		}
		return err
	}
	defer s.waitClosed(ctx)
	return s.run(ctx)
}

// supervisor is one call of Run.
type supervisor struct {
	Options
	g      *tf.Graph
	sv     *saver.Saver
	body   func(context.Context, *Running) error
	tasks  []Task // the tasks of Options.Cluster that a session needs
	master Task
	marks  *marks // nil if there are none
	// generation is the number on the marks, trained the one with which the body was
	// called.
	generation, trained int64
	calls               int
	maxStep             int64 // the highest step at which the body was called
	lastStep            int64 // the step to stop at; 0 means none
	outage              outage
	lastDone            int64        // the last step of the last call of the body
	lastCounted         bool         // whether there is a number for it
	changes             atomic.Int64 // how often StepDone or Final changed the values
	lastSave            lastSave
	leave               func() // set by enter; guarded by Running.saving once the body runs
	closing             sync.WaitGroup
	events              sync.Mutex // held while OnEvent runs
}

// outage is a time without progress.
type outage struct {
	start    time.Time
	attempts int
	tasks    []Task // the tasks that an error named last
	cause    error  // the error of the body
}

// findTasks sets tasks and master.
func (s *supervisor) findTasks() {
	s.master = Task{Address: strings.TrimPrefix(s.Session.Target, "grpc://")}
	for task, addr := range s.Cluster.Tasks() {
		t := Task{Task: task, Address: addr}
		if addr == s.master.Address {
			s.master = t
		}
		s.tasks = append(s.tasks, t)
	}
	s.tasks = neededTasks(s.tasks, s.Session.DeviceFilters, s.master.Address)
}

func (s *supervisor) run(ctx context.Context) error {
	s.outage = outage{start: time.Now()}
	var stopped *StoppedError
	for {
		err := s.runOnce(ctx)
		switch {
		case err == nil:
			return nil
		case errors.As(err, &stopped):
			return err
		case ctx.Err() != nil:
			return s.stoppedUnready(ctx, err)
		case !s.recoverable(err):
			return unwrapFinal(err)
		}
		if err := s.pause(ctx, err); err != nil {
			return err
		}
	}
}

// runOnce makes the model ready and calls the body.
func (s *supervisor) runOnce(ctx context.Context) error {
	s.outage.attempts++
	untimed, done := withoutDeadline(ctx)
	defer done()
	r, err := s.attempt(untimed)
	if err != nil {
		return err
	}
	defer s.discard(r.Session)
	g := s.newGrace(ctx, r.Session)
	defer g.stop()
	r.grace = g
	defer r.close()
	// If the body panics, a save that it began before has the values of a whole step.
	defer func() { _ = r.waitForSave(g.save) }()
	// The first call of the body ends the start, and a higher step ends an outage.
	r.progressed = s.calls == 0 || r.Step > s.maxStep
	s.maxStep = max(s.maxStep, r.Step)
	s.calls++
	s.trained = s.generation
	s.emit(Event{Kind: Ready, Step: r.Step, Calls: s.calls, Attempts: s.outage.attempts, Took: time.Since(s.outage.start)})
	start := time.Now()
	err = s.body(g.body, r)
	if err == nil && ctx.Err() == nil {
		if err = r.finish(g); err == nil {
			return nil
		}
	}
	s.lastDone, s.lastCounted = r.lastStep()
	if ctx.Err() != nil {
		return s.stopped(ctx, r, g, err)
	}
	if saveErr := r.waitForSave(g.save); saveErr != nil {
		err = errors.Join(err, saveErr)
	}
	if !s.recoverable(err) {
		return err
	}
	tasks := s.tasksNamedIn(err)
	if r.hasProgressed() || s.RecoveryTimeout > 0 && time.Since(start) > s.RecoveryTimeout {
		s.outage = outage{start: time.Now()}
	}
	s.outage.cause = err
	s.rememberTasks(tasks)
	s.emit(Event{Kind: Lost, Err: err, Tasks: tasks})
	return err
}

// withoutDeadline returns a context that ends when ctx does and has no deadline. TensorFlow
// ends a run a moment before a deadline that it knows of, when ctx has not ended yet and the
// error looks like one of the run itself.
func withoutDeadline(ctx context.Context) (context.Context, func()) {
	untimed, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return untimed, func() {
		stop()
		cancel(context.Canceled)
	}
}

// setLastStep sets the step to stop at when the training starts at a step.
func (s *supervisor) setLastStep(start int64) {
	switch {
	case s.LastStep > 0:
		s.lastStep = s.LastStep
	case s.Steps > 0 && s.calls == 0:
		s.lastStep = start + s.Steps
	}
}

// pause waits before the next attempt, unless the outage has lasted too long.
func (s *supervisor) pause(ctx context.Context, err error) error {
	var gone *unreachableError
	if errors.As(err, &gone) {
		s.rememberTasks(gone.tasks)
	} else {
		s.rememberTasks(s.tasksNamedIn(err))
	}
	lasted := time.Since(s.outage.start)
	wait := pauseAfter(s.outage.attempts, s.MinPause, s.MaxPause)
	if left := s.RecoveryTimeout - lasted; s.RecoveryTimeout > 0 {
		if left <= 0 {
			return s.outageError(lasted, err)
		}
		wait = min(wait, left)
	}
	// Without an attempt, the error is the body's, which a Lost event has reported.
	if s.outage.attempts > 0 {
		s.emit(Event{Kind: Retrying, Err: err, Tasks: s.outage.tasks, Attempts: s.outage.attempts, Took: lasted, Pause: wait})
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return s.stoppedUnready(ctx, err)
	case <-timer.C:
		return nil
	}
}

// pauseAfter returns the pause after a number of attempts: a random time between
// half and all of first doubled that often, at most longest.
func pauseAfter(attempts int, first, longest time.Duration) time.Duration {
	wait := first
	for range attempts {
		if wait >= longest/2 {
			wait = longest
			break
		}
		wait *= 2
	}
	return wait/2 + rand.N(wait/2+1)
}

// outageError returns the error with which Run gives up.
func (s *supervisor) outageError(lasted time.Duration, err error) error {
	e := &OutageError{
		For: lasted, Attempts: s.outage.attempts, Err: err, Tasks: s.outage.tasks,
		operationTimeout: s.OperationTimeout,
	}
	var gone *unreachableError
	var waiting *notReadyError
	switch {
	case errors.As(err, &waiting):
		e.Kind, e.Tasks = ErrNotReady, nil
	case errors.As(err, &gone):
		e.Kind, e.Tasks = ErrUnreachable, gone.tasks
	case len(s.tasks) > 0 && s.outage.cause != nil && errors.Is(err, s.outage.cause):
		e.Kind, e.Tasks = ErrNoProgress, nil // the tasks answered, and the body was called
	default:
		e.Kind, e.tasksAnswer = ErrUnreachable, len(s.tasks) > 0
	}
	return e
}

// tasksNamedIn returns the tasks that an error reports as gone, with their addresses.
func (s *supervisor) tasksNamedIn(err error) []Task {
	tasks := tasksIn(err, s.master)
	for i, t := range tasks {
		if addr, err := s.Cluster.Address(t.Task); t.Job != "" && err == nil {
			tasks[i].Address = addr
		}
	}
	return tasks
}

// rememberTasks keeps the tasks that were named last, because later errors often
// name none.
func (s *supervisor) rememberTasks(tasks []Task) {
	if len(tasks) > 0 {
		s.outage.tasks = tasks
	}
}

func (s *supervisor) emit(e Event) {
	if s.OnEvent == nil {
		return
	}
	s.events.Lock()
	defer s.events.Unlock()
	s.OnEvent(e)
}

// recoverable reports whether another attempt may cure an error of the body or of an
// attempt. Nothing is lost in a local session, so there such errors mean something
// else.
func (s *supervisor) recoverable(err error) bool {
	var final *finalError
	if s.Session.Target == "" || errors.As(err, &final) {
		return false
	}
	var gone *unreachableError
	var waiting *notReadyError
	return errors.As(err, &gone) || errors.As(err, &waiting) || Recoverable(err)
}

// finalError is an error that no attempt can cure, whatever its kind.
type finalError struct{ error }

func (f *finalError) Unwrap() error { return f.error }

// unwrapFinal returns the error that the body returned.
func unwrapFinal(err error) error {
	var final *finalError
	if errors.As(err, &final) {
		return final.error
	}
	return err
}

// interruptOn ends the runs of a session when ctx is done, until stop is called.
func interruptOn(ctx context.Context, sess *tf.Session) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = sess.Interrupt(context.WithoutCancel(ctx)) })
}

// discard closes a session in the background: while a server is gone, closing takes
// up to OperationTimeout.
func (s *supervisor) discard(sess *tf.Session) {
	s.closing.Go(func() { _ = sess.Close() })
}

// closeTimeout bounds the wait at the end for sessions to close; canceledTimeout
// bounds it when the context is done.
const (
	closeTimeout    = 5 * time.Second
	canceledTimeout = 200 * time.Millisecond
)

// waitClosed waits for the sessions that are being closed, for a limited time.
func (s *supervisor) waitClosed(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		s.closing.Wait()
		close(done)
	}()
	limit := closeTimeout
	if ctx.Err() != nil {
		limit = canceledTimeout
	}
	select {
	case <-done:
	case <-time.After(limit):
	}
}
