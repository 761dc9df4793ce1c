package savedmodel

import (
	"context"

	"github.com/tfkeep/tfkeep"
)

// await returns what load returns, or an error when ctx is done. TensorFlow cannot stop
// what it has begun: an import that computes shapes, an init op that waits. So load runs
// in a goroutine of its own, which ends later; then discard frees what load made.
func await(ctx context.Context, dir string, load func() (*Model, error), discard func(*Model)) (*Model, error) {
	if ctx == nil {
		return nil, loadError(dir, tfkeep.ErrArgument, "the context is nil")
	}
	if err := ctx.Err(); err != nil {
		return nil, loadCause(dir, "", err)
	}
	if ctx.Done() == nil {
		return load()
	}
	type result struct {
		model *Model
		err   error
	}
	done := make(chan result)
	go func() {
		m, err := load()
		select {
		case done <- result{m, err}:
		case <-ctx.Done():
			select { // both may be ready
			case done <- result{m, err}:
			default:
				discard(m)
			}
		}
	}()
	select {
	case r := <-done:
		return r.model, r.err
	case <-ctx.Done():
		return nil, loadCause(dir, "TensorFlow still works on the model in the background, and frees it when that ends", ctx.Err())
	}
}
