package savedmodel

import (
	"context"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/parallel"
	"github.com/tfkeep/tfkeep/tf"
)

// inBackground explains the error of a load that was given up.
const inBackground = "TensorFlow still works on the model in the background, and frees it when that ends"

// checkContext returns the error of a context that is nil or done.
func checkContext(ctx context.Context, dir string) error {
	if ctx == nil {
		return loadError(dir, tfkeep.ErrArgument, "the context is nil")
	}
	if err := ctx.Err(); err != nil {
		return loadCause(dir, "", err)
	}
	return nil
}

// loaded is the result of a load.
type loaded struct {
	model *Model
	err   error
}

// await returns what load returns, or an error soon after ctx is done. TensorFlow cannot stop
// what it has begun: an import that computes shapes, an init op that waits. So load runs
// in a goroutine of its own, which ends later; then discard frees what load made. sess is the
// session that load uses, or nil if load makes one.
func await(ctx context.Context, dir string, sess *tf.Session, load func() (*Model, error), discard func(*Model)) (*Model, error) {
	if err := checkContext(ctx, dir); err != nil {
		return nil, err
	}
	r, done := parallel.Await(ctx, func() loaded {
		m, err := load()
		return loaded{m, err}
	}, func(r loaded) {
		if r.model != nil {
			discard(r.model)
		}
	})
	if !done {
		sess.Abandon()
		return nil, loadCause(dir, inBackground, ctx.Err())
	}
	return r.model, r.err
}

// check returns an error if the model is closed, or if Open or Load has not made it.
func (m *Model) check(op, dir string) error {
	if m == nil || m.Session == nil || m.MetaGraphDef == nil || m.plan == nil {
		return argcheck.Nil(op, dir, "Model")
	}
	if m.closed.Load() {
		return &tfkeep.Error{Op: op, Path: dir, Err: tfkeep.ErrClosed}
	}
	return nil
}

// awaitStep is await for a step of a load that changes the model's session.
func (m *Model) awaitStep(ctx context.Context, dir string, step func() error) error {
	if err := m.check("load model", dir); err != nil {
		return err
	}
	if err := checkContext(ctx, dir); err != nil {
		return err
	}
	err, done := parallel.Await(ctx, step, func(error) {})
	if !done {
		m.Session.Abandon()
		return loadCause(dir, inBackground, ctx.Err())
	}
	return err
}
