package parallel_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/internal/parallel"
)

func TestAwaitReturnsTheResult(t *testing.T) {
	t.Parallel()
	never := func(int) { t.Error("the result is late") }
	got, ok := parallel.Await(context.Background(), func() int { return 7 }, never)
	assert.True(t, ok)
	assert.Equal(t, 7, got)
	ctx, cancel := context.WithCancel(context.Background())
	got, ok = parallel.Await(ctx, func() int { cancel(); return 8 }, never)
	assert.True(t, ok, "work that ends with its context returns its result")
	assert.Equal(t, 8, got)
}

func TestAwaitLeavesWorkThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		release, freed := make(chan struct{}), make(chan int, 1)
		_, ok := parallel.Await(ctx, func() int {
			cancel()
			<-release
			return 9
		}, func(result int) { freed <- result })
		assert.False(t, ok)
		assert.Empty(t, freed)
		close(release)
		assert.Equal(t, 9, <-freed, "late gets the result")
	})
}
