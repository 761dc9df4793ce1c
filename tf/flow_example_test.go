package tf_test

import (
	"context"
	"fmt"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
)

// fetched runs a graph without variables and prints tensors.
func fetched(g *tf.Graph, outputs ...tf.Output) {
	check(g.Err())
	sess, err := tf.NewSession(g, nil)
	check(err)
	defer sess.Close()
	values, err := sess.Run(context.Background(), nil, outputs, nil, nil)
	check(err)
	for _, v := range values {
		fmt.Println(v.Value())
	}
	tf.Release(values...)
}

// A conditional runs the operations of one body only.
func ExampleCond() {
	g := tf.NewGraph()
	s := g.Scope()
	x := op.Const(s, float32(-3))
	zero := op.Const(s, float32(0))
	abs := tf.Cond(s, op.Less(s, x, zero),
		func(s *tf.Scope) []tf.Output { return []tf.Output{op.Neg(s, x)} },
		func(s *tf.Scope) []tf.Output { return []tf.Output{x} },
		nil)
	fetched(g, abs[0])
	// Output: 3
}

// A loop doubles a number until it is above 100, and counts the steps.
func ExampleWhile() {
	g := tf.NewGraph()
	s := g.Scope()
	limit := op.Const(s, float32(100))
	v := tf.While(s, []tf.Output{op.Const(s, int32(0)), op.Const(s, float32(3))},
		func(s *tf.Scope, v []tf.Output) tf.Output { return op.Less(s, v[1], limit) },
		func(s *tf.Scope, v []tf.Output) []tf.Output {
			return []tf.Output{op.AddV2(s, v[0], op.Const(s, int32(1))), op.AddV2(s, v[1], v[1])}
		},
		nil)
	fetched(g, v...)
	// Output:
	// 6
	// 192
}

// A function of the graph's library is built once and called twice.
func ExampleNewFunction() {
	g := tf.NewGraph()
	s := g.Scope()
	w := op.Const(s, float32(10))
	f := tf.NewFunction(s, "scale", []tf.Arg{{Name: "x", DType: dtype.Float32}}, func(s *tf.Scope, args []tf.Output) []tf.Output {
		return []tf.Output{op.Mul(s, args[0], w)}
	})
	y := f.Call(s, op.Const(s, float32(2)))
	z := f.Call(s, y[0])
	fetched(g, z[0])
	// Output: 200
}

// The square of each element, and the sums of the first ones.
func ExampleMap() {
	g := tf.NewGraph()
	s := g.Scope()
	x := op.Const(s, []float32{1, 2, 3, 4})
	squares := tf.Map(s, []tf.Output{x}, func(s *tf.Scope, e []tf.Output) []tf.Output {
		return []tf.Output{op.Square(s, e[0])}
	}, nil)
	sums := tf.Scan(s, []tf.Output{x}, nil, func(s *tf.Scope, acc, e []tf.Output) []tf.Output {
		return []tf.Output{op.AddV2(s, acc[0], e[0])}
	}, nil)
	fetched(g, squares[0], sums[0])
	// Output:
	// [1 4 9 16]
	// [1 3 6 10]
}

// A loop writes one element in each iteration.
func ExampleTensorArray() {
	g := tf.NewGraph()
	s := g.Scope()
	n, one := op.Const(s, int32(4)), op.Const(s, int32(1))
	ta := tf.NewTensorArray(s, dtype.Int32, n, &tf.TensorArrayOptions{Shape: tf.MakeShape()})
	out := tf.While(s, []tf.Output{op.Const(s, int32(0)), ta.Flow()},
		func(s *tf.Scope, v []tf.Output) tf.Output { return op.Less(s, v[0], n) },
		func(s *tf.Scope, v []tf.Output) []tf.Output {
			next := ta.WithFlow(v[1]).Write(s, v[0], op.Square(s, v[0]))
			return []tf.Output{op.AddV2(s, v[0], one), next.Flow()}
		}, nil)
	fetched(g, ta.WithFlow(out[1]).Stack(s))
	// Output: [0 1 4 9]
}
