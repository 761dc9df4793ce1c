package training

import (
	"context"
	"errors"

	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/tf"
)

// Step is one training step, prepared: its names are looked up once. Close it.
type Step struct{ call *tf.Callable }

// NewStep finds the graph's ends and its train op.
func NewStep(sess *tf.Session) (Step, error) {
	g := sess.Graph()
	var ends [3]tf.Output
	for i, name := range []string{"x:0", "labels:0", "loss:0"} {
		end, err := g.OutputByName(name)
		if err != nil {
			return Step{}, err
		}
		ends[i] = end
	}
	trainOps := g.Collection(tf.TrainOp)
	if len(trainOps) == 0 {
		return Step{}, errors.New("the graph has no train op")
	}
	call, err := sess.MakeCallable(ends[:2], ends[2:], []*tf.Operation{trainOps[0].Op()})
	return Step{call}, err
}

// Run trains on one batch and gives its loss.
func (s Step) Run(ctx context.Context, batch dataset.Set) (float32, error) {
	images, labels, err := tensors(batch)
	if err != nil {
		return 0, err
	}
	out, err := s.call.Run(ctx, images, labels)
	tf.Release(images, labels)
	if err != nil {
		return 0, err
	}
	defer tf.Release(out...)
	return out[0].Value().(float32), nil
}

// Close frees the prepared step.
func (s Step) Close() error { return s.call.Close() }
