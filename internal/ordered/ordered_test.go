package ordered_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/ordered"
)

func TestEachVisitsInOrderWhateverFinishesFirst(t *testing.T) {
	var running, most atomic.Int32
	var got []int
	err := ordered.Each(t.Context(), 50, 4, func(_ context.Context, i int) (int, error) {
		most.Store(max(most.Load(), running.Add(1)))
		time.Sleep(time.Duration(50-i) * 20 * time.Microsecond)
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

func TestEachStopsAtTheFirstErrorInOrder(t *testing.T) {
	boom := errors.New("boom")
	visited := 0
	err := ordered.Each(t.Context(), 100, 3, func(_ context.Context, i int) (int, error) {
		if i == 5 {
			return 0, boom
		}
		return i, nil
	}, func(int, int) error { visited++; return nil })
	assert.ErrorIs(t, err, boom)
	assert.Equal(t, 5, visited)

	err = ordered.Each(t.Context(), 100, 3, func(context.Context, int) (int, error) { return 0, nil },
		func(i, _ int) error {
			if i == 7 {
				return boom
			}
			return nil
		})
	assert.ErrorIs(t, err, boom)
}

func TestEachEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := ordered.Each(ctx, 100, 3, func(context.Context, int) (int, error) { return 0, nil },
		func(i, _ int) error {
			if i == 2 {
				cancel()
			}
			return nil
		})
	assert.ErrorIs(t, err, context.Canceled)
	assert.NoError(t, ordered.Each(t.Context(), 0, 3, func(context.Context, int) (int, error) { return 0, nil }, nil))
}
