package misuse_test

import (
	"context"
	"fmt"
	"reflect"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/train"
)

var ctx = context.Background()

// small is a graph with a variable, and a session of it.
type small struct {
	g    *tf.Graph
	v    *tf.Variable
	sess *tf.Session
}

func newSmall() small {
	g := tf.NewGraph()
	v := must(tf.NewVariable(g, "v", tf.Value(float32(1)), nil))
	initialize := must(tf.GlobalVariablesInitializer(g))
	sess := must(tf.NewSession(g, nil))
	if err := sess.RunOps(ctx, initialize); err != nil {
		panic(err)
	}
	return small{g, v, sess}
}

func (s small) closed() small {
	if err := s.sess.Close(); err != nil {
		panic(err)
	}
	return s
}

func newBuilder() *savedmodel.Builder {
	return must(savedmodel.NewBuilder(fmt.Sprint("built-", written.Add(1)), nil))
}

func openModel() *savedmodel.Model { return must(savedmodel.Open(ctx, "model", nil)) }

// addSessionValues adds the values of types that need libtensorflow.
func addSessionValues(known map[reflect.Type][]value) {
	add := func(t reflect.Type, values ...value) { known[t] = append(known[t], values...) }
	add(reflect.TypeFor[*tf.Graph](), of("graph", good, func() *tf.Graph { return newSmall().g }), of("empty graph", odd, tf.NewGraph))
	add(reflect.TypeFor[*tensorflow.Graph](), of("graph", good, func() *tensorflow.Graph { return newSmall().g.Binding() }))
	add(reflect.TypeFor[*tf.Session](), of("session", good, func() *tf.Session { return newSmall().sess }), of("closed", closed, func() *tf.Session { return newSmall().closed().sess }))
	add(reflect.TypeFor[*tensorflow.Session](), of("session", good, func() *tensorflow.Session { return newSmall().sess.Binding() }), of("closed", closed, func() *tensorflow.Session { return newSmall().closed().sess.Binding() }))
	add(reflect.TypeFor[*tf.Variable](), of("variable", good, func() *tf.Variable { return newSmall().v }))
	add(reflect.TypeFor[tf.Output](), of("output", good, func() tf.Output { return newSmall().v.Value() }), of("wrong index", odd, func() tf.Output { o := newSmall().v.Value(); o.Index = 99; return o }), of("negative index", odd, func() tf.Output { o := newSmall().v.Value(); o.Index = -1; return o }))
	add(reflect.TypeFor[*tf.Operation](), of("op", good, func() *tf.Operation { return newSmall().v.Initializer() }))
	add(reflect.TypeFor[*tf.Tensor](), of("tensor", good, func() *tf.Tensor { return must(tf.NewTensor(float32(1))) }), of("released", closed, func() *tf.Tensor { t := must(tf.NewTensor(float32(1))); tf.Release(t); return t }))
	add(reflect.TypeFor[*savedmodel.Model](), of("model", good, openModel), of("closed", closed, func() *savedmodel.Model { m := openModel(); _ = m.Close(); return m }))
	add(reflect.TypeFor[*savedmodel.Builder](), of("builder", good, func() *savedmodel.Builder { return newBuilder() }), of("closed", closed, func() *savedmodel.Builder { b := newBuilder(); _ = b.Close(); return b }))
	add(reflect.TypeFor[*saver.Saver](), of("saver", good, func() *saver.Saver { return must(saver.New(newSmall().g, nil)) }), of("closed", closed, func() *saver.Saver { s := must(saver.New(newSmall().g, nil)); _ = s.Close(); return s }))
	add(reflect.TypeFor[*tf.Callable](), of("callable", good, newCallable), of("closed", closed, func() *tf.Callable { c := newCallable(); _ = c.Close(); return c }))
	addLoopValues(add)
	add(reflect.TypeFor[train.Optimizer](), is[train.Optimizer]("adam", good, train.NewAdam(0.1)), is[train.Optimizer]("nil Adam", absent, (*train.Adam)(nil)), is[train.Optimizer]("empty Adam", odd, new(train.Adam)))
	add(reflect.TypeFor[*tf.Scope](), of("scope", good, func() *tf.Scope { return tf.NewGraph().Scope() }))
}

// addLoopValues adds the functions that conditionals and loops take, and their operands.
func addLoopValues(add func(t reflect.Type, values ...value)) {
	outputs := func() []tf.Output { return []tf.Output{newSmall().v.Value()} }
	add(reflect.TypeFor[[]tf.Output](), of("outputs", good, outputs), is("zero output", odd, []tf.Output{{}}))
	type branch = func(*tf.Scope) []tf.Output
	type body = func(*tf.Scope, []tf.Output) []tf.Output
	type step = func(*tf.Scope, []tf.Output, []tf.Output) []tf.Output
	branches := []branch{
		func(s *tf.Scope) []tf.Output { return []tf.Output{op.Const(s, float32(1))} },
		func(*tf.Scope) []tf.Output { return nil },
		func(*tf.Scope) []tf.Output { return []tf.Output{{}} },
	}
	add(reflect.TypeFor[branch](), is("branch", good, branches[0]), is("nothing", odd, branches[1]), is("zero output", odd, branches[2]))
	add(reflect.TypeFor[[]branch](), is("branches", good, branches[:1]), is("nil branch", odd, []branch{nil}), is("different", odd, branches))
	add(reflect.TypeFor[body](),
		is[body]("identity", good, func(_ *tf.Scope, in []tf.Output) []tf.Output { return in }),
		is[body]("nothing", odd, func(*tf.Scope, []tf.Output) []tf.Output { return nil }),
		is[body]("zero output", odd, func(*tf.Scope, []tf.Output) []tf.Output { return []tf.Output{{}} }))
	add(reflect.TypeFor[step](),
		is[step]("first", good, func(_ *tf.Scope, acc, _ []tf.Output) []tf.Output { return acc }),
		is[step]("nothing", odd, func(*tf.Scope, []tf.Output, []tf.Output) []tf.Output { return nil }))
	add(reflect.TypeFor[func(*tf.Scope, []tf.Output) tf.Output](),
		is("false", good, func(s *tf.Scope, _ []tf.Output) tf.Output { return op.Const(s, false) }),
		is("zero output", odd, func(*tf.Scope, []tf.Output) tf.Output { return tf.Output{} }))
	newScope := func() *tf.Scope { return tf.NewGraph().Scope() }
	add(reflect.TypeFor[*tf.Function](), of("function", good, func() *tf.Function {
		return tf.NewFunction(newScope(), "f", nil, func(s *tf.Scope, _ []tf.Output) []tf.Output { return branches[0](s) })
	}))
	add(reflect.TypeFor[*tf.TensorArray](), of("array", good, func() *tf.TensorArray {
		s := newScope()
		return tf.NewTensorArray(s, dtype.Float32, op.Const(s, int32(2)), nil)
	}))
}

func newCallable() *tf.Callable {
	s := newSmall()
	return must(s.sess.MakeCallable(nil, []tf.Output{s.v.Value()}, nil, nil))
}
