package tf

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/status"
)

// Session runs a graph and keeps the values of its variables. Goroutines may run it at
// the same time. The caller closes it.
type Session struct {
	graph   *Graph
	session *tensorflow.Session
	options SessionOptions
	limit   time.Duration // OperationTimeout, 0 for none
	remote  *connection   // nil for a session in this process
	left    atomic.Bool   // Abandon was called
}

// NewSession opens a session on g. A nil o means the defaults. If o has a Target, the
// first run connects to it, not NewSession.
func NewSession(g *Graph, o *SessionOptions) (*Session, error) {
	if o == nil {
		o = new(SessionOptions)
	}
	s, err := newSession(g, o)
	if err != nil {
		return nil, &tfkeep.Error{Op: "open session", Path: o.Target, Cause: err}
	}
	return s, nil
}

func newSession(g *Graph, o *SessionOptions) (*Session, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	config, err := o.ConfigProto()
	if err != nil {
		return nil, err
	}
	raw, err := proto.Marshal(config)
	if err != nil {
		return nil, invalidf("the options: %v", err)
	}
	s, err := capi.NewSession(g.binding, o.Target, raw)
	if err != nil {
		return nil, err
	}
	limit := time.Duration(config.GetOperationTimeoutInMs()) * time.Millisecond
	session := &Session{graph: g, session: s, options: *o, limit: limit}
	if o.Target != "" {
		session.remote = newConnection()
	}
	return session, nil
}

// WrapSession makes a Session of one that the binding opened on g. Its Options are not
// known.
func WrapSession(g *Graph, s *tensorflow.Session) *Session {
	return &Session{graph: g, session: s}
}

// Graph returns the graph that the session runs.
func (s *Session) Graph() *Graph { return s.graph }

// Target returns the server that runs the graph, or "" for this process.
func (s *Session) Target() string { return s.options.Target }

// Options returns the options that the session was opened with; for a session from
// WrapSession, the zero value. The caller must not change what they point to.
func (s *Session) Options() SessionOptions { return s.options }

// Binding returns the binding's session, for code that uses the binding itself.
func (s *Session) Binding() *tensorflow.Session { return s.session }

// Close waits for the active runs and frees the session with the variables that live
// in it. It frees the session even if it returns an error. A second call does nothing.
//
// On a cluster it waits no longer than OperationTimeout. If the session still waits for
// its server, Close returns at once, and the session is freed later. That also holds after
// Abandon, and when an import into the graph was given up.
func (s *Session) Close() error {
	if s == nil || s.session == nil {
		return nil
	}
	if s.left.Load() || s.graph.givenUp() != nil {
		go func() {
			_ = s.interrupt()
			_ = capi.CloseSession(s.session) // Close has returned, so no caller can get this error
		}()
		return nil
	}
	if s.remote == nil {
		return s.closeError(capi.CloseSession(s.session))
	}
	if done, pending := s.remote.stop(capi.ErrSessionClosed); pending {
		go func() {
			<-done
			_ = capi.CloseSession(s.session) // Close has returned, so no caller can get this error
		}()
		return nil
	}
	return s.closeError(s.closeRemote())
}

func (s *Session) closeError(err error) error {
	if err == nil {
		return nil
	}
	return &tfkeep.Error{Op: "close session", Path: s.Target(), Cause: err}
}

// Abandon says that nobody waits any more for the runs that are active now. TensorFlow
// cannot stop a run whose kernels do not let it: Close then returns at once, and the session
// is freed when these runs end. A load of a SavedModel that its context ends does so.
func (s *Session) Abandon() {
	if s != nil {
		s.left.Store(true)
	}
}

