package supervisor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Run opens a session on g, makes the model ready and calls body. The chief
// restores the newest whole checkpoint of Options.Dir, or else initializes;
// workers wait until it has. When a server is lost, Run opens another session,
// makes the model ready again, and calls body again, which goes on from
// Running.Step.
//
// What counts as a loss is the error that body returns: see [Recoverable]; it
// may be wrapped. Run returns nil when body does, and any other error as it is,
// at once. When the training makes no progress for Options.RecoveryTimeout, the
// error is an [*OutageError] that names the tasks that are gone. Progress is a
// call of Running.StepDone, a higher step to go on from, or a body that has run
// for longer than RecoveryTimeout.
//
// When ctx is done, runs under way are ended with [tf.Session.Interrupt] and the
// error is ctx's. Where the master does not answer, that takes OperationTimeout.
//
// Without a Session.Target all of it happens in this process, where nothing is
// ever lost: Run then resumes, calls body, and saves.
//
// sv is the Saver of g's variables; it may be nil where Dir is "". body must not
// use the session after it has returned.
func Run(ctx context.Context, g *tf.Graph, sv *saver.Saver, o *Options, body func(ctx context.Context, r *Running) error) error {
	options, err := o.settle(g, sv)
	if err != nil {
		return err
	}
	if body == nil {
		return fmt.Errorf("%w: the body is nil", ErrArgument)
	}
	s := &supervisor{Options: options, g: g, sv: sv, body: body}
	s.master = Task{Address: strings.TrimPrefix(options.Session.Target, "grpc://")}
	for _, job := range options.Cluster.Jobs() {
		for _, i := range options.Cluster.TaskIndices(job) {
			addr, err := options.Cluster.TaskAddress(job, i)
			if err != nil {
				return err
			}
			t := Task{Job: job, Index: i, Address: addr}
			if addr == s.master.Address {
				s.master = t
			}
			s.tasks = append(s.tasks, t)
		}
	}
	s.tasks = needed(s.tasks, options.Session.DeviceFilters, s.master.Address)
	if options.Session.Target != "" && !options.Session.Isolate && !options.NoMark {
		if s.marks, err = newMarks(g, !options.Worker); err != nil {
			return err
		}
	}
	defer s.closed(ctx)
	return s.run(ctx)
}

// supervisor is one call of Run.
type supervisor struct {
	Options
	g      *tf.Graph
	sv     *saver.Saver
	body   func(context.Context, *Running) error
	tasks  []Task // that a session needs, of Options.Cluster
	master Task
	marks  *marks // nil where there are none
	// generation is the number that the marks were found with or set to, trained
	// the one with which the body was called.
	generation, trained int64
	calls               int
	furthest            int64 // the highest step at which the body began
	outage              outage
	saved               lastSaved
	closing             sync.WaitGroup
}

// outage is a time without progress.
type outage struct {
	since    time.Time // zero while there is none
	attempts int
	tasks    []Task // the last that an error named
	cause    error  // what the body returned
}

func (s *supervisor) run(ctx context.Context) error {
	s.outage = outage{since: time.Now()}
	for {
		err := s.once(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return cancelled(ctx, err)
		case !s.recoverable(err):
			return unwrapped(err)
		}
		if err := s.pause(ctx, err); err != nil {
			return err
		}
	}
}

// once makes the model ready and calls the body.
func (s *supervisor) once(ctx context.Context) error {
	s.outage.attempts++
	r, err := s.attempt(ctx)
	if err != nil {
		return err
	}
	defer s.discard(r.Session)
	stop := interruptOn(ctx, r.Session)
	defer stop()
	// The first call ends the start, and a step beyond the last one, an outage.
	r.moved = s.calls == 0 || r.Step > s.furthest
	s.furthest = max(s.furthest, r.Step)
	s.calls++
	s.trained = s.generation
	s.event(Ready{Step: r.Step, Calls: s.calls, Attempts: s.outage.attempts, After: time.Since(s.outage.since)})
	began := time.Now()
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	err = s.body(inner, r)
	if err == nil {
		err = r.lastSave(inner)
	}
	if err == nil || ctx.Err() != nil || !s.recoverable(err) {
		return err
	}
	lost := Lost{Err: err, Tasks: s.name(err)}
	if r.progressed() || s.RecoveryTimeout > 0 && time.Since(began) > s.RecoveryTimeout {
		s.outage = outage{since: time.Now()}
	}
	s.outage.cause = err
	s.note(lost.Tasks)
	s.event(lost)
	return err
}

