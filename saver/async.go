package saver

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/tfkeep/tfkeep/tf"
)

// Pending is a save that goes on in the background.
type Pending struct {
	done chan struct{}
	path string
	err  error

	reported atomic.Bool // the caller has err
}

// SaveAsync takes a snapshot of the variables and returns; the files are
// written, synced and made the newest checkpoint, and old ones deleted, while
// training goes on. The error of that comes from Wait, or else from the next
// Save, SaveAsync or Close, whichever is first.
//
// The snapshot of resource variables costs nothing at first: the next update of
// each has to copy it instead of changing it in place, as long as it isn't
// written. So up to one model's worth of memory comes on top, and is let go of
// while the files grow. Reference variables, the older kind, are copied at once,
// because a step would change what was fetched. One snapshot is held at most:
// SaveAsync waits for the save before it.
//
// On a cluster with saver.Files nothing is held: the values are fetched while
// they are written, and each is as old as its batch (GatherOptions.BatchBytes).
// For values of one step, use Save between steps.
//
// Cancelling ctx stops the save. With saver.Ops, or where only the graph's own
// nodes can write, SaveAsync returns when those have run.
func (s *Saver) SaveAsync(ctx context.Context, sess *tf.Session, path string, o *SaveOptions) (*Pending, error) {
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

// Wait waits for the save and returns what Save would have. If ctx ends before,
// it returns its error and the save goes on.
func (p *Pending) Wait(ctx context.Context) (string, error) {
	select {
	case <-p.done:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	p.reported.Store(true)
	return p.path, p.err
}

// waitPending waits for the save before this one and returns its error, unless the
// caller has it from Wait.
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
	return fmt.Errorf("the save before, in the background: %w", p.err)
}