// Interrupt ends the active runs, which then fail with an error of the kind
// status.Canceled or status.Aborted, and makes all later runs fail. It is the way to
// stop a run from another goroutine. The caller still has to close the session.
//
// A run on a cluster ends when the cluster's master answers. If it does not answer, the
// run ends after OperationTimeout, and Interrupt returns then or when ctx is done. A run
// that still waits for its server ends at once.
func (s *Session) Interrupt(ctx context.Context) error {
	if err := s.check(ctx); err != nil {
		return err
	}
	if s.remote != nil {
		if _, pending := s.remote.stop(errInterrupted); pending {
			return nil
		}
	}
	interrupted := make(chan error, 1)
	go func() { interrupted <- s.interrupt() }()
	select {
	case err := <-interrupted:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Session) interrupt() error { return capi.InterruptSession(s.session) }

// Run runs targets and returns the values of fetches. In place of the outputs in feeds
// the graph uses the tensors in feeds; a fetch that is fed returns a copy of its tensor. The
// results are in the order of fetches; the caller releases them. A nil o means no options. If a tensor does not fit the output
// that it is fed to, the error is of the kind status.InvalidArgument and names both.
//
// A deadline of ctx ends the run with an error of the kind status.DeadlineExceeded, and
// so does the session's OperationTimeout; see WithOperationTimeout. If ctx is canceled
// during the run, Run still returns only when the run is done: TensorFlow cannot stop a
// single run, and Interrupt stops all. Neither a deadline nor Interrupt stops a loop of Switch
// and Merge nodes that never ends, into which TensorFlow also turns a While with the attribute
// _lower_using_switch_merge: only the end of the process does. The first run of a session on a cluster first
// waits for the servers; when ctx is done, this wait ends at once.
func (s *Session) Run(ctx context.Context, feeds map[Output]*Tensor, fetches []Output, targets []*Operation, o *RunOptions) ([]*Tensor, error) {
	if err := s.check(ctx); err != nil {
		return nil, runError(err)
	}
	outputs, tensors := sortFeeds(feeds)
	if s.remote != nil {
		if err := checkMessage(outputs, tensors); err != nil {
			return nil, runError(err)
		}
	}
	if err := s.graph.givenUp(); err != nil {
		return nil, runError(err)
	}
	s.graph.placeAll()
	if err := s.connect(ctx); err != nil {
		return nil, runError(err)
	}
	options, err := runOptions(ctx, o.proto(), s.limit)
	if err != nil {
		return nil, runError(err)
	}
	step, err := capi.NewStep(s.session, s.graph.binding, outputs, fetches, targets, options)
	if err != nil {
		return nil, runError(err)
	}
	defer step.Close()
	results := make([]*Tensor, len(fetches))
	if o == nil || o.Metadata == nil {
		if err := step.Run(tensors, results, nil, nil); err != nil {
			return nil, runError(err)
		}
		return results, nil
	}
	raw := new([]byte)
	if err := step.Run(tensors, results, nil, raw); err != nil {
		return nil, runError(err)
	}
	if err := proto.Unmarshal(*raw, o.Metadata); err != nil {
		Release(results...)
		return nil, runError(status.Errorf(status.DataLoss, "the library's RunMetadata: %v", err))
	}
	return results, nil
}

// Extend begins to hand the graph to TensorFlow, which the first run does otherwise. For graphs
// with thousands of nodes, that takes as long as importing them. Extend returns at once, so that the
// program can do something else meanwhile, such as reading files; a run waits until it is done, and
// reports what is wrong. A later run hands over nodes that are added after Extend; what the graph has
// cannot be changed any more, as after a run. On a cluster it does nothing. Saver.Restore calls it.
func (s *Session) Extend() {
	if s.check(context.Background()) != nil || s.remote != nil || s.graph.givenUp() != nil {
		return
	}
	s.graph.placeAll()
	capi.Extend(s.session, s.graph.binding)
}

// check returns an error if a function of this package has not made the session, or if ctx is
// nil.
func (s *Session) check(ctx context.Context) error {
	if s == nil || s.session == nil {
		return invalidf("the session is nil, or NewSession has not opened it")
	}
	if ctx == nil {
		return invalidf("the context is nil")
	}
	return nil
}

// RunOps runs operations for their effects, without feeds. If they need some, as a step that
// reads placeholders does, call Run with the feeds and no fetches.
func (s *Session) RunOps(ctx context.Context, targets ...*Operation) error {
	_, err := s.Run(ctx, nil, nil, targets, nil)
	return err
}

// Devices returns the devices that the session can use. On a cluster it connects first,
// as a run does.
func (s *Session) Devices(ctx context.Context) ([]Device, error) {
	if err := s.check(ctx); err != nil {
		return nil, &tfkeep.Error{Op: "list devices", Cause: err}
	}
	err := s.connect(ctx)
	if err == nil {
		var devices []Device
		if devices, err = capi.Devices(s.session); err == nil {
			return devices, nil
		}
	}
	return nil, &tfkeep.Error{Op: "list devices", Path: s.Target(), Cause: err}
}

// sortFeeds puts feeds in an order that is the same in every run: TensorFlow keeps an
// executor for each order that it gets.
func sortFeeds(feeds map[Output]*Tensor) ([]Output, []*Tensor) {
	if len(feeds) == 0 {
		return nil, nil
	}
	outputs := make([]Output, 0, len(feeds))
	for o := range feeds {
		outputs = append(outputs, o)
	}
	if len(outputs) > 1 {
		slices.SortFunc(outputs, compareOutputs)
	}
	tensors := make([]*Tensor, len(outputs))
	for i, o := range outputs {
		tensors[i] = feeds[o]
	}
	return outputs, tensors
}

func compareOutputs(a, b Output) int {
	if capi.CheckOperation(a.Op) != nil || capi.CheckOperation(b.Op) != nil {
		return 0 // the run is refused
	}
	return cmp.Or(cmp.Compare(a.Op.Name(), b.Op.Name()), cmp.Compare(a.Index, b.Index))
}
