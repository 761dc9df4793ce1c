package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/examples/digits/model"
	"github.com/tfkeep/tfkeep/examples/digits/training"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// The first session of a process fixes the number of threads within an op for the whole
// process. So the pairs of steps run in new processes, which measure a thousand steps
// after a thousand others.

// digitsStep is a training loop as users write it: each step feeds a new batch and
// fetches the loss. Both sides train the same graph from the same checkpoint with the
// same batches: tfkeep in one thread, as in the example, and Python in a session without
// options.
var digitsStep = Pair{
	Name:  "digits: a training step",
	Units: stepsMeasured,
	Goal:  1.0 / 2,
	Prepare: func(ctx context.Context, e *Env) (Measure, Measure, error) {
		return steps(ctx, e, training.SessionOptions, &tf.SessionOptions{})
	},
}

// digitsStepInline is the same with one thread on both sides, so that the difference is
// the overhead of feeding, running and fetching.
var digitsStepInline = Pair{
	Name:  "digits: a training step, both in one thread",
	Units: stepsMeasured,
	Goal:  1.0 / 2,
	Prepare: func(ctx context.Context, e *Env) (Measure, Measure, error) {
		return steps(ctx, e, training.SessionOptions, training.SessionOptions)
	},
}

// digitsStepThreads is the same with the default threads on both sides. TensorFlow's
// threads, which wake each other, take most of such a step on both sides.
var digitsStepThreads = Pair{
	Name:  "digits: a training step, both with default threads",
	Units: stepsMeasured,
	Prepare: func(ctx context.Context, e *Env) (Measure, Measure, error) {
		return steps(ctx, e, &tf.SessionOptions{}, &tf.SessionOptions{})
	},
}

const stepsMeasured = 1000

func steps(ctx context.Context, e *Env, ours, theirs *tf.SessionOptions) (Measure, Measure, error) {
	path, err := newDigits(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	batches, err := writeBatches(e)
	if err != nil {
		return nil, nil, err
	}
	python, err := e.PythonReporting(`
import json
import sys
import time
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
path, file, inter, intra = sys.argv[1:]
with open(file) as f:
    batches = [(np.array(b["Images"], np.float32), np.array(b["Labels"], np.int32)) for b in json.load(f)]
saver = tf.train.import_meta_graph(path + ".meta")
train_op = tf.get_collection("train_op")[0]
loss, x, y = (tf.get_default_graph().get_tensor_by_name(n) for n in ("loss:0", "x:0", "labels:0"))
options = tf.ConfigProto(inter_op_parallelism_threads=int(inter), intra_op_parallelism_threads=int(intra))
with tf.Session(config=options) as session:
    saver.restore(session, path)
    for _ in range(2):
        start = time.perf_counter()
        for images, labels in batches:
            session.run([loss, train_op], {x: images, y: labels})
        took = time.perf_counter() - start
print(took, flush=True)
`, path, batches, strconv.Itoa(theirs.InterOpThreads), strconv.Itoa(theirs.IntraOpThreads))
	return e.SelfReporting("digits-steps", path, strconv.Itoa(ours.InterOpThreads), strconv.Itoa(ours.IntraOpThreads)), python, err
}

// writeBatches writes the batches of the measured steps into a file for Python.
func writeBatches(e *Env) (path string, err error) {
	train, _, err := dataset.Load()
	if err != nil {
		return "", err
	}
	batches := make([]dataset.Set, stepsMeasured)
	for i := range batches {
		batches[i] = train.Batch(i, training.BatchSize)
	}
	text, err := json.Marshal(batches)
	if err != nil {
		return "", err
	}
	path = filepath.Join(e.Dir, "batches.json")
	return path, os.WriteFile(path, text, 0o644)
}

// runSteps is the task of tfkeep's side of the steps.
func runSteps(ctx context.Context, args []string) error {
	inter, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	intra, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	step, done, err := openDigits(ctx, args[0], &tf.SessionOptions{InterOpThreads: inter, IntraOpThreads: intra})
	if err != nil {
		return err
	}
	defer done()
	train, _, err := dataset.Load()
	if err != nil {
		return err
	}
	batches := make([]dataset.Set, stepsMeasured)
	for i := range batches {
		batches[i] = train.Batch(i, training.BatchSize)
	}
	var took time.Duration
	for range 2 {
		start := time.Now()
		for _, batch := range batches {
			if _, err := step.Run(ctx, batch); err != nil {
				return err
			}
		}
		took = time.Since(start)
	}
	_, err = fmt.Println(took.Seconds())
	return err
}

// digitsResume is how long a restarted job takes to finish its first step: start the
// process, import the meta graph, restore the checkpoint, run the step.
var digitsResume = Pair{
	Name: "digits: process start to the first resumed step",
	Goal: 1.0 / 3,
	Prepare: func(ctx context.Context, e *Env) (Measure, Measure, error) {
		path, err := newDigits(ctx, e)
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

// resumeOneStep is the task of tfkeep's side of digitsResume.
func resumeOneStep(ctx context.Context, args []string) error {
	step, done, err := openDigits(ctx, args[0], nil)
	if err != nil {
		return err
	}
	defer done()
	train, _, err := dataset.Load()
	if err != nil {
		return err
	}
	loss, err := step.Run(ctx, train.Batch(0, training.BatchSize))
	if err != nil {
		return err
	}
	_, err = fmt.Println(loss)
	return err
}

// openDigits restores the model in a new session. Call done to close it.
func openDigits(ctx context.Context, path string, o *tf.SessionOptions) (step *training.Step, done func(), err error) {
	g := tf.NewGraph()
	sv, err := saver.ImportMetaGraph(ctx, g, path+".meta", nil)
	if err != nil {
		return step, nil, err
	}
	defer sv.Close()
	sess, err := tf.NewSession(g, o)
	if err != nil {
		return step, nil, err
	}
	if _, err = sv.Restore(ctx, sess, path, nil); err == nil {
		step, err = training.NewStep(sess)
	}
	if err != nil {
		_ = sess.Close()
		return step, nil, err
	}
	return step, func() { _ = errors.Join(step.Close(), sess.Close()) }, nil
}

// newDigits saves a checkpoint of the example's model with its initial weights.
func newDigits(ctx context.Context, e *Env) (path string, err error) {
	g, err := model.Build(1)
	if err != nil {
		return "", err
	}
	sv, err := saver.New(g, nil)
	if err != nil {
		return "", err
	}
	defer sv.Close()
	initialize, err := tf.GlobalVariablesInitializer(g)
	if err != nil {
		return "", err
	}
	sess, err := tf.NewSession(g, nil)
	if err != nil {
		return "", err
	}
	defer sess.Close()
	if err := sess.RunOps(ctx, initialize); err != nil {
		return "", err
	}
	return sv.Save(ctx, sess, filepath.Join(e.Dir, "model"), nil)
}
