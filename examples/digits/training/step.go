package training

import (
	"context"
	"errors"

	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/tf"
)

// Step is a prepared training step: its names are looked up only once, and its tensors are
// used again in each run, so that a run allocates nothing. One goroutine uses it at a time.
type Step struct {
	call           *tf.Callable
	images, labels *tf.Tensor // for size images, nil before the first run
	size           int
	pixels         []float32 // of the images, one after the other
	loss           []*tf.Tensor
}

// NewStep prepares the training step of a session's graph. Call Close when it is no
// longer needed.
func NewStep(sess *tf.Session) (*Step, error) {
	g := sess.Graph()
	var outputs [3]tf.Output
	for i, name := range []string{"x:0", "labels:0", "loss:0"} {
		out, err := g.OutputByName(name)
		if err != nil {
			return nil, err
		}
		outputs[i] = out
	}
	trainOps := g.Collection(tf.TrainOp)
	if len(trainOps) == 0 {
		return nil, errors.New("the graph has no train op")
	}
	call, err := sess.MakeCallable(outputs[:2], outputs[2:], []*tf.Operation{trainOps[0].Op()}, nil)
	return &Step{call: call, loss: make([]*tf.Tensor, 1)}, err
}

// Run trains on one batch and returns its loss.
func (s *Step) Run(ctx context.Context, batch dataset.Set) (float32, error) {
	if err := s.feed(batch); err != nil {
		return 0, err
	}
	if err := s.call.RunInto(ctx, s.loss, s.images, s.labels); err != nil {
		return 0, err
	}
	loss, err := tf.Elements[float32](s.loss[0])
	if err != nil {
		return 0, err
	}
	return loss[0], nil
}

// feed puts a batch into the tensors to feed.
func (s *Step) feed(batch dataset.Set) error {
	if s.images == nil || s.size != batch.Len() {
		tf.Release(s.images, s.labels)
		var err error
		s.images, s.labels, err = tensors(batch)
		s.size = batch.Len()
		return err
	}
	s.pixels = s.pixels[:0]
	for _, image := range batch.Images {
		s.pixels = append(s.pixels, image...)
	}
	if err := tf.SetElements(s.images, s.pixels); err != nil {
		return err
	}
	return tf.SetElements(s.labels, batch.Labels)
}

// Close releases the prepared step and its tensors.
func (s *Step) Close() error {
	tf.Release(s.images, s.labels)
	tf.Release(s.loss...)
	return s.call.Close()
}
