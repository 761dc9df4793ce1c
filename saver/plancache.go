package saver

import (
	"errors"
	"sync"

	"github.com/tfkeep/tfkeep/tf"
)

// planCache keeps what was read off the graph. A Saver's nodes don't change
// once they are made, so neither do its plans.
type planCache struct {
	mu      sync.Mutex
	done    bool
	err     error
	save    *savePlan
	saveErr error
	load    *restorePlan
	loadErr error
	sources []tf.Output // parallel to save.tensors
	fed     []tf.Output // parallel to load.tensors
	parts   *taskParts  // nil until they are asked for

	// The step that assigns all of load.tensors, for the session of the last
	// restore: laying out thousands of feeds takes as long as running them.
	assign  *tf.Callable
	session *tf.Session
}

// read works the plans out once.
func (c *planCache) read(s *Saver) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return c.err
	}
	def, err := s.g.GraphDef()
	if err != nil {
		return err // nothing that lasts: the next call tries again
	}
	c.done = true
	x := indexNodes(def.Node)
	c.save, c.saveErr = x.planSave(s.def.SaveTensorName)
	c.load, c.loadErr = x.planRestore(s.def.RestoreOpName)
	if c.saveErr == nil {
		c.sources, c.saveErr = outputs(s.g, c.save.tensors, func(t *savedTensor) string { return t.source })
	}
	if c.loadErr == nil {
		c.fed, c.loadErr = outputs(s.g, c.load.tensors, func(t *restoredTensor) string { return t.output })
	}
	return nil
}

func outputs[T any](g *tf.Graph, tensors []T, name func(*T) string) ([]tf.Output, error) {
	out := make([]tf.Output, len(tensors))
	for i := range tensors {
		o, err := g.OutputByName(name(&tensors[i]))
		if err != nil {
			return nil, err
		}
		out[i] = o
	}
	return out, nil
}

// forSave is what the save nodes do, and the tensors to fetch for it.
func (c *planCache) forSave(s *Saver) (*savePlan, []tf.Output, error) {
	if err := c.read(s); err != nil {
		return nil, nil, err
	}
	return c.save, c.sources, c.saveErr
}

// forRestore is what the restore nodes do.
func (c *planCache) forRestore(s *Saver) (*restorePlan, error) {
	if err := c.read(s); err != nil {
		return nil, err
	}
	return c.load, c.loadErr
}

// forTasks is what the servers of a cluster can do of both plans by themselves.
func (c *planCache) forTasks(s *Saver) (*taskParts, error) {
	if err := c.read(s); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parts != nil || c.saveErr != nil || c.loadErr != nil {
		return c.parts, errors.Join(c.saveErr, c.loadErr)
	}
	def, err := s.g.GraphDef()
	if err != nil {
		return nil, err
	}
	c.parts = indexNodes(def.Node).taskParts(def, c.save, c.load)
	return c.parts, nil
}

// assignment is the step that takes a value for each tensor of forRestore's
// plan, in order, and runs the restore operation on them. It stays the cache's.
func (c *planCache) assignment(s *Saver, sess *tf.Session) (*tf.Callable, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.assign != nil && c.session == sess {
		return c.assign, nil
	}
	call, err := sess.MakeCallable(c.fed, nil, []*tf.Operation{s.restore})
	if err != nil {
		return nil, err
	}
	_ = c.assign.Close()
	c.assign, c.session = call, sess
	return call, nil
}

// close frees the prepared step.
func (c *planCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.assign.Close()
	c.assign, c.session = nil, nil
}
