package parallel

import (
	"context"
	"time"
)

// grace is how long Await waits for work after the end of its context: work that looks at
// the context ends by itself and says what it was doing.
const grace = 250 * time.Millisecond

// Await calls work and returns its result. If ctx ends and work does not end soon after it,
// Await returns false, and work goes on in a goroutine of its own: a call of C cannot be
// stopped. What work uses has to belong to it then, and late gets its result when it ends.
func Await[T any](ctx context.Context, work func() T, late func(T)) (T, bool) {
	if ctx.Done() == nil {
		return work(), true
	}
	done := make(chan T)
	left := make(chan struct{}) // closed when nobody waits any more
	go func() {
		result := work()
		select {
		case done <- result:
		case <-left:
			late(result)
		}
	}()
	select {
	case result := <-done:
		return result, true
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case result := <-done:
		return result, true
	case <-timer.C:
	}
	close(left)
	var none T
	return none, false
}
