package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// TensorFlow 2 models that Python exported with a signature "train".
var (
	modelStep = Pair{Name: "TensorFlow 2: 100 steps of a Keras model through Model.Signature", Goal: 1, Prepare: prepareModelStep}
	modelSave = Pair{Name: "TensorFlow 2: Model.Save 1 GiB", Goal: 1.0 / 4, Prepare: prepareModelSave}
)

const measuredSteps = 100

func prepareModelStep(ctx context.Context, e *Env) (Measure, Measure, error) {
	dir := filepath.Join(e.Dir, "model")
	if _, err := e.EagerScript(`
		class Trainable(tf.Module):
			def __init__(self, model, optimizer): self.model, self.optimizer = model, optimizer
			@tf.function(input_signature=[tf.TensorSpec([None, 64]), tf.TensorSpec([None], tf.int64)])
			def train(self, x, y):
				with tf.GradientTape() as tape:
					loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, self.model(x)))
				variables = self.model.trainable_variables
				self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
				return {"loss": loss}
		model = tf.keras.Sequential([tf.keras.Input([64]), tf.keras.layers.Dense(32, activation="relu"), tf.keras.layers.Dense(10)])
		optimizer = tf.keras.optimizers.Adam()
		optimizer.build(model.trainable_variables)
		m = Trainable(model, optimizer)
		tf.saved_model.save(m, args[0], signatures={"train": m.train})
		kept["loaded"] = tf.saved_model.load(args[0])
	`, dir); err != nil {
		return nil, nil, err
	}
	m, err := savedmodel.Open(ctx, dir, nil)
	if err != nil {
		return nil, nil, err
	}
	e.Defer(func() { _ = m.Close() })
	train, err := m.Signature(ctx, trainKey, &savedmodel.SignatureOptions{Inputs: []string{"x", "y"}, Trains: true})
	if err != nil {
		return nil, nil, err
	}
	x, err := tf.NewTensor([32][64]float32{})
	if err != nil {
		return nil, nil, err
	}
	y, err := tf.NewTensor([32]int64{})
	if err != nil {
		return nil, nil, err
	}
	ours := e.InGo(func(ctx context.Context) error {
		for range measuredSteps {
			out, err := train.Run(ctx, x, y)
			if err != nil {
				return err
			}
			tf.Release(out...)
		}
		return nil
	})
	return ours, e.InEagerPython(`
		import time
		step = kept["loaded"].signatures["train"]
		x, y = tf.zeros([32, 64]), tf.zeros([32], tf.int64)
		step(x=x, y=y)
		start = time.perf_counter()
		for _ in range(args[0]): step(x=x, y=y)["loss"].numpy()
		result = time.perf_counter() - start
	`, measuredSteps), nil
}

func prepareModelSave(ctx context.Context, e *Env) (Measure, Measure, error) {
	dir := filepath.Join(e.Dir, "model")
	if _, err := e.EagerScript(`
		class Large(tf.Module):
			def __init__(self): self.v = [tf.Variable(tf.random.uniform([args[1]])) for _ in range(args[2])]
			@tf.function(input_signature=[tf.TensorSpec([])])
			def train(self, x):
				for v in self.v: v.assign_add(v * x)
				return {"y": self.v[0][0]}
		m = kept["large"] = Large()
		tf.saved_model.save(m, args[0], signatures={"train": m.train})
	`, dir, modelElements, modelVariables); err != nil {
		return nil, nil, err
	}
	m, err := savedmodel.Open(ctx, dir, nil)
	if err != nil {
		return nil, nil, err
	}
	e.Defer(func() { _ = m.Close() })
	round := 0
	save := e.InGo(func(ctx context.Context) error { _, err := m.Save(ctx, folder(e, round), nil); return err })
	ours := func(ctx context.Context) (Sample, error) {
		round++
		s, err := save(ctx)
		return s, errors.Join(err, os.RemoveAll(folder(e, round-1)))
	}
	return ours, e.InEagerPython(`
		import time, shutil
		n = kept["round"] = kept.get("round", 0) + 1
		m = kept["large"]
		start = time.perf_counter()
		tf.saved_model.save(m, args[0] + str(n), signatures={"train": m.train})
		result = time.perf_counter() - start
		shutil.rmtree(args[0] + str(n - 1), ignore_errors=True)
	`, filepath.Join(e.Dir, "python")), nil
}
