// Package model builds a network that classifies handwritten digits. Only the program
// that starts a training needs it: to resume one, the meta graph of the checkpoint is
// enough.
package model

import (
	"fmt"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/examples/digits/dataset"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

// hidden is the number of units between the pixels and the ten classes.
const hidden = 128

// Build returns a graph with one hidden layer and Adam. These tensors have fixed names:
//
//	x:0         float [?,64], pixels from 0 to 16
//	labels:0    int32 [?], for training and accuracy
//	y:0         float [?,10], a probability for each class
//	loss:0      float, mean cross entropy
//	accuracy:0  float, fraction of the images whose most likely class is the label
//
// The train op, the global step and the variables are in collections.
func Build(seed int64) (*tf.Graph, error) {
	g := tf.NewGraph()
	if err := BuildIn(g, seed); err != nil {
		return nil, err
	}
	return g, nil
}

// BuildIn adds the same network to a graph, on its current devices.
func BuildIn(g *tf.Graph, seed int64) error {
	x, err := add(g, "x", "Placeholder", map[string]any{"dtype": dtype.Float32, "shape": tf.MakeShape(-1, dataset.Pixels)})
	if err != nil {
		return err
	}
	labels, err := add(g, "labels", "Placeholder", map[string]any{"dtype": dtype.Int32, "shape": tf.MakeShape(-1)})
	if err != nil {
		return err
	}

	s := g.Scope()
	scale := s.Sub("scale")
	h, err := dense(g, "hidden", op.Div(scale, x, op.Const(scale, float32(16))), dataset.Pixels, hidden, seed)
	if err != nil {
		return err
	}
	logits, err := dense(g, "classes", op.Relu(s.Sub("hidden"), h), hidden, dataset.Classes, seed+1)
	if err != nil {
		return err
	}
	if _, err := add(g, "y", "Softmax", nil, logits); err != nil {
		return err
	}

	entropy := s.Sub("entropy")
	each, _ := op.SparseSoftmaxCrossEntropyWithLogits(entropy, logits, labels)
	loss, err := add(g, "loss", "Mean", nil, each, op.Const(entropy, int32(0)))
	if err != nil {
		return err
	}
	hit := s.Sub("hit")
	class := op.ArgMax(hit, logits, op.Const(hit, int32(1)), op.ArgMaxOutputType(tensorflow.Int32))
	correct := op.Cast(hit, op.Equal(hit, class, labels), tensorflow.Float)
	if _, err := add(g, "accuracy", "Mean", nil, correct, op.Const(hit.Sub("axis"), int32(0))); err != nil {
		return err
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("build model: %w", err)
	}

	step, err := train.GetOrCreateGlobalStep(g)
	if err != nil {
		return err
	}
	// Minimize adds the train op to its collection, where a program that resumes finds it.
	_, err = train.Minimize(g, train.NewAdam(2e-3), loss, &train.MinimizeOptions{GlobalStep: step})
	return err
}

// dense adds a fully connected layer with two new variables.
func dense(g *tf.Graph, name string, in tf.Output, inputs, outputs int64, seed int64) (tf.Output, error) {
	w, err := tf.NewVariable(g, name+"/w", tf.GlorotUniform(inputs, outputs).WithSeed(seed), nil)
	if err != nil {
		return tf.Output{}, err
	}
	b, err := tf.NewVariable(g, name+"/b", tf.Zeros(outputs), nil)
	if err != nil {
		return tf.Output{}, err
	}
	s := g.Scope().Sub(name)
	return op.BiasAdd(s, op.MatMul(s, in, w.Value()), b.Value()), s.Err()
}

// add adds an operation with exactly this name. The binding's wrappers would append the
// operation's type to it.
func add(g *tf.Graph, name, typ string, attrs map[string]any, in ...tf.Output) (tf.Output, error) {
	spec := tf.OpSpec{Type: typ, Name: name, Attrs: attrs}
	for _, o := range in {
		spec.Input = append(spec.Input, o)
	}
	operation, err := g.AddOp(spec)
	if err != nil {
		return tf.Output{}, err
	}
	return operation.Output(0), nil
}
