package training

import (
	"context"
	"errors"

	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/tf"
)

// Step is a prepared training step: its names are looked up only once.
type Step struct{ call *tf.Callable }

// NewStep prepares the training step of a session's graph. Call Close when it is no
// longer needed.
func NewStep(sess *tf.Session) (Step, error) {
	g := sess.Graph()
	var outputs [3]tf.Output
	for i, name := range []string{"x:0", "labels:0", "loss:0"} {
		out, err := g.OutputByName(name)
		if err != nil {
			return Step{}, err
		}
		outputs[i] = out
	}
	trainOps := g.Collection(tf.TrainOp)
	if len(trainOps) == 0 {
		return Step{}, errors.New("the graph has no train op")
	}
	call, err := sess.MakeCallable(outputs[:2], outputs[2:], []*tf.Operation{trainOps[0].Op()}, nil)
	return Step{call}, err
}

// Run trains on one batch and returns its loss.
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

// Close releases the prepared step.
func (s Step) Close() error { return s.call.Close() }
