package saver

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/tf"
)

// Pending is a save that goes on in the background.
type Pending struct {
	done chan struct{}
	path string
	err  error

	reported atomic.Bool // err was returned to the caller
}

// SaveAsync takes a snapshot of the variables and returns. In the background, while
// training goes on, it writes and syncs the files, makes them the newest checkpoint, and
// deletes old ones. Wait returns the error of this work. If Wait is not called, the next
// Save, SaveAsync, Resume or Close returns it.
//
// The snapshot of a resource variable costs nothing at first. While the value is not
// written, the next update copies it instead of changing it in place. So a save needs up
// to as much memory as the model has, and releases it as the files grow. Reference
// variables, the older kind, are copied at once, because a step would change the value
// that was fetched. There is at most one snapshot: SaveAsync waits for the previous save.
//
// On a cluster, saver.Files takes no snapshot: the values are fetched while they are
// written, and those of different batches (GatherOptions.BatchBytes) are of different
// steps. For values of one step, use Save between steps.
//
// Canceling ctx stops the save. With saver.Ops, or where only the graph's own nodes can
// write, SaveAsync returns when those have run.
func (s *Saver) SaveAsync(ctx context.Context, sess *tf.Session, path string, o *SaveOptions) (*Pending, error) {
	if err := s.check(ctx); err != nil {
		return nil, wrap("save", path, err)
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	j, err := s.beginSave(ctx, sess, path, o, true)
	if err != nil {
		return nil, wrap("save", path, err)
	}
	p := &Pending{done: make(chan struct{})}
	if j.values != nil && j.values.inBackground() {
		go p.run(ctx, j)
	} else {
		p.run(ctx, j)
	}
	s.pending = p
	return p, nil
}

func (p *Pending) run(ctx context.Context, j *job) {
	defer close(p.done)
	p.path, p.err = j.finish(ctx)
}

// Done is closed when the save is over.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Wait waits for the save and returns what Save would have returned. If ctx ends first,
// it returns the error of ctx, and the save goes on.
func (p *Pending) Wait(ctx context.Context) (string, error) {
	if p == nil || p.done == nil {
		return "", argcheck.Nil("save", "", "Pending")
	}
	if ctx == nil {
		return "", argcheck.Nil("save", "", "context")
	}
	select {
	case <-p.done:
	default:
		select {
		case <-p.done:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	p.reported.Store(true)
	return p.path, p.err
}

// waitPending waits for the previous save and returns its error, unless Wait has returned
// it already.
func (s *Saver) waitPending() error {
	p := s.pending
	if p == nil {
		return nil
	}
	<-p.done
	s.pending = nil
	if p.err == nil || p.reported.Swap(true) {
		return nil
	}
	return fmt.Errorf("the previous save, in the background: %w", p.err)
}
