package saver

import (
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
		c.sources, c.saveErr = outputs(s.g, c.save.tensors)
	}
	return nil
}

func outputs(g *tf.Graph, tensors []savedTensor) ([]tf.Output, error) {
	out := make([]tf.Output, len(tensors))
	for i, t := range tensors {
		o, err := g.OutputByName(t.source)
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
