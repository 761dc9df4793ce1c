package tf

import (
	"context"
	"errors"
	"slices"
	"time"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/tfkeep/tfkeep/capi"
)

// Session runs a graph and keeps the values of its variables. Runs may go on
// from many goroutines at a time. Close it when it is done with.
type Session struct {
	graph   *Graph
	session *tensorflow.Session
	target  string
}

// NewSession opens a session on g; o may be nil. With a Target nothing is
// contacted before the first run.
func NewSession(g *Graph, o *SessionOptions) (*Session, error) {
	if o == nil {
		o = new(SessionOptions)
	}
	config, err := o.marshal()
	if err != nil {
		return nil, err
	}
	s, err := capi.NewSession(g.Graph, o.Target, config)
	if err != nil {
		return nil, err
	}
	return &Session{graph: g, session: s, target: o.Target}, nil
}

// WrapSession makes a Session of one that the binding opened on g.
func WrapSession(g *Graph, s *tensorflow.Session) *Session {
	return &Session{graph: g, session: s}
}

// Graph is the graph that the session runs.
func (s *Session) Graph() *Graph { return s.graph }

// Target is the server that runs the graph, "" for this process.
func (s *Session) Target() string { return s.target }

// Binding is the session for code that uses the binding itself.
func (s *Session) Binding() *tensorflow.Session { return s.session }

// Close waits for the runs under way and frees the session with the variables
// that live in it. A second call does nothing. The session is freed even where
// an error is returned.
func (s *Session) Close() error {
	if s == nil || s.session == nil {
		return nil
	}
	return capi.CloseSession(s.session)
}

// Run computes fetches and runs targets, with feeds in place of what the graph
// would compute. The results come in the order of fetches and are the caller's
// to Release.
//
// A deadline of ctx ends the run with an error of the kind ErrDeadlineExceeded.
// TensorFlow has no other way to stop a run: where ctx is cancelled during it,
// Run returns when the run is over.
func (s *Session) Run(ctx context.Context, feeds map[Output]*Tensor, fetches []Output, targets []*Operation) ([]*Tensor, error) {
	options, err := deadlineOption(ctx)
	if err != nil {
		return nil, err
	}
	run := capi.Run{Fetches: fetches, Targets: targets, Options: options}
	run.Feeds, run.FeedTensors = sortFeeds(feeds)
	results, _, err := run.Run(s.session, s.graph.Graph)
	return results, explain(err)
}

// RunOps runs operations for what they do.
func (s *Session) RunOps(ctx context.Context, targets ...*Operation) error {
	_, err := s.Run(ctx, nil, nil, targets)
	return err
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

// deadlineOption is a serialized RunOptions with ctx's deadline, or nil.
func deadlineOption(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return nil, nil
	}
	left := time.Until(deadline)
	if left <= 0 {
		return nil, context.DeadlineExceeded
	}
	return timeoutOption(left), nil
}

// timeoutOption is RunOptions.timeout_in_ms, field 2, encoded by hand: it is
// made for every run that has a deadline.
func timeoutOption(d time.Duration) []byte {
	ms := uint64((d + time.Millisecond - 1) / time.Millisecond)
	b := append(make([]byte, 0, 11), 2<<3)
	for ; ms >= 0x80; ms >>= 7 {
		b = append(b, byte(ms)|0x80)
	}
	return append(b, byte(ms))
}

// explain adds what to do about an error that users meet often.
func explain(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	return e
}
