package tf

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/status"
)

// connection is a session's connection to its server.
//
// TensorFlow connects in the first run and waits there for every server of the cluster
// that the device filters let through. No time limit but the session's ends this wait,
// and not even that if the master is in this process and called directly
// (local_master.cc). So the first run is preceded by a step without targets, in a
// goroutine of its own: a context and the limit can then end the wait, and leave the
// goroutine behind.
type connection struct {
	up atomic.Bool // checked first in every run

	mu      sync.Mutex
	attempt *attempt      // the active one, or nil
	stopped chan struct{} // closed by Interrupt and Close: no more attempts
	why     error         // the error of later runs
}

type attempt struct {
	done chan struct{}
	err  error
}

func newConnection() *connection { return &connection{stopped: make(chan struct{})} }

// connect waits until the session is connected to its server. If ctx is done first, or
// the session is interrupted, the attempt goes on in the background.
func (s *Session) connect(ctx context.Context) error {
	if s.remote == nil || s.remote.up.Load() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	a, err := s.startAttempt()
	if err != nil {
		return err
	}
	limit, stop := s.limitTimer()
	defer stop()
	select {
	case <-a.done:
		return a.err
	case <-s.remote.stopped:
		return s.remote.why
	case <-ctx.Done():
		return s.notConnected(ctx.Err())
	case <-limit:
		return s.notConnected(context.DeadlineExceeded)
	}
}

// grace is the time that TensorFlow has to end a call by itself after its time limit.
const grace = 250 * time.Millisecond

// limitTimer returns a channel that receives when the session's time limit should have
// ended a call.
func (s *Session) limitTimer() (at <-chan time.Time, stop func()) {
	if s.limit <= 0 {
		return nil, func() {}
	}
	timer := time.NewTimer(s.limit + grace)
	return timer.C, func() { timer.Stop() }
}

// closeRemote closes a session on a cluster within the session's time limit.
func (s *Session) closeRemote() error {
	closed := make(chan error, 1)
	go func() { closed <- capi.CloseSession(s.session) }()
	limit, stop := s.limitTimer()
	defer stop()
	select {
	case err := <-closed:
		return err
	case <-limit:
		return status.Errorf(status.DeadlineExceeded, "a server behind %s does not answer; the session is freed as soon as it does", s.Target())
	}
}

// startAttempt returns the active attempt, or starts one.
func (s *Session) startAttempt() (*attempt, error) {
	r := s.remote
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why != nil {
		return nil, r.why
	}
	if r.attempt != nil {
		return r.attempt, nil
	}
	a := &attempt{done: make(chan struct{})}
	r.attempt = a
	go func() {
		a.err = s.runEmptyStep()
		r.mu.Lock()
		r.attempt = nil
		r.up.Store(a.err == nil && r.why == nil)
		r.mu.Unlock()
		close(a.done)
	}()
	return a, nil
}

// runEmptyStep runs a step without targets. TensorFlow sends the graph to the server,
// which then answers that there is nothing to run.
func (s *Session) runEmptyStep() error {
	s.graph.placeAll()
	step, err := capi.NewStep(s.session, s.graph.binding, nil, nil, nil, nil)
	if err != nil {
		return err
	}
	defer step.Close()
	err = step.Run(nil, nil, nil, nil)
	if errors.Is(err, status.InvalidArgument) {
		return nil // if the graph is invalid, the next run reports it
	}
	return err
}

var errInterrupted = status.Errorf(status.Canceled, "the session was interrupted")

// notConnected returns the error of a run that ended before it was connected.
func (s *Session) notConnected(cause error) error {
	code := status.DeadlineExceeded
	if errors.Is(cause, context.Canceled) {
		code = status.Canceled
	}
	return status.Errorf(code, "%v while the session waited for %s and the servers behind it: one of them does not answer; with DeviceFilters a session waits only for the servers that it needs", cause, s.Target())
}

// stop makes waiting and later runs fail with why. It reports whether an attempt is
// active, and returns a channel that is closed when it is done.
func (r *connection) stop(why error) (done <-chan struct{}, pending bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why == nil {
		r.why = why
		close(r.stopped)
	}
	if r.attempt == nil {
		return nil, false
	}
	return r.attempt.done, true
}
