package parallel

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/tfkeep/tfkeep/internal/argcheck"
)

// Each calls do(0) … do(n-1) on up to workers goroutines at once; one of them is
// the caller's. The first error cancels the other jobs' context, and no further
// job starts. Each returns that error, or the cause of ctx's end, when all
// goroutines have ended.
func Each(ctx context.Context, n, workers int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	work := func() {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			if err := do(ctx, i); err != nil {
				cancel(err)
			}
		}
	}
	var others sync.WaitGroup
	for range min(workers, n) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	return context.Cause(ctx)
}

// InOrder calls work(0) … work(n-1) on up to workers goroutines at once and returns the
// results in order. At most workers results wait for their turn. The first error in that
// order, or the end of ctx, is the last thing that the iterator returns, with the zero
// value. It cancels the context of the other jobs, as a break does. No goroutine outlives
// the loop.
func InOrder[T any](ctx context.Context, n, workers int, work func(ctx context.Context, i int) (T, error)) iter.Seq2[T, error] {
	type result struct {
		value T
		err   error
	}
	return func(yield func(T, error) bool) {
		var zero T
		if err := argcheck.Context(ctx, "start", ""); err != nil {
			yield(zero, err)
			return
		}
		workers := max(1, min(workers, n))
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()

		// A slot of the ring is free once its result was returned.
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
			if r.err == nil {
				r.err = ctx.Err()
			}
			if r.err != nil {
				yield(zero, r.err)
				return
			}
			if !yield(r.value, nil) {
				return
			}
			if i+workers < n {
				start(i + workers)
			}
		}
		if err := ctx.Err(); err != nil {
			yield(zero, err)
		}
	}
}
