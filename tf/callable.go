package tf

import (
	"context"
	"slices"
	"time"

	"github.com/tfkeep/tfkeep/capi"
	"google.golang.org/protobuf/proto"
)

// Callable is a step prepared once for many runs: what it feeds and fetches is
// checked and laid out for C beforehand, and a run is one call into C. It may
// run from many goroutines at a time. Close it when it is done with.
type Callable struct {
	sess    *Session
	call    *capi.Step
	fetches int
	options []byte // a serialized RunOptions, or nil
	// own is the time limit in options, session that of the session; 0 is none.
	own, session time.Duration
	remote       []Output // the feeds, where a server takes them
}

// CallableOptions are a prepared step's choices; nil is the zero value.
type CallableOptions struct {
	// RunInCaller runs the step's ops one after the other in the calling thread,
	// where TensorFlow would hand them to its threads. That saves small steps the
	// wake-up of a thread, half of their time and more; a graph whose branches
	// are worth running side by side loses that. What threads an op uses within
	// itself is for SessionOptions.IntraOpThreads to say.
	RunInCaller bool
	// Options are TensorFlow's options of each run, or nil.
	Options *RunOptions
}

// runInCaller is the RunOptions.inter_op_thread_pool that stands for the
// calling thread.
const runInCaller = -1

// MakeCallable prepares a step that takes feeds, in that order, computes
// fetches and runs targets.
func (s *Session) MakeCallable(feeds, fetches []Output, targets []*Operation) (*Callable, error) {
	return s.MakeCallableWith(feeds, fetches, targets, nil)
}

// MakeCallableWith is MakeCallable with options, which may be nil.
func (s *Session) MakeCallableWith(feeds, fetches []Output, targets []*Operation, o *CallableOptions) (*Callable, error) {
	if o == nil {
		o = new(CallableOptions)
	}
	options := o.Options
	if o.RunInCaller {
		options = new(RunOptions)
		if o.Options != nil {
			options = proto.Clone(o.Options).(*RunOptions)
		}
		options.InterOpThreadPool = runInCaller
	}
	s.graph.settleAll()
	raw, err := runOptions(context.Background(), options, s.limit)
	if err != nil {
		return nil, err
	}
	call, err := capi.NewStep(s.session, s.graph.Graph, feeds, fetches, targets, raw)
	if err != nil {
		return nil, err
	}
	own := time.Duration(options.GetTimeoutInMs()) * time.Millisecond
	c := &Callable{sess: s, call: call, fetches: len(fetches), options: raw, own: own, session: s.limit}
	if s.target != "" {
		c.remote = slices.Clone(feeds)
	}
	return c, nil
}

// Run runs the step with a tensor for each feed. The results come in the order
// of the fetches and are the caller's to Release. ctx is as in Session.Run.
func (c *Callable) Run(ctx context.Context, feeds ...*Tensor) ([]*Tensor, error) {
	if c.remote != nil && len(feeds) == len(c.remote) {
		if err := checkMessage(c.remote, feeds); err != nil {
			return nil, err
		}
	}
	if err := c.sess.connect(ctx); err != nil {
		return nil, err
	}
	limit, err := runLimit(ctx, c.own, c.session)
	if err != nil {
		return nil, err
	}
	var results []*Tensor
	if c.fetches > 0 {
		results = make([]*Tensor, c.fetches)
	}
	var options []byte // nil for the prepared ones
	if limit != 0 {
		options = appendTimeout(slices.Clone(c.options), limit)
	}
	if err := c.call.Run(feeds, results, options, nil); err != nil {
		return nil, explain(err)
	}
	return results, nil
}

// Close frees the prepared step once the runs under way are over. A second call
// does nothing.
func (c *Callable) Close() error {
	if c != nil {
		c.call.Close()
	}
	return nil
}
