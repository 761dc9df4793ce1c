package tf_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/train"
)

// The graph is the one that Python builds with the same calls, node by node.
func TestScopeAsPython(t *testing.T) {
	want := oracle.Value[[]byte](t, `
		raw = tf.raw_ops
		def const(x): return raw.Placeholder(dtype=tf.float32, shape=[])
		a = const(1.0)
		with tf1.name_scope("net"):
			b = raw.Sub(x=a, y=a)
			c = raw.Sub(x=b, y=a)
		with tf1.name_scope("net"):
			d = raw.Sub(x=c, y=a)
			with tf1.device("/job:w/task:1"), tf1.device("/cpu:1"):
				e = raw.Neg(x=d)
		with tf1.control_dependencies([b.op, c.op]):
			f = raw.Neg(x=b)
			g = raw.Neg(x=f)
			with tf1.control_dependencies([d.op]):
				h = raw.Neg(x=a)
				i = raw.Mul(x=h, y=f)
		with tf1.colocate_with(e.op):
			j = raw.Neg(x=a)
			with tf1.device("/task:3"):
				raw.Neg(x=a)
		with tf1.device("/cpu:1"), tf1.colocate_with(a.op):
			raw.Neg(x=b)
			with tf1.device("/task:3"):
				k = raw.Neg(x=b)
		with tf1.colocate_with(k.op):
			raw.Neg(x=c)
		with tf1.name_scope("net/"):
			raw.Sub(x=a, y=a)
			raw.Neg(x=a, name="whole/name/")
			with tf1.name_scope("inner"), tf1.name_scope("net_1/"):
				raw.Sub(x=a, y=a)
			with tf1.name_scope(""):
				raw.Sub(x=a, y=a)
		with tf1.control_dependencies([b.op]), tf1.control_dependencies([b.op, c.op]):
			l = raw.Neg(x=a)
			raw.Sub(x=l, y=b)
		result = tf1.get_default_graph().as_graph_def().SerializeToString()
	`)
	graph := tf.NewGraph()
	root := graph.Scope()
	a := op.Placeholder(root, dtype.Float32, op.PlaceholderShape(tf.MakeShape()))
	net := root.Sub("net")
	b := op.Sub(net, a, a)
	c := op.Sub(net, b, a)
	again := root.Sub("net")
	d := op.Sub(again, c, a)
	e := op.Neg(again.WithDevice("/job:w/task:1").WithDevice("/cpu:1"), d)
	after := root.WithControlDependencies(b.Op, c.Op)
	f := op.Neg(after, b)
	op.Neg(after, f)
	later := after.WithControlDependencies(d.Op)
	h := op.Neg(later, a)
	op.Mul(later, h, f)
	with := root.ColocateWith(e.Op)
	op.Neg(with, a)
	op.Neg(with.WithDevice("/task:3"), a)
	with = root.WithDevice("/cpu:1").ColocateWith(a.Op)
	op.Neg(with, b)
	k := op.Neg(with.WithDevice("/task:3"), b)
	op.Neg(root.ColocateWith(k.Op), c)
	net = root.Sub("net/")
	op.Sub(net, a, a)
	net.AddOperation(tf.OpSpec{Type: "Neg", Name: "whole/name/", Input: []tf.Input{a}})
	op.Sub(net.Sub("inner").Sub("net_1/"), a, a)
	op.Sub(net.Sub(""), a, a)
	after = root.WithControlDependencies(b.Op).WithControlDependencies(b.Op, c.Op)
	op.Sub(after, op.Neg(after, a), b)
	require.NoError(t, graph.Err())
	tfgraph.RequireSameNodes(t, want, graph)
}

