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
	"github.com/tfkeep/tfkeep/saver/supervisor"
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
// returns the path of the last checkpoint, or "" if there was nothing to do. Programs use
// Supervise, which also resumes, and saves when it is told to stop.
func Run(ctx context.Context, sess *tf.Session, sv *saver.Saver, o Options) (string, error) {
	step, err := GlobalStep(ctx, sess)
	if err != nil {
		return "", err
	}
	path := ""
	err = o.steps(ctx, sess, step, func(step int64) error {
		if step%o.SaveEvery != 0 && step != o.Until {
			return nil
		}
		var err error
		path, err = sv.Save(ctx, sess, filepath.Join(o.Dir, "model"), &saver.SaveOptions{GlobalStep: saver.Step(step)})
		return err
	})
	return path, err
}

// Supervise trains to Options.Until, from the newest checkpoint in Options.Dir if there is
// one. It saves on the way, at the end, and when ctx ends, for example at SIGTERM. begin is
// called before the first step, and end after the last one, unless ctx has ended. It returns
// the path of the last checkpoint.
func Supervise(ctx context.Context, g *tf.Graph, sv *saver.Saver, o Options, begin, end func(ctx context.Context, r *supervisor.Running) error) (string, error) {
	path := ""
	options := &supervisor.Options{
		Session: SessionOptions, Dir: o.Dir, SaveSteps: o.SaveEvery, LastStep: o.Until,
		OnEvent: func(e supervisor.Event) {
			if e.Path != "" {
				path = e.Path // restored or saved
			}
		},
	}
	err := supervisor.Run(ctx, g, sv, options, func(ctx context.Context, r *supervisor.Running) error {
		if err := begin(ctx, r); err != nil {
			return err
		}
		err := o.steps(ctx, r.Session, r.Step, func(step int64) error { return r.StepDone(ctx, step) })
		if err != nil {
			return err
		}
		return end(ctx, r)
	})
	return path, err
}

// Stopped tells that a training was told to stop and has saved; it returns other errors.
func Stopped(program string, err error) error {
	var stopped *supervisor.StoppedError
	if !errors.As(err, &stopped) || stopped.Path == "" {
		return err
	}
	fmt.Printf("%s: stopping at step %d; saved %s\n", program, stopped.Step, stopped.Path)
	return nil
}

// steps trains from a global step to Until, and calls done after each step.
func (o *Options) steps(ctx context.Context, sess *tf.Session, step int64, done func(step int64) error) error {
	trainSet, _, err := dataset.Load()
	if err != nil {
		return err
	}
	train, err := NewStep(sess)
	if err != nil {
		return err
	}
	defer train.Close()
	for step < o.Until {
		loss, err := train.Run(ctx, trainSet.Batch(int(step), BatchSize))
		if err != nil {
			return fmt.Errorf("step %d: %w", step+1, err)
		}
		step++
		if err := done(step); err != nil {
			return err
		}
		if o.AfterStep != nil {
			o.AfterStep(step, loss)
		}
	}
	return nil
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
