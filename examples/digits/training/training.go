// Package training trains a network that package model has built or that comes from a
// meta graph. It finds the parts of the graph by names and collections only.
package training

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// BatchSize is the number of images in a step.
const BatchSize = 32

// SessionOptions suit such a small model: everything runs in the calling thread, because
// handing work to another thread would take longer than the work itself. The session
// takes only as much memory of a GPU as it needs.
var SessionOptions = &tf.SessionOptions{InterOpThreads: -1, IntraOpThreads: 1, GPU: tf.GPUOptions{AllowGrowth: true}}

// Options are the options of Run.
type Options struct {
	Dir       string // the folder for the checkpoints
	Until     int64  // the global step to stop at
	SaveEvery int64  // steps between two checkpoints
	// AfterStep, if not nil, is called after each step with its number and its loss.
	AfterStep func(step int64, loss float32)
}

// Run trains from the session's global step to Options.Until and saves on the way. It
// returns the path of the last checkpoint, or "" if there was nothing to do.
func Run(ctx context.Context, sess *tf.Session, sv *saver.Saver, o Options) (string, error) {
	g := sess.Graph()
	trainSet, _, err := dataset.Load()
	if err != nil {
		return "", err
	}
	step, err := GlobalStep(ctx, sess)
	if err != nil {
		return "", err
	}
	train, err := NewStep(sess)
	if err != nil {
		return "", err
	}
	defer train.Close()

	path := ""
	for step < o.Until {
		loss, err := train.Run(ctx, trainSet.Batch(int(step), BatchSize))
		if err != nil {
			return path, fmt.Errorf("step %d: %w", step+1, err)
		}
		step++
		if step%o.SaveEvery == 0 || step == o.Until {
			path, err = sv.Save(ctx, sess, filepath.Join(o.Dir, "model"), &saver.SaveOptions{GlobalStep: saver.Step(g.Collection(tf.GlobalStep)[0].Variable())})
			if err != nil {
				return path, err
			}
		}
		if o.AfterStep != nil {
			o.AfterStep(step, loss)
		}
	}
	return path, nil
}

// GlobalStep returns the session's global step.
func GlobalStep(ctx context.Context, sess *tf.Session) (int64, error) {
	found := sess.Graph().Collection(tf.GlobalStep)
	if len(found) == 0 {
		return 0, errors.New("the graph has no global step")
	}
	out, err := sess.Run(ctx, nil, []tf.Output{found[0].Variable().Value()}, nil, nil)
	if err != nil {
		return 0, err
	}
	defer tf.Release(out...)
	return out[0].Value().(int64), nil
}

// Accuracy returns the fraction of the test images that the session's model classifies
// correctly.
func Accuracy(ctx context.Context, sess *tf.Session) (float32, error) {
	_, test, err := dataset.Load()
	if err != nil {
		return 0, err
	}
	feeds, err := feed(sess.Graph(), test)
	if err != nil {
		return 0, err
	}
	accuracy, err := sess.Graph().OutputByName("accuracy:0")
	if err != nil {
		return 0, err
	}
	out, err := sess.Run(ctx, feeds, []tf.Output{accuracy}, nil, nil)
	for _, t := range feeds {
		tf.Release(t)
	}
	if err != nil {
		return 0, err
	}
	defer tf.Release(out...)
	return out[0].Value().(float32), nil
}

func feed(g *tf.Graph, set dataset.Set) (map[tf.Output]*tf.Tensor, error) {
	x, err := g.OutputByName("x:0")
	if err != nil {
		return nil, err
	}
	labels, err := g.OutputByName("labels:0")
	if err != nil {
		return nil, err
	}
	images, classes, err := tensors(set)
	if err != nil {
		return nil, err
	}
	return map[tf.Output]*tf.Tensor{x: images, labels: classes}, nil
}

func tensors(set dataset.Set) (images, labels *tf.Tensor, err error) {
	if images, err = tf.NewTensor(set.Images); err != nil {
		return nil, nil, err
	}
	if labels, err = tf.NewTensor(set.Labels); err != nil {
		tf.Release(images)
		return nil, nil, err
	}
	return images, labels, nil
}
