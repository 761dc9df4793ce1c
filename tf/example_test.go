package tf_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/tf"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A program builds a graph, opens a session on it, and runs it.
func Example() {
	ctx := context.Background()
	g := tf.NewGraph()
	s := g.Scope()
	x := op.Placeholder(s, dtype.Float32, op.PlaceholderShape(tf.MakeShape(-1, 2)))
	w, err := tf.NewVariable(g, "hidden/w", tf.Ones(2, 1), nil)
	check(err)
	y := op.MatMul(s, x, w.Value())
	check(s.Err())
	init, err := tf.GlobalVariablesInitializer(g)
	check(err)

	sess, err := tf.NewSession(g, nil)
	check(err)
	defer sess.Close()
	check(sess.RunOps(ctx, init))
	in, err := tf.NewTensor([][]float32{{1, 2}, {3, 4}})
	check(err)
	defer tf.Release(in)
	out, err := sess.Run(ctx, map[tf.Output]*tf.Tensor{x: in}, []tf.Output{y}, nil, nil)
	check(err)
	defer tf.Release(out...)
	fmt.Println(out[0].Value())
	// Output: [[3] [7]]
}

// A variable has an initializer to run, a value to fetch, and ops that change it.
func ExampleNewVariable() {
	ctx := context.Background()
	g := tf.NewGraph()
	counter, err := tf.NewVariable(g, "counter", tf.Constant(40), nil)
	check(err)
	two, err := tf.NewVariable(g, "two", tf.Value(float32(2)), &tf.VariableOptions{NotTrainable: true})
	check(err)
	add, err := counter.AssignAdd(two.Value())
	check(err)
	init, err := tf.GlobalVariablesInitializer(g)
	check(err)

	sess, err := tf.NewSession(g, nil)
	check(err)
	defer sess.Close()
	check(sess.RunOps(ctx, init))
	check(sess.RunOps(ctx, add))
	out, err := sess.Run(ctx, nil, []tf.Output{counter.Value()}, nil, nil)
	check(err)
	defer tf.Release(out...)
	fmt.Println(counter.TensorName(), "=", out[0].Value())
	// Output: counter:0 = 42
}

// A step of a training loop is prepared once.
func ExampleSession_MakeCallable() {
	ctx := context.Background()
	g := tf.NewGraph()
	x, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Name: "x", Attrs: map[string]any{"dtype": dtype.Float32, "shape": tf.MakeShape(-1)}})
	check(err)
	sum, err := tf.NewVariable(g, "sum", tf.Zeros(2), nil)
	check(err)
	add, err := sum.AssignAdd(x.Output(0))
	check(err)
	sess, err := tf.NewSession(g, nil)
	check(err)
	defer sess.Close()
	check(sess.RunOps(ctx, sum.Initializer()))

	step, err := sess.MakeCallable([]tf.Output{x.Output(0)}, nil, []*tf.Operation{add}, nil)
	check(err)
	defer step.Close()
	for i := range 3 {
		batch, err := tf.NewTensor([]float32{float32(i), 10})
		check(err)
		_, err = step.Run(ctx, batch)
		tf.Release(batch)
		check(err)
	}
	out, err := sess.Run(ctx, nil, []tf.Output{sum.Value()}, nil, nil)
	check(err)
	defer tf.Release(out...)
	fmt.Println(out[0].Value())
	// Output: [3 30]
}

// A variable that has no value yet is named.
func ExampleUninitializedError() {
	g := tf.NewGraph()
	w, err := tf.NewVariable(g, "hidden/w", tf.Zeros(2), nil)
	check(err)
	sess, err := tf.NewSession(g, nil)
	check(err)
	defer sess.Close()

	_, err = sess.Run(context.Background(), nil, []tf.Output{w.Value()}, nil, nil)
	var uninitialized *tf.UninitializedError
	if errors.As(err, &uninitialized) {
		fmt.Println(uninitialized.Variables[0], "has no value")
	}
	// Output: hidden/w has no value
}

// Collections carry what another program needs of a graph.
func ExampleGraph_AddToCollection() {
	g := tf.NewGraph()
	train, err := g.AddOp(tf.OpSpec{Type: "NoOp", Name: "train"})
	check(err)
	g.AddToCollection(tf.TrainOp, train)
	g.AddToCollection("batch_size", 32)
	for _, key := range g.CollectionKeys() {
		for _, item := range g.Collection(key) {
			if op := item.Op(); op != nil {
				fmt.Println(key, op.Name())
			} else {
				fmt.Println(key, item.Value())
			}
		}
	}
	// Output:
	// train_op train
	// batch_size 32
}
