// Package ordered does work on many goroutines and hands the results over in
// order, with no more of them waiting than there are workers.
package ordered

import (
	"context"
	"sync"
)

// Each calls work(0) … work(n-1) on up to workers goroutines at once and then
// visit, on the caller's goroutine, with each result in order. The first error
// in that order, of work or of visit, ends it and is returned; so does the end
// of the context. No goroutine outlives the call.
func Each[T any](ctx context.Context, n, workers int, work func(context.Context, int) (T, error), visit func(int, T) error) error {
	type result struct {
		value T
		err   error
	}
	workers = max(1, min(workers, n))
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	// A slot of the ring is free once its result was visited.
	ring := make([]chan result, workers)
	for i := range ring {
		ring[i] = make(chan result, 1)
	}
	start := func(i int) {
		running.Go(func() {
			v, err := work(ctx, i)
			ring[i%workers] <- result{v, err}
		})
	}
	for i := range min(workers, n) {
		start(i)
	}
	for i := range n {
		r := <-ring[i%workers]
		if r.err != nil {
			return r.err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := visit(i, r.value); err != nil {
			return err
		}
		if i+workers < n {
			start(i + workers)
		}
	}
	return ctx.Err()
}
