package train_test

import (
	"context"
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/train"
)

// Fit the line y = 2x + 1 to three points.
func Example() {
	ctx := context.Background()
	g := tf.NewGraph()
	s := g.Scope()
	slope, err := tf.NewVariable(g, "slope", tf.Zeros(), nil)
	if err != nil {
		log.Fatal(err)
	}
	offset, err := tf.NewVariable(g, "offset", tf.Zeros(), nil)
	if err != nil {
		log.Fatal(err)
	}
	x, y := op.Const(s.Sub("x"), []float32{1, 2, 3}), op.Const(s.Sub("y"), []float32{3, 5, 7})
	line := op.Add(s.Sub("line"), op.Mul(s.Sub("scaled"), x, slope.Value()), offset.Value())
	loss := op.Mean(s.Sub("loss"), op.Square(s.Sub("square"), op.Sub(s.Sub("off"), line, y)), op.Const(s.Sub("axis"), int32(0)))

	step, err := train.GetOrCreateGlobalStep(g)
	if err != nil {
		log.Fatal(err)
	}
	trainOp, err := train.Minimize(g, train.NewMomentum(0.05, 0.9), loss, &train.MinimizeOptions{GlobalStep: step})
	if err != nil {
		log.Fatal(err)
	}
	init, err := tf.GlobalVariablesInitializer(g)
	if err != nil {
		log.Fatal(err)
	}

	sess, err := tf.NewSession(g, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer sess.Close()
	if err := sess.RunOps(ctx, init); err != nil {
		log.Fatal(err)
	}
	for range 500 {
		if err := sess.RunOps(ctx, trainOp); err != nil {
			log.Fatal(err)
		}
	}
	got, err := sess.Run(ctx, nil, []tf.Output{slope.Value(), offset.Value(), step.Value()}, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer tf.Release(got...)
	fmt.Printf("y = %.2fx + %.2f after %d steps\n", got[0].Value(), got[1].Value(), got[2].Value())
	// Output: y = 2.00x + 1.00 after 500 steps
}

// Clip the gradients between the two halves of Minimize.
func ExampleClipByGlobalNorm() {
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Constant(100, 3), nil)
	if err != nil {
		log.Fatal(err)
	}
	s := g.Scope()
	loss := op.Sum(s.Sub("loss"), op.Square(s.Sub("square"), v.Value()), op.Const(s.Sub("axis"), int32(0)))

	grads, err := train.ComputeGradients(g, loss, nil)
	if err != nil {
		log.Fatal(err)
	}
	grads, _, err = train.ClipByGlobalNorm(g, grads, 5)
	if err != nil {
		log.Fatal(err)
	}
	trainOp, err := train.ApplyGradients(g, train.NewAdam(0.01), grads, &train.ApplyOptions{Name: "train"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(trainOp.Name(), trainOp.Type())
	for _, v := range g.GlobalVariables() {
		fmt.Println(v.Name())
	}
	// Output:
	// train NoOp
	// v
	// beta1_power
	// beta2_power
	// v/Adam
	// v/Adam_1
}
