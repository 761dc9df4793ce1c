package parallel_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/parallel"
)

func TestInOrderReturnsInOrder(t *testing.T) {
	t.Parallel()
	var running, most atomic.Int32
	i := 0
	for v, err := range parallel.InOrder(t.Context(), 50, 4, func(_ context.Context, i int) (int, error) {
		for now := running.Add(1); now > most.Load(); {
			most.CompareAndSwap(most.Load(), now)
		}
		for range 50 - i {
			runtime.Gosched() // so that later jobs end earlier
		}
		running.Add(-1)
		return i * i, nil
	}) {
		require.NoError(t, err)
		assert.Equal(t, i*i, v)
		i++
	}
	assert.Equal(t, 50, i)
	assert.LessOrEqual(t, most.Load(), int32(4))
}

func TestInOrderStopsAtTheFirstError(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	results := 0
	var last error
	for _, err := range parallel.InOrder(t.Context(), 100, 3, func(_ context.Context, i int) (int, error) {
		if i == 5 {
			return 0, boom
		}
		return i, nil
	}) {
		if last = err; err == nil {
			results++
		}
	}
	assert.Equal(t, boom, last)
	assert.Equal(t, 5, results)
}

func TestInOrderBreakWaitsForTheJobs(t *testing.T) {
	t.Parallel()
	var running atomic.Int32
	for _, err := range parallel.InOrder(t.Context(), 100, 3, func(ctx context.Context, i int) (int, error) {
		running.Add(1)
		defer running.Add(-1)
		if i > 0 {
			<-ctx.Done()
		}
		return 0, nil
	}) {
		require.NoError(t, err)
		break
	}
	assert.Zero(t, running.Load())
}

func TestInOrderEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	work := func(context.Context, int) (int, error) { return 0, nil }
	var last error
	results := 0
	for _, err := range parallel.InOrder(ctx, 100, 3, work) {
		if last = err; results == 2 {
			cancel()
		}
		results++
	}
	assert.ErrorIs(t, last, context.Canceled)
	assert.Equal(t, 4, results)
	for _, err := range parallel.InOrder(t.Context(), 0, 3, work) {
		assert.Fail(t, "there are no jobs", err)
	}
}

func TestEachRunsEveryJobOnce(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{-1, 0, 1, 3, 200} {
		var runs [100]atomic.Int32
		require.NoError(t, parallel.Each(t.Context(), len(runs), workers, func(_ context.Context, i int) error {
			runs[i].Add(1)
			return nil
		}))
		for i := range runs {
			assert.EqualValues(t, 1, runs[i].Load())
		}
	}
	assert.NoError(t, parallel.Each(t.Context(), 0, 3, nil))
}

func TestEachReturnsTheFirstError(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	var started atomic.Int32
	err := parallel.Each(t.Context(), 1000, 3, func(ctx context.Context, i int) error {
		started.Add(1)
		if i == 2 {
			return boom
		}
		<-ctx.Done()
		return ctx.Err()
	})
	assert.Equal(t, boom, err)
	assert.EqualValues(t, 3, started.Load())
}

func TestEachEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	err := parallel.Each(ctx, 100, 2, func(_ context.Context, i int) error {
		if i == 5 {
			cancel()
		}
		return nil
	})
	assert.ErrorIs(t, err, context.Canceled)
}
