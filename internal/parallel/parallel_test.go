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

func TestInOrderVisitsInOrder(t *testing.T) {
	t.Parallel()
	var running, most atomic.Int32
	var got []int
	err := parallel.InOrder(t.Context(), 50, 4, func(_ context.Context, i int) (int, error) {
		for now := running.Add(1); now > most.Load(); {
			most.CompareAndSwap(most.Load(), now)
		}
		for range 50 - i {
			runtime.Gosched() // so that later jobs end earlier
		}
		running.Add(-1)
		return i * i, nil
	}, func(i, v int) error {
		assert.Equal(t, i*i, v)
		got = append(got, i)
		return nil
	})
	require.NoError(t, err)
	assert.Len(t, got, 50)
	assert.IsIncreasing(t, got)
	assert.LessOrEqual(t, most.Load(), int32(4))
}

func TestInOrderStopsAtTheFirstError(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	visited := 0
	err := parallel.InOrder(t.Context(), 100, 3, func(_ context.Context, i int) (int, error) {
		if i == 5 {
			return 0, boom
		}
		return i, nil
	}, func(int, int) error { visited++; return nil })
	assert.ErrorIs(t, err, boom)
	assert.Equal(t, 5, visited)

	err = parallel.InOrder(t.Context(), 100, 3, func(context.Context, int) (int, error) { return 0, nil },
		func(i, _ int) error {
			if i == 7 {
				return boom
			}
			return nil
		})
	assert.ErrorIs(t, err, boom)
}

func TestInOrderEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	err := parallel.InOrder(ctx, 100, 3, func(context.Context, int) (int, error) { return 0, nil },
		func(i, _ int) error {
			if i == 2 {
				cancel()
			}
			return nil
		})
	assert.ErrorIs(t, err, context.Canceled)
	assert.NoError(t, parallel.InOrder(t.Context(), 0, 3, func(context.Context, int) (int, error) { return 0, nil }, nil))
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
