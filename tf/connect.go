package tf

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/tf/status"
)

// connection is a session's way to its server. TensorFlow connects in the first
// run, waits there for every server of the cluster that the device filters let
// through, and heeds no time limit but the session's; not even that where the
// master is in this process and is called directly (local_master.cc). So that a
// context and the limit end this wait too, a step that does nothing goes before
// the first run, in a goroutine that may be left behind.
type connection struct {
	up atomic.Bool // as the first thing that is looked at in every run

	mu      sync.Mutex
	attempt *attempt      // under way, or nil
	stopped chan struct{} // closed by Interrupt and Close: no more attempts
	why     error         // for runs after that
}

type attempt struct {
	over chan struct{}
	err  error
}

func newConnection() *connection { return &connection{stopped: make(chan struct{})} }

// connect waits until the session has reached its server; where ctx is over first,
// or the session is interrupted, it goes on waiting alone.
func (s *Session) connect(ctx context.Context) error {
	if s.remote == nil || s.remote.up.Load() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	a, err := s.attempt()
	if err != nil {
		return err
	}
	limit, stop := s.overdue()
	defer stop()
	select {
	case <-a.over:
		return a.err
	case <-s.remote.stopped:
		return s.remote.why
	case <-ctx.Done():
		return s.notConnected(ctx.Err())
	case <-limit:
		return s.notConnected(context.DeadlineExceeded)
	}
}

// grace is what TensorFlow has to end a call by itself when its time is over.
const grace = 250 * time.Millisecond

// overdue tells when a call should have been ended by the session's time limit.
func (s *Session) overdue() (at <-chan time.Time, stop func()) {
	if s.limit <= 0 {
		return nil, func() {}
	}
	timer := time.NewTimer(s.limit + grace)
	return timer.C, func() { timer.Stop() }
}

// closeRemote closes a session on a cluster, for as long as its limit is.
func (s *Session) closeRemote() error {
	closed := make(chan error, 1)
	go func() { closed <- capi.CloseSession(s.session) }()
	limit, stop := s.overdue()
	defer stop()
	select {
	case err := <-closed:
		return err
	case <-limit:
		return &Error{Code: status.DeadlineExceeded, Message: "closing the session: a server behind " + s.target + " does not answer; the session is freed once it does"}
	}
}

// attempt is the one under way, or a new one.
func (s *Session) attempt() (*attempt, error) {
	r := s.remote
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why != nil {
		return nil, r.why
	}
	if r.attempt != nil {
		return r.attempt, nil
	}
	a := &attempt{over: make(chan struct{})}
	r.attempt = a
	go func() {
		a.err = reach(s)
		r.mu.Lock()
		r.attempt = nil
		r.up.Store(a.err == nil && r.why == nil)
		r.mu.Unlock()
		close(a.over)
	}()
	return a, nil
}

// reach runs a step without targets, by which TensorFlow sends the graph to the
// server, which then says that there is nothing to run.
func reach(s *Session) error {
	s.graph.settleAll()
	step, err := capi.NewStep(s.session, s.graph.Graph, nil, nil, nil, nil)
	if err != nil {
		return err
	}
	defer step.Close()
	err = step.Run(nil, nil, nil, nil)
	if errors.Is(err, ErrInvalidArgument) {
		return nil // what may be wrong with the graph is told by the run to come
	}
	return err
}

var errInterrupted = &Error{Code: status.Canceled, Message: "the session was interrupted"}

// notConnected is why a run ended before it began.
func (s *Session) notConnected(cause error) error {
	code := status.DeadlineExceeded
	if errors.Is(cause, context.Canceled) {
		code = status.Canceled
	}
	return &Error{Code: code, Message: fmt.Sprintf("%v while the session waited for %s, and for the servers behind it: one of them does not answer; with DeviceFilters a session waits only for those that it needs", cause, s.target)}
}

// stop ends the waiting of runs, with the error why, and says whether an attempt
// is under way.
func (r *connection) stop(why error) (over <-chan struct{}, pending bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why == nil {
		r.why = why
		close(r.stopped)
	}
	if r.attempt == nil {
		return nil, false
	}
	return r.attempt.over, true
}
