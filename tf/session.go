package tf

import (
	"context"
	"slices"
	"time"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/tfkeep/tfkeep/capi"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/tf/status"
)

// Session runs a graph and keeps the values of its variables. Runs may go on
// from many goroutines at a time. Close it when it is done with.
type Session struct {
	graph   *Graph
	session *tensorflow.Session
	target  string
	options SessionOptions
	limit   time.Duration // OperationTimeout, 0 none
	remote  *connection   // nil in this process
}

// NewSession opens a session on g; o may be nil. With a Target nothing is
// contacted before the first run.
func NewSession(g *Graph, o *SessionOptions) (*Session, error) {
	if g == nil {
		return nil, invalidf("a session needs a graph")
	}
	if o == nil {
		o = new(SessionOptions)
	}
	config, err := o.ConfigProto()
	if err != nil {
		return nil, err
	}
	raw, err := proto.Marshal(config)
	if err != nil {
		return nil, invalidf("session options: %v", err)
	}
	s, err := capi.NewSession(g.Graph, o.Target, raw)
	if err != nil {
		return nil, err
	}
	limit := time.Duration(config.GetOperationTimeoutInMs()) * time.Millisecond
	session := &Session{graph: g, session: s, target: o.Target, options: *o, limit: limit}
	if o.Target != "" {
		session.remote = newConnection()
	}
	return session, nil
}

// WrapSession makes a Session of one that the binding opened on g.
func WrapSession(g *Graph, s *tensorflow.Session) *Session {
	return &Session{graph: g, session: s}
}

// Graph is the graph that the session runs.
func (s *Session) Graph() *Graph { return s.graph }

// Target is the server that runs the graph, "" for this process.
func (s *Session) Target() string { return s.target }

// Options are those that the session was opened with; of one from WrapSession
// they are not known, and zero. What they point to is not to be changed.
func (s *Session) Options() SessionOptions { return s.options }

// Binding is the session for code that uses the binding itself.
func (s *Session) Binding() *tensorflow.Session { return s.session }

// Close waits for the runs under way and frees the session with the variables
// that live in it. A second call does nothing. The session is freed even where
// an error is returned.
//
// On a cluster it waits no longer than OperationTimeout, and not at all where the
// session still waits for its server: it is freed later then.
func (s *Session) Close() error {
	if s == nil || s.session == nil {
		return nil
	}
	if s.remote != nil {
		if over, pending := s.remote.stop(errSessionClosed); pending {
			go func() {
				<-over
				_ = capi.CloseSession(s.session) // nobody is left to be told
			}()
			return nil
		}
		return s.closeRemote()
	}
	return capi.CloseSession(s.session)
}

// errSessionClosed is the error of a run that waits for its server when the session is
// closed.
var errSessionClosed = &tfkeep.Error{
	Op: "run", Item: "session", Err: tfkeep.ErrClosed,
	Cause: status.Errorf(status.FailedPrecondition, "the session is closed"),
}

// Interrupt ends the runs that are under way, which then fail with an error of
// the kind ErrCancelled or ErrAborted; so do those to come. It is how another
// goroutine stops a run. Close is still to be called.
//
// A run on a cluster ends only where its master answers; where it doesn't, the
// run and Interrupt both return after OperationTimeout. A run that still waits for
// its server ends at once.
func (s *Session) Interrupt() error {
	if s.remote != nil {
		if _, pending := s.remote.stop(errInterrupted); pending {
			return nil
		}
	}
	return capi.InterruptSession(s.session)
}

// Run computes fetches and runs targets, with feeds in place of what the graph
// would compute. The results come in the order of fetches and are the caller's
// to Release. A tensor that does not fit the output it is fed to is an error of
// the kind ErrInvalidArgument that names both.
//
// A deadline of ctx ends the run with an error of the kind ErrDeadlineExceeded,
// and so does the session's OperationTimeout; see WithOperationTimeout. Where ctx
// is cancelled during the run, Run returns when the run is over: TensorFlow has
// no way to stop one run, and Interrupt stops all. The first run in a session on
// a cluster waits for the servers before it runs anything; there ctx ends the wait
// at once.
func (s *Session) Run(ctx context.Context, feeds map[Output]*Tensor, fetches []Output, targets []*Operation) ([]*Tensor, error) {
	return s.RunWithOptions(ctx, feeds, fetches, targets, nil, nil)
}

// RunOps runs operations for what they do.
func (s *Session) RunOps(ctx context.Context, targets ...*Operation) error {
	_, err := s.Run(ctx, nil, nil, targets)
	return err
}

// RunWithOptions is Run with TensorFlow's own options, which may be nil, and
// with metadata filled, where it is not nil, with what the options trace.
func (s *Session) RunWithOptions(ctx context.Context, feeds map[Output]*Tensor, fetches []Output, targets []*Operation, o *RunOptions, metadata *RunMetadata) ([]*Tensor, error) {
	outputs, tensors := sortFeeds(feeds)
	if s.target != "" {
		if err := checkMessage(outputs, tensors); err != nil {
			return nil, err
		}
	}
	s.graph.settleAll()
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	options, err := runOptions(ctx, o, s.limit)
	if err != nil {
		return nil, err
	}
	step, err := capi.NewStep(s.session, s.graph.Graph, outputs, fetches, targets, options)
	if err != nil {
		return nil, err
	}
	defer step.Close()
	var raw *[]byte
	if metadata != nil {
		raw = new([]byte)
	}
	results := make([]*Tensor, len(fetches))
	if err := step.Run(tensors, results, nil, raw); err != nil {
		return nil, explain(err)
	}
	if metadata != nil {
		if err := proto.Unmarshal(*raw, metadata); err != nil {
			Release(results...)
			return nil, status.Errorf(status.DataLoss, "the library's RunMetadata: %v", err)
		}
	}
	return results, nil
}

// Devices are the devices that the session can use. On a cluster it connects
// first, as a run does.
func (s *Session) Devices() ([]Device, error) {
	if err := s.connect(context.Background()); err != nil {
		return nil, err
	}
	return capi.Devices(s.session)
}

// sortFeeds puts feeds in an order that does not change from run to run:
// TensorFlow keeps an executor for each order that it meets.
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
	if a.Op == nil || b.Op == nil {
		return 0
	}
	an, bn := a.Op.Name(), b.Op.Name()
	switch {
	case an < bn:
		return -1
	case an > bn:
		return 1
	}
	return a.Index - b.Index
}