// pause waits before the next attempt, unless the outage has lasted too long.
func (s *supervisor) pause(ctx context.Context, err error) error {
	var gone *unreached
	if errors.As(err, &gone) {
		s.note(gone.tasks)
	} else {
		s.note(s.name(err))
	}
	lasted := time.Since(s.outage.since)
	wait := s.Backoff.after(s.outage.attempts)
	if left := s.RecoveryTimeout - lasted; s.RecoveryTimeout > 0 {
		if left <= 0 {
			return s.giveUp(lasted, err)
		}
		wait = min(wait, left)
	}
	if !s.outage.fresh() {
		s.event(Retrying{Err: err, Tasks: s.outage.tasks, Attempts: s.outage.attempts, For: lasted, Pause: wait})
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return cancelled(ctx, err)
	case <-timer.C:
		return nil
	}
}

// fresh: the error was the body's, and nothing was tried since.
func (o *outage) fresh() bool { return o.attempts == 0 }

// after is the pause after so many attempts: between half and all of the doubled
// one.
func (b Backoff) after(attempts int) time.Duration {
	wait := b.First
	for range attempts {
		if wait >= b.Most/2 {
			wait = b.Most
			break
		}
		wait *= 2
	}
	return wait/2 + rand.N(wait/2+1)
}

func (s *supervisor) giveUp(lasted time.Duration, err error) error {
	e := &OutageError{
		For: lasted, Attempts: s.outage.attempts, Err: err, Tasks: s.outage.tasks,
		operationTimeout: s.OperationTimeout,
	}
	var gone *unreached
	var waiting *notReady
	switch {
	case errors.As(err, &waiting):
		e.Kind, e.Tasks = ErrNotReady, nil
	case errors.As(err, &gone):
		e.Kind, e.Tasks = ErrUnreachable, gone.tasks
	case len(s.tasks) > 0 && s.outage.cause != nil && errors.Is(err, s.outage.cause):
		e.Kind, e.Tasks = ErrNoProgress, nil // they were asked, and the body was called
	default:
		e.Kind, e.asked = ErrUnreachable, len(s.tasks) > 0
	}
	return e
}

// name finds the tasks that an error says are gone, with their addresses.
func (s *supervisor) name(err error) []Task {
	tasks := tasksIn(err, s.master)
	for i, t := range tasks {
		if addr, err := s.Cluster.TaskAddress(t.Job, t.Index); t.Job != "" && err == nil {
			tasks[i].Address = addr
		}
	}
	return tasks
}

// note keeps the tasks that were named last: later errors often name none.
func (s *supervisor) note(tasks []Task) {
	if len(tasks) > 0 {
		s.outage.tasks = tasks
	}
}

func (s *supervisor) event(e Event) {
	if s.OnEvent != nil {
		s.OnEvent(e)
	}
}

// recoverable is Recoverable, and the errors of attempts besides. In this process
// nothing is lost, and an error of those kinds means something else.
func (s *supervisor) recoverable(err error) bool {
	var over *final
	if s.Session.Target == "" || errors.As(err, &over) {
		return false
	}
	var gone *unreached
	var waiting *notReady
	return errors.As(err, &gone) || errors.As(err, &waiting) || Recoverable(err)
}

// final is an error that is not to be recovered from, whatever its kind.
type final struct{ error }

func (f *final) Unwrap() error { return f.error }

// unwrapped is what the body has returned.
func unwrapped(err error) error {
	var over *final
	if errors.As(err, &over) {
		return over.error
	}
	return err
}

// cancelled is the error of a context that is done, with what it has ended.
func cancelled(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("supervisor: %w; %w", cause, err)
}

// interruptOn ends the runs of a session when ctx is done, until stop.
func interruptOn(ctx context.Context, sess *tf.Session) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = sess.Interrupt() })
}

// discard closes a session in the background: while a server is gone, that takes
// up to OperationTimeout.
func (s *supervisor) discard(sess *tf.Session) {
	s.closing.Go(func() { _ = sess.Close() })
}

// closeTimeout bounds the wait for sessions to close at the end, stopTimeout that
// of a context that is done.
const (
	closeTimeout = 5 * time.Second
	stopTimeout  = 200 * time.Millisecond
)

// closed waits for sessions that are being closed, for a while.
func (s *supervisor) closed(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		s.closing.Wait()
		close(done)
	}()
	limit := closeTimeout
	if ctx.Err() != nil {
		limit = stopTimeout
	}
	select {
	case <-done:
	case <-time.After(limit):
	}
}
