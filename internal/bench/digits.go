package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/examples/digits/model"
	"github.com/tfkeep/tfkeep/examples/digits/training"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

const stepsMeasured = 1000

// digitsStep is the training loop as users write it: a new batch is fed and the loss
// is fetched at every step. Both sides train the same graph from the same checkpoint
// with the same batches, with the sessions that one gets without options.
var digitsStep = Pair{
	Name:  "digits: a training step",
	Units: stepsMeasured,
	Goal:  1.0 / 2,
	Prepare: func(ctx context.Context, e *Env) (Measure, Measure, error) {
		return steps(ctx, e, nil)
	},
}

// digitsStepInline is the same where both sessions run everything in the calling thread,
// as small models like it: what is left is the work and the way in and out.
var digitsStepInline = Pair{
	Name:  "digits: a training step, both in one thread",
	Units: stepsMeasured,
	Goal:  1.0 / 2,
	Prepare: func(ctx context.Context, e *Env) (Measure, Measure, error) {
		return steps(ctx, e, training.SessionOptions)
	},
}

func steps(ctx context.Context, e *Env, o *tf.SessionOptions) (Measure, Measure, error) {
	path, sess, err := newDigits(ctx, e, o)
	if err != nil {
		return nil, nil, err
	}
	if o == nil {
		o = &tf.SessionOptions{}
	}
	train, _, err := dataset.Load()
	if err != nil {
		return nil, nil, err
	}
	batches := make([]dataset.Set, stepsMeasured)
	indices := make([][]int, stepsMeasured)
	for i := range batches {
		batches[i] = train.Batch(i, training.BatchSize)
		indices[i] = train.Indices(i, training.BatchSize)
	}
	step, err := training.NewStep(sess)
	if err != nil {
		return nil, nil, err
	}
	e.Defer(func() { step.Close() })
	ours := e.InGo(func(ctx context.Context) error {
		for _, batch := range batches {
			if _, err := step.Run(ctx, batch); err != nil {
				return err
			}
		}
		return nil
	})

	if _, err := e.Script(`
		path, inter, intra, images, labels, batches = args
		graph = tf.Graph()
		with graph.as_default():
		    saver = tf1.train.import_meta_graph(path + ".meta")
		    session = tf1.Session(config=tf1.ConfigProto(inter_op_parallelism_threads=inter, intra_op_parallelism_threads=intra))
		saver.restore(session, path)
		images, labels = np.array(images, np.float32), np.array(labels, np.int32)
		kept["session"] = session
		kept["batches"] = [(images[batch], labels[batch]) for batch in batches]
	`, path, o.InterOpThreads, o.IntraOpThreads, train.Images, train.Labels, indices); err != nil {
		return nil, nil, err
	}
	theirs := e.InPython(`
		import time
		session = kept["session"]
		train_op = session.graph.get_collection("train_op")[0]
		loss, x, y = (session.graph.get_tensor_by_name(n) for n in ("loss:0", "x:0", "labels:0"))
		start = time.perf_counter()
		for images, labels in kept["batches"]:
		    session.run([loss, train_op], {x: images, y: labels})
		result = time.perf_counter() - start
	`)
	return ours, theirs, nil
}

// digitsResume is what a restarted job waits for: the process's start, the meta graph,
// the checkpoint, and the first step's end.
var digitsResume = Pair{
	Name: "digits: process start to the first resumed step",
	Goal: 1.0 / 3,
	Prepare: func(ctx context.Context, e *Env) (Measure, Measure, error) {
		path, _, err := newDigits(ctx, e, nil)
		if err != nil {
			return nil, nil, err
		}
		theirs, err := e.PythonProgram(`
import sys
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
saver = tf.train.import_meta_graph(sys.argv[1] + ".meta")
with tf.Session() as session:
    saver.restore(session, sys.argv[1])
    train_op = tf.get_collection("train_op")[0]
    print(session.run(["loss:0", train_op], {"x:0": np.ones([32, 64]), "labels:0": np.ones([32])})[0], flush=True)
`, path)
		return e.Self("digits-resume", path), theirs, err
	},
}

// resumeOneStep is tfkeep's side of digitsResume.
func resumeOneStep(ctx context.Context, args []string) error {
	g := tf.NewGraph()
	sv, err := saver.ImportMetaGraph(g, args[0]+".meta", nil)
	if err != nil {
		return err
	}
	defer sv.Close()
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return err
	}
	defer sess.Close()
	if err := sv.Restore(ctx, sess, args[0]); err != nil {
		return err
	}
	train, _, err := dataset.Load()
	if err != nil {
		return err
	}
	step, err := training.NewStep(sess)
	if err != nil {
		return err
	}
	defer step.Close()
	loss, err := step.Run(ctx, train.Batch(0, training.BatchSize))
	if err != nil {
		return err
	}
	_, err = fmt.Println(loss)
	return err
}

// newDigits makes the example's model, with a session that has its first weights and a
// checkpoint of them.
func newDigits(ctx context.Context, e *Env, o *tf.SessionOptions) (path string, sess *tf.Session, err error) {
	g, err := model.Build(1)
	if err != nil {
		return "", nil, err
	}
	sv, err := saver.New(g, nil)
	if err != nil {
		return "", nil, err
	}
	e.Defer(func() { sv.Close() })
	initialize, err := tf.GlobalVariablesInitializer(g)
	if err != nil {
		return "", nil, err
	}
	if sess, err = tf.NewSession(g, o); err != nil {
		return "", nil, err
	}
	e.Defer(func() { sess.Close() })
	if err := sess.RunOps(ctx, initialize); err != nil {
		return "", nil, err
	}
	path, err = sv.Save(ctx, sess, filepath.Join(e.Dir, "model"), nil)
	return path, sess, err
}