func TestGraphKeepsFirstError(t *testing.T) {
	for _, test := range []struct {
		name string
		// fail is one line, at which the error is.
		fail func(s *tf.Scope)
		item string
		in   string // in the error
	}{
		{"types that do not fit", func(s *tf.Scope) { op.Add(s.Sub("net"), op.Const(s, float32(1)), op.Const(s, int32(1))) }, "net/Add", "scope_test.go:"},
		{"shapes that cannot be", func(s *tf.Scope) { op.MatMul(s, op.Const(s, [][]float32{{1, 2}}), op.Const(s, [][]float32{{1}})) }, "MatMul", "Dimensions must be equal"},
		{"unknown op", func(s *tf.Scope) { s.AddOperation(tf.OpSpec{Type: "NoSuchOp"}) }, "NoSuchOp", "2.21"},
		{"zero output", func(s *tf.Scope) { op.Neg(s, tf.Output{}) }, "Neg", "input 0 is not an output"},
		{"value of a constant", func(s *tf.Scope) { op.Const(s, struct{}{}) }, "Const", ""},
		{"name of a scope", func(s *tf.Scope) { op.Const(s.Sub("a b"), int32(1)) }, "a b", ""},
		{"device", func(s *tf.Scope) { op.Const(s.WithDevice("/nonsense"), int32(1)) }, "/nonsense", ""},
		{"attribute", func(s *tf.Scope) { op.Cast(s, op.Const(s, int32(1)), dtype.DataType(99)) }, "Cast", ""},
		{"control dependency on nothing", func(s *tf.Scope) { op.Const(s.WithControlDependencies(nil), int32(1)) }, "", "nil"},
		{"colocation with nothing", func(s *tf.Scope) { op.Const(s.ColocateWith(nil), int32(1)) }, "", "nil"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := tf.NewGraph()
			test.fail(g.Scope())
			err := g.Err()
			var e *tfkeep.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, test.item, e.Name)
			require.ErrorContains(t, err, "scope_test.go:")
			require.ErrorContains(t, err, test.in)

			// What comes later is harmless, whatever scope it uses.
			s := g.Scope().Sub("later").WithControlDependencies(nil)
			x := op.Neg(s, op.Const(s, float32(1)))
			parts := op.Split(s, x, x, 2)
			op.Square(s, op.Pack(s, parts))
			assert.Same(t, e, g.Scope().Err())

			for name, use := range map[string]func() error{
				"NewSession":      func() error { _, err := tf.NewSession(g, nil); return err },
				"GraphDef":        func() error { _, err := g.GraphDef(); return err },
				"ExportMetaGraph": func() error { _, err := tf.ExportMetaGraph(g, nil); return err },
				"saver.New":       func() error { _, err := saver.New(g, nil); return err },
				"Gradients":       func() error { _, err := train.Gradients(g, []tf.Output{x}, []tf.Output{x}, nil); return err },
				"Minimize":        func() error { _, err := train.Minimize(g, train.NewGradientDescent(0.1), x, nil); return err },
			} {
				assert.ErrorIs(t, use(), e, name)
			}
		})
	}
}

// Python's assign_add followed by a read under tf.control_dependencies.
func TestReadSeesTheUpdate(t *testing.T) {
	for _, ref := range []bool{false, true} {
		g := tf.NewGraph()
		v, err := tf.NewVariable(g, "v", tf.Value(float32(1)), &tf.VariableOptions{Ref: ref})
		require.NoError(t, err)
		s := g.Scope()
		update, err := v.AssignAdd(op.Const(s, float32(1)))
		require.NoError(t, err)
		after := v.Read(s.WithControlDependencies(update))
		double := op.Mul(s, after, after)
		sess := tfgraph.Initialized(t, g)
		for want := float32(2); want < 50; want++ {
			assert.Equal(t, want*want, tfgraph.Value(t, sess, double))
		}
	}
}

// A Go constant of the wrong type is named, with how to write it.
func TestConstantsOfGoAreExplained(t *testing.T) {
	for _, tt := range []struct {
		name string
		add  func(s *tf.Scope, x tf.Output)
		text string
	}{
		{"a float64", func(s *tf.Scope, x tf.Output) { op.Mul(s, x, op.Const(s, 0.5)) }, `constant "Const" is a float64, as 0.5 is in Go, and another input is float32: write float32(0.5)`},
		{"a float64 in a list", func(s *tf.Scope, x tf.Output) { op.AddN(s, []tf.Output{op.Const(s, 2.0), x}) }, "write float32(0.5)"},
		{"an int", func(s *tf.Scope, x tf.Output) { op.Mul(s, x, op.Const(s, 1)) }, "write int32(1)"},
		{"a slice of ints", func(s *tf.Scope, x tf.Output) { op.Sum(s, x, op.Const(s, [][]int{{0}})) }, "write int32(1)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := tf.NewGraph()
			tt.add(g.Scope(), op.Placeholder(g.Scope(), dtype.Float32))
			require.ErrorIs(t, g.Err(), tfkeep.ErrArgument)
			require.ErrorContains(t, g.Err(), tt.text)
		})
	}
	g := tf.NewGraph()
	op.Mul(g.Scope(), op.Const(g.Scope(), float32(1)), op.Const(g.Scope(), int32(1)))
	require.Error(t, g.Err())
	assert.NotContains(t, g.Err().Error(), "float64, as")
}
