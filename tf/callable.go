package tf

import (
	"context"
	"slices"
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/capi"
)

// Callable is a step that is prepared once for many runs: its feeds and fetches are
// checked and laid out for C beforehand, so that a run is one call into C. Goroutines
// may run it at the same time. The caller closes it.
type Callable struct {
	sess    *Session
	step    *capi.Step
	fetches int
	options []byte // a serialized RunOptions, or nil
	// own is the time limit in options, session that of the session; 0 is none.
	own, session time.Duration
	remote       []Output // the feeds, if a server takes them
}

// CallableOptions are the options of MakeCallable. Nil and the zero value are the
// defaults.
type CallableOptions struct {
	// RunInCaller runs the step's operations one after the other in the calling
	// thread, instead of in TensorFlow's threads. Small steps then take half the time
	// or less, because no thread has to wake up; a graph with branches that are worth
	// running in parallel becomes slower. SessionOptions.IntraOpThreads sets the
	// number of threads within an operation.
	RunInCaller bool
	// Proto has TensorFlow's own options for each run. Nil means none.
	Proto *for_core_protos_go_proto.RunOptions
}

// runInCaller is the RunOptions.inter_op_thread_pool that means the calling thread.
const runInCaller = -1

// MakeCallable prepares a step that feeds the outputs feeds, in this order, returns the
// values of fetches and runs targets. A nil o means the defaults.
func (s *Session) MakeCallable(feeds, fetches []Output, targets []*Operation, o *CallableOptions) (*Callable, error) {
	c, err := s.makeCallable(feeds, fetches, targets, o)
	if err != nil {
		return nil, &tfkeep.Error{Op: "prepare step", Cause: err}
	}
	return c, nil
}

func (s *Session) makeCallable(feeds, fetches []Output, targets []*Operation, o *CallableOptions) (*Callable, error) {
	if err := s.check(context.Background()); err != nil {
		return nil, err
	}
	if o == nil {
		o = new(CallableOptions)
	}
	options := o.Proto
	if o.RunInCaller {
		options = new(for_core_protos_go_proto.RunOptions)
		if o.Proto != nil {
			options = proto.Clone(o.Proto).(*for_core_protos_go_proto.RunOptions)
		}
		options.InterOpThreadPool = runInCaller
	}
	s.graph.placeAll()
	raw, err := runOptions(context.Background(), options, s.limit)
	if err != nil {
		return nil, err
	}
	step, err := capi.NewStep(s.session, s.graph.binding, feeds, fetches, targets, raw)
	if err != nil {
		return nil, err
	}
	own := time.Duration(options.GetTimeoutInMs()) * time.Millisecond
	c := &Callable{sess: s, step: step, fetches: len(fetches), options: raw, own: own, session: s.limit}
	if s.remote != nil {
		c.remote = slices.Clone(feeds)
	}
	return c, nil
}

// Run runs the step with a tensor for each feed. The results are in the order of the
// fetches; the caller releases them. ctx has the same effect as in Session.Run.
func (c *Callable) Run(ctx context.Context, feeds ...*Tensor) ([]*Tensor, error) {
	if c == nil || c.step == nil {
		return nil, runError(errNoCallable)
	}
	var results []*Tensor
	if c.fetches > 0 {
		results = make([]*Tensor, c.fetches)
	}
	if err := c.RunInto(ctx, results, feeds...); err != nil {
		return nil, err
	}
	return results, nil
}

var errNoCallable = invalidf("the callable is nil, or MakeCallable has not made it")

// RunInto is Run for loops: it puts the results into the tensors of the run before, so that a run
// allocates nothing in Go. results has a place for each fetch. A nil place gets a new
// tensor; a tensor that is there gets the new value, and TensorFlow frees the old one. What
// TensorData and Elements have returned for it is no longer valid then. If the run fails, the
// results keep their values. The caller releases them after the last run.
//
// A tensor may be a result and a feed of the same run, as the state of a recurrent model is.
// Goroutines that run the callable at the same time need results of their own.
func (c *Callable) RunInto(ctx context.Context, results []*Tensor, feeds ...*Tensor) error {
	if c == nil || c.step == nil {
		return runError(errNoCallable)
	}
	if err := c.sess.check(ctx); err != nil {
		return runError(err)
	}
	if c.remote != nil && len(feeds) == len(c.remote) {
		if err := checkMessage(c.remote, feeds); err != nil {
			return runError(err)
		}
	}
	if err := c.sess.connect(ctx); err != nil {
		return runError(err)
	}
	limit, err := runLimit(ctx, c.own, c.session)
	if err != nil {
		return runError(err)
	}
	var options []byte // nil for the prepared ones
	if limit != 0 {
		options = appendTimeout(slices.Clone(c.options), limit)
	}
	if err := c.step.Run(feeds, results, options, nil); err != nil {
		return runError(err)
	}
	return nil
}

// Close frees the prepared step as soon as no run is active. A second call does
// nothing.
func (c *Callable) Close() error {
	if c != nil && c.step != nil {
		c.step.Close()
	}
	return nil
}
