package tf

import (
	"context"

	"github.com/tfkeep/tfkeep/capi"
)

// Callable is a step prepared once for many runs: what it feeds and fetches is
// checked and laid out for C beforehand. It may run from many goroutines at a
// time. Close it when it is done with.
type Callable struct {
	call    *capi.Call
	fetches int
}

// MakeCallable prepares a step that takes feeds, in that order, computes
// fetches and runs targets.
func (s *Session) MakeCallable(feeds, fetches []Output, targets []*Operation) (*Callable, error) {
	call, err := capi.Prepare(s.session, s.graph.Graph, feeds, fetches, targets, nil)
	if err != nil {
		return nil, err
	}
	return &Callable{call: call, fetches: len(fetches)}, nil
}

// Run runs the step with a tensor for each feed. The results come in the order
// of the fetches and are the caller's to Release. ctx is as in Session.Run.
func (c *Callable) Run(ctx context.Context, feeds ...*Tensor) ([]*Tensor, error) {
	options, err := deadlineOption(ctx)
	if err != nil {
		return nil, err
	}
	var results []*Tensor
	if c.fetches > 0 {
		results = make([]*Tensor, c.fetches)
	}
	if options == nil {
		err = c.call.Run(feeds, results)
	} else {
		err = c.call.RunWithOptions(feeds, results, options)
	}
	if err != nil {
		return nil, explain(err)
	}
	return results, nil
}

// Close frees the prepared step. A second call does nothing.
func (c *Callable) Close() error {
	c.call.Close()
	return nil
}
