package tf_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
)

// flowModel has one of each construct over the placeholder x [2, 3], the bool placeholder p,
// and the variable w [3, 3]. Python's twin is flowTwin.
type flowModel struct {
	g     *tf.Graph
	s     *tf.Scope
	x, p  tf.Output
	w     *tf.Variable
	names []string
	all   []tf.Output
}

func newFlowModel(t *testing.T) *flowModel {
	t.Helper()
	g := tf.NewGraph()
	m := &flowModel{g: g, s: g.Scope()}
	m.x = op.Placeholder(m.s, dtype.Float32, op.PlaceholderShape(tf.MakeShape(2, 3)))
	m.p = op.Placeholder(m.s, dtype.Bool, op.PlaceholderShape(tf.MakeShape()))
	var err error
	m.w, err = tf.NewVariable(g, "w", tf.Value([][]float32{{.1, .2, .3}, {-.4, .5, .6}, {.7, -.8, .9}}), nil)
	require.NoError(t, err)
	return m
}

func (m *flowModel) add(name string, outputs ...tf.Output) {
	for _, o := range outputs {
		m.names, m.all = append(m.names, name), append(m.all, o)
	}
}

func one(o tf.Output) []tf.Output { return []tf.Output{o} }

func (m *flowModel) build() {
	s, x, w := m.s, m.x, m.w
	two := op.Const(s, float32(2))
	all := op.Const(s, []int32{0, 1})
	step := func(s *tf.Scope, v []tf.Output) []tf.Output {
		return []tf.Output{op.AddV2(s, v[0], op.Const(s, int32(1))), op.Tanh(s, op.MatMul(s, v[1], w.Read(s)))}
	}
	below := func(n int32) func(*tf.Scope, []tf.Output) tf.Output {
		return func(s *tf.Scope, v []tf.Output) tf.Output { return op.Less(s, v[0], op.Const(s, n)) }
	}
	zero := op.Const(s, int32(0))
	m.add("cond", tf.Cond(s, m.p,
		func(s *tf.Scope) []tf.Output {
			return []tf.Output{op.Mul(s, x, two), op.Sum(s, x, op.Const(s, int32(0)))}
		},
		func(s *tf.Scope) []tf.Output {
			return []tf.Output{op.MatMul(s, x, w.Read(s)), op.Const(s, []float32{1, 2, 3})}
		}, nil)...)
	m.add("nested cond", tf.Cond(s, m.p,
		func(s *tf.Scope) []tf.Output {
			return tf.Cond(s, op.Greater(s, op.Sum(s, x, all), two),
				func(s *tf.Scope) []tf.Output { return one(op.Mul(s, x, two)) },
				func(s *tf.Scope) []tf.Output { return tf.While(s, []tf.Output{zero, x}, below(2), step, nil)[1:] }, nil)
		},
		func(s *tf.Scope) []tf.Output { return one(x) }, nil)...)
	m.add("case", tf.Case(s, op.Const(s, int32(1)), []func(*tf.Scope) []tf.Output{
		func(s *tf.Scope) []tf.Output { return one(x) },
		func(s *tf.Scope) []tf.Output { return one(op.Square(s, x)) },
		func(s *tf.Scope) []tf.Output { return one(op.Neg(s, x)) },
	}, nil)...)
	m.add("while", tf.While(s, []tf.Output{zero, x}, below(4), step, nil)...)
	m.add("bounded while", tf.While(s, []tf.Output{zero, x}, below(9), step, &tf.WhileOptions{MaximumIterations: op.Const(s, int32(3))})...)
	m.add("growing while", tf.While(s, []tf.Output{zero, x}, below(3), func(s *tf.Scope, v []tf.Output) []tf.Output {
		return []tf.Output{op.AddV2(s, v[0], op.Const(s, int32(1))), op.ConcatV2(s, []tf.Output{v[1], x}, op.Const(s, int32(0)))}
	}, &tf.WhileOptions{Shapes: []tf.Shape{tf.MakeShape(), tf.MakeShape(-1, 3)}})...)
	m.add("cond in while", tf.While(s, []tf.Output{zero, x}, below(4), func(s *tf.Scope, v []tf.Output) []tf.Output {
		y := tf.Cond(s, op.Equal(s, op.FloorMod(s, v[0], op.Const(s, int32(2))), op.Const(s, int32(0))),
			func(s *tf.Scope) []tf.Output { return one(op.Sin(s, v[1])) },
			func(s *tf.Scope) []tf.Output { return one(op.MatMul(s, v[1], w.Read(s))) }, nil)
		return []tf.Output{op.AddV2(s, v[0], op.Const(s, int32(1))), y[0]}
	}, nil)...)
	f := tf.NewFunction(s, "f", []tf.Arg{{DType: dtype.Float32, Shape: tf.MakeShape(2, 3)}}, func(s *tf.Scope, a []tf.Output) []tf.Output {
		return []tf.Output{op.MatMul(s, a[0], w.Read(s)), op.Mul(s, a[0], two)}
	})
	m.add("function", f.Call(s, op.Sin(s, x))...)
	pure := tf.NewFunction(s, "pure", []tf.Arg{{DType: dtype.Float32}}, func(s *tf.Scope, a []tf.Output) []tf.Output { return one(op.Square(s, a[0])) })
	m.add("function of its result", f.Call(s, f.Call(s, x)[0])...)
	square := tf.NewFunction(s, "square", []tf.Arg{{DType: dtype.Float32}}, func(s *tf.Scope, a []tf.Output) []tf.Output { return one(op.Square(s, a[0])) })
	outer := tf.NewFunction(s, "outer", []tf.Arg{{DType: dtype.Float32, Shape: tf.MakeShape(2, 3)}}, func(s *tf.Scope, a []tf.Output) []tf.Output {
		r := f.Call(s, square.Call(s, square.Call(s, a[0])[0])[0])
		return one(op.Add(s, r[0], op.Mul(s, r[1], a[0])))
	})
	m.add("function that calls functions", outer.Call(s, outer.Call(s, x)[0])...)
	m.add("called in a while", tf.While(s, []tf.Output{zero, x}, below(2), func(s *tf.Scope, v []tf.Output) []tf.Output {
		return []tf.Output{op.AddV2(s, v[0], op.Const(s, int32(1))), op.Add(s, outer.Call(s, v[1])[0], f.Call(s, v[1])[1])}
	}, nil)...)
	m.add("while without gradient", tf.While(s, []tf.Output{zero, op.MatMul(s, x, w.Read(s))}, below(2), step, &tf.WhileOptions{StopGradient: true})...)
	m.add("pure function", pure.Call(s, pure.Call(s, x)[0])...)
	m.addArrays()
}

func (m *flowModel) addArrays() {
	s, x, w := m.s, m.x, m.w
	elems := one(x)
	m.add("map", tf.Map(s, elems, func(s *tf.Scope, e []tf.Output) []tf.Output {
		return []tf.Output{op.Sum(s, e[0], op.Const(s, int32(0))), op.Exp(s, e[0])}
	}, nil)...)
	acc := func(s *tf.Scope, acc, e []tf.Output) []tf.Output {
		row := op.MatMul(s, op.ExpandDims(s, acc[0], op.Const(s, int32(0))), w.Read(s))
		return one(op.Add(s, op.Reshape(s, row, op.Const(s, []int32{3})), e[0]))
	}
	first := one(op.Const(s, []float32{1, 2, 3}))
	m.add("scan", tf.Scan(s, elems, nil, acc, nil)...)
	m.add("scan from", tf.Scan(s, elems, first, acc, nil)...)
	m.add("scan back", tf.Scan(s, elems, first, acc, &tf.MapOptions{Reverse: true})...)
	m.add("fold", tf.Fold(s, elems, first, acc, nil)...)
	m.add("fold back", tf.Fold(s, elems, nil, acc, &tf.MapOptions{Reverse: true})...)
	n := op.Const(s, int32(2))
	ta := tf.NewTensorArray(s, dtype.Float32, n, &tf.TensorArrayOptions{Shape: tf.MakeShape(2, 3)})
	ta = ta.Write(s, op.Const(s, int32(1)), x).Write(s, op.Const(s, int32(0)), op.Neg(s, x))
	m.add("array", ta.Stack(s), ta.Read(s, op.Const(s, int32(1))), ta.Gather(s, op.Const(s, []int32{1, 1})), ta.Concat(s), ta.Size(s))
}

// flowTwin builds the same model in Python, imports args[0], and returns for each tensor of
// args[1] the value there, that of the twin, and the gradients of both with respect to w.
const flowTwin = `
v1 = tf1
v1.enable_control_flow_v2()
x0 = np.array([[.3, -.2, .5], [.1, .4, -.6]], np.float32)
x = v1.placeholder(tf.float32, [2, 3]); p = v1.placeholder(tf.bool, [])
w = v1.get_variable("twin", initializer=np.array([[.1,.2,.3],[-.4,.5,.6],[.7,-.8,.9]], np.float32), use_resource=True)
step = lambda i, a: (i + 1, tf.tanh(a @ w))
acc = lambda a, e: tf.reshape(a[None] @ w, [3]) + e
first = tf.constant([1., 2., 3.])
twins = []
def add(*ts): twins.extend(ts)
add(*tf.cond(p, lambda: [x * 2, tf.reduce_sum(x, 0)], lambda: [x @ w, tf.constant([1., 2., 3.])]))
add(tf.cond(p, lambda: tf.cond(tf.reduce_sum(x) > 2, lambda: x * 2, lambda: tf.while_loop(lambda i, a: i < 2, step, [0, x])[1]), lambda: tf.identity(x)))
add(tf.square(x))
add(*tf.while_loop(lambda i, a: i < 4, step, [0, x]))
add(*tf.while_loop(lambda i, a: i < 9, step, [0, x], maximum_iterations=3))
add(*tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.concat([a, x], 0)), [0, x], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])]))
add(*tf.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, tf.cond(tf.equal(i % 2, 0), lambda: tf.sin(a), lambda: a @ w)), [0, x]))
add(tf.sin(x) @ w, tf.sin(x) * 2)
f = tf.function(lambda a: (a @ w, a * 2))
add(*f(f(x)[0]))
def outer(a):
    r = f(tf.square(tf.square(a)))
    return r[0] + r[1] * a
outer = tf.function(outer)
add(outer(outer(x)))
add(*tf.while_loop(lambda i, a: i < 2, lambda i, a: (i + 1, outer(a) + f(a)[1]), [0, x]))
add(*v1.while_loop(lambda i, a: i < 2, step, [0, x @ w], back_prop=False))
add(tf.square(tf.square(x)))
add(*tf.map_fn(lambda e: (tf.reduce_sum(e), tf.exp(e)), x, dtype=(tf.float32, tf.float32)))
add(tf.scan(acc, x), tf.scan(acc, x, first), tf.scan(acc, x, first, reverse=True))
add(tf.foldl(acc, x, first), tf.foldr(acc, x))
ta = tf.TensorArray(tf.float32, 2, element_shape=[2, 3]).write(1, x).write(0, -x)
add(ta.stack(), ta.read(1), ta.gather([1, 1]), ta.concat(), ta.size())
mg = v1.MetaGraphDef(); mg.ParseFromString(args[0])
v1.train.import_meta_graph(mg, import_scope="go")
g = v1.get_default_graph()
tensor = lambda n: g.get_tensor_by_name("go/" + n)
ours = [tensor(n) for n in args[1]]
grad = lambda t, v: tf.gradients(t, v)[0] if t.dtype == tf.float32 else None
grads = [(grad(a, tensor("w:0")), grad(b, w)) for a, b in zip(ours, twins)]
result = []
with v1.Session() as s:
    s.run(v1.global_variables_initializer())
    for pv in [True, False]:
        feeds = {x: x0, p: pv, tensor(args[2]): x0, tensor(args[3]): pv}
        tensors = [[a, b, da, db] for a, b, (da, db) in zip(ours, twins, grads)]
        flat = iter(s.run([tf.convert_to_tensor(t) for row in tensors for t in row if t is not None], feeds))
        for row in tensors:
            values = [None if t is None else np.asarray(next(flat)).astype(np.float64).ravel().tolist() for t in row]
            result.append({"shapes": [str(t.shape) for t in row[:2]], "values": values[:2], "grads": values[2:]})
assert len(ours) == len(twins)
`

func TestPythonTrainsGraphsWithControlFlow(t *testing.T) {
	m := newFlowModel(t)
	m.build()
	require.NoError(t, m.g.Err())
	mg, err := tf.ExportMetaGraph(m.g, nil)
	require.NoError(t, err)
	var names []string
	for _, o := range m.all {
		names = append(names, tensorName(o))
	}
	rows := oracle.Value[[]struct {
		Shapes []string
		Values [][]float64
		Grads  [][]float64
	}](t, flowTwin, marshal(t, mg), names, tensorName(m.x), tensorName(m.p))
	require.Len(t, rows, 2*len(names))
	sess := tfgraph.Session(t, m.g, nil)
	require.NoError(t, sess.RunOps(t.Context(), m.w.Initializer()))
	x, err := tf.NewTensor([][]float32{{.3, -.2, .5}, {.1, .4, -.6}})
	require.NoError(t, err)
	defer tf.Release(x)
	for i, row := range rows {
		k := i % len(names)
		p, err := tf.NewTensor(i < len(names))
		require.NoError(t, err)
		got, err := sess.Run(t.Context(), map[tf.Output]*tf.Tensor{m.x: x, m.p: p}, []tf.Output{m.all[k]}, nil, nil)
		require.NoError(t, err, m.names[k])
		assert.InDeltaSlice(t, row.Values[1], floats(got[0].Value()), 1e-5, "%s: %s in Go", m.names[k], names[k])
		assert.InDeltaSlice(t, row.Values[1], row.Values[0], 1e-5, "%s: %s in Python", m.names[k], names[k])
		assert.Equal(t, row.Shapes[1], row.Shapes[0], "%s: shape of %s", m.names[k], names[k])
		if row.Grads[1] == nil { // no dependency in the twin, where the function is inline
			row.Grads[1] = make([]float64, len(row.Grads[0]))
		}
		assert.InDeltaSlice(t, row.Grads[1], row.Grads[0], 1e-5, "%s: gradient of %s", m.names[k], names[k])
		tf.Release(p, got[0])
	}
}

func tensorName(o tf.Output) string { return fmt.Sprintf("%s:%d", o.Op.Name(), o.Index) }

// floats returns the numbers of a tensor's Go value in order.
func floats(value any) []float64 {
	v := reflect.ValueOf(value)
	switch {
	case v.CanFloat():
		return []float64{v.Float()}
	case v.CanInt():
		return []float64{float64(v.Int())}
	}
	var all []float64
	for i := range v.Len() {
		all = append(all, floats(v.Index(i).Interface())...)
	}
	return all
}

func TestControlFlowRefusesBadBodies(t *testing.T) {
	t.Parallel()
	other := tf.NewGraph()
	foreign := op.Const(other.Scope(), float32(1))
	for _, tt := range []struct {
		name  string
		build func(m *flowModel)
		kind  error
		want  []string
	}{
		{"another number of results in cond", func(m *flowModel) {
			tf.Cond(m.s, m.p, func(*tf.Scope) []tf.Output { return one(m.x) }, func(*tf.Scope) []tf.Output { return nil }, nil)
		}, tfkeep.ErrMismatch, []string{`add: If "cond"`, `the body "true" at flow_test.go:`, "returns 1 tensors", "returns 0"}},
		{"another type in cond", func(m *flowModel) {
			tf.Cond(m.s, m.p, func(*tf.Scope) []tf.Output { return one(m.x) }, func(*tf.Scope) []tf.Output { return one(m.p) }, nil)
		}, tfkeep.ErrMismatch, []string{"float32", "bool", "flow_test.go:"}},
		{"a selector that is no bool", func(m *flowModel) {
			tf.Cond(m.s, m.x, func(*tf.Scope) []tf.Output { return nil }, func(*tf.Scope) []tf.Output { return nil }, nil)
		}, tfkeep.ErrMismatch, []string{"float32, not bool"}},
		{"another number of results in while", func(m *flowModel) {
			tf.While(m.s, one(m.x), func(*tf.Scope, []tf.Output) tf.Output { return m.p }, func(*tf.Scope, []tf.Output) []tf.Output { return nil }, nil)
		}, tfkeep.ErrMismatch, []string{`add: While "while"`, "returns 0 tensors", "1 variables", "flow_test.go:"}},
		{"a loop variable that changes its shape", func(m *flowModel) {
			tf.While(m.s, one(m.x), func(*tf.Scope, []tf.Output) tf.Output { return m.p }, func(s *tf.Scope, v []tf.Output) []tf.Output {
				return one(op.ConcatV2(s, []tf.Output{v[0], v[0]}, op.Const(s, int32(0))))
			}, nil)
		}, tfkeep.ErrMismatch, []string{"loop variable 0", "[2, 3]", "[4, 3]", "WhileOptions.Shapes"}},
		{"a loop variable that changes its type", func(m *flowModel) {
			tf.While(m.s, one(m.x), func(*tf.Scope, []tf.Output) tf.Output { return m.p }, func(*tf.Scope, []tf.Output) []tf.Output { return one(m.p) }, nil)
		}, tfkeep.ErrMismatch, []string{"loop variable 0 is float32", "bool"}},
		{"a condition that is no bool", func(m *flowModel) {
			tf.While(m.s, one(m.x), func(*tf.Scope, []tf.Output) tf.Output { return m.x }, func(_ *tf.Scope, v []tf.Output) []tf.Output { return v }, nil)
		}, tfkeep.ErrMismatch, []string{"the condition at flow_test.go:", "float32, not bool"}},
		{"a tensor of another graph", func(m *flowModel) {
			tf.Cond(m.s, m.p, func(s *tf.Scope) []tf.Output { return one(op.Add(s, m.x, foreign)) }, func(*tf.Scope) []tf.Output { return one(m.x) }, nil)
		}, tfkeep.ErrArgument, []string{`"Const" belongs to another graph`, `add: Add "Add"`, "flow_test.go:"}},
		{"an error inside", func(m *flowModel) {
			tf.While(m.s, one(m.x), func(*tf.Scope, []tf.Output) tf.Output { return m.p }, func(s *tf.Scope, v []tf.Output) []tf.Output {
				return one(op.Square(s, op.MatMul(s, v[0], v[0])))
			}, nil)
		}, nil, []string{`the body at flow_test.go:`, `add: MatMul "MatMul"`, "must be equal"}},
		{"the outer scope in a body", func(m *flowModel) {
			tf.While(m.s, one(m.x), func(*tf.Scope, []tf.Output) tf.Output { return m.p }, func(_ *tf.Scope, v []tf.Output) []tf.Output {
				return one(op.Square(m.s, v[0]))
			}, nil)
		}, tfkeep.ErrArgument, []string{"another graph", "the scope and the tensors that they get"}},
		{"a variable in a body", func(m *flowModel) {
			tf.Cond(m.s, m.p, func(s *tf.Scope) []tf.Output {
				v, err := tf.NewVariable(s.Graph(), "v", tf.Zeros(1), nil)
				if err != nil {
					s.UpdateErr("NewVariable", err)
					return nil
				}
				return one(v.Value())
			}, func(*tf.Scope) []tf.Output { return one(m.x) }, nil)
		}, tfkeep.ErrUnsupported, []string{"make them outside"}},
		{"a reference variable", func(m *flowModel) {
			v, err := tf.NewVariable(m.g, "ref", tf.Zeros(2, 3), &tf.VariableOptions{Ref: true})
			if err != nil {
				m.s.UpdateErr("NewVariable", err)
				return
			}
			tf.Cond(m.s, m.p, func(s *tf.Scope) []tf.Output { return one(v.Read(s)) }, func(*tf.Scope) []tf.Output { return one(m.x) }, nil)
		}, tfkeep.ErrUnsupported, []string{`"ref:0"`, "read the variable outside"}},
		{"a wrong argument", func(m *flowModel) {
			f := tf.NewFunction(m.s, "f", []tf.Arg{{DType: dtype.Float32, Shape: tf.MakeShape(2)}}, func(_ *tf.Scope, a []tf.Output) []tf.Output { return a })
			f.Call(m.s, m.x)
		}, tfkeep.ErrMismatch, []string{"PartitionedCall", "[2, 3]", "[2]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := newFlowModel(t)
			tt.build(m)
			op.MatMul(m.s, op.Square(m.s, tf.Output{}), m.x) // goes past the error
			err := m.g.Err()
			require.Error(t, err)
			if tt.kind != nil {
				require.ErrorIs(t, err, tt.kind)
			}
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
			_, err = tf.NewSession(m.g, nil)
			require.Error(t, err)
		})
	}
}

func TestEffectsInBodiesRun(t *testing.T) {
	g := tf.NewGraph()
	s := g.Scope()
	v, err := tf.NewVariable(g, "v", tf.Zeros(), nil)
	require.NoError(t, err)
	n := op.Placeholder(s, dtype.Int32, op.PlaceholderShape(tf.MakeShape()))
	add := func(s *tf.Scope, x float32) { op.AssignAddVariableOp(s, v.Handle(), op.Const(s, x)) }
	loop := tf.While(s, one(op.Const(s, int32(0))),
		func(s *tf.Scope, i []tf.Output) tf.Output { return op.Less(s, i[0], n) },
		func(s *tf.Scope, i []tf.Output) []tf.Output {
			add(s, 1)
			return one(op.AddV2(s, i[0], op.Const(s, int32(1))))
		}, nil)
	branch := tf.Cond(s, op.Greater(s, n, op.Const(s, int32(3))),
		func(s *tf.Scope) []tf.Output { add(s, 100); return one(op.Const(s, int32(1))) },
		func(s *tf.Scope) []tf.Output { add(s, 1000); return one(op.Const(s, int32(2))) }, nil)
	f := tf.NewFunction(s, "f", nil, func(s *tf.Scope, _ []tf.Output) []tf.Output {
		add(s, 10000)
		return one(op.Const(s, int32(3)))
	})
	call := f.Call(s)
	require.NoError(t, g.Err())
	sess := tfgraph.Initialized(t, g)
	in, err := tf.NewTensor(int32(5))
	require.NoError(t, err)
	defer tf.Release(in)
	for i, step := range []struct {
		fetch tf.Output
		want  float32
	}{{loop[0], 5}, {branch[0], 105}, {call[0], 10105}, {loop[0], 10110}} {
		got, err := sess.Run(t.Context(), map[tf.Output]*tf.Tensor{n: in}, []tf.Output{step.fetch}, nil, nil)
		require.NoError(t, err)
		tf.Release(got...)
		assert.InDelta(t, step.want, tfgraph.Value(t, sess, v.Value()), 0, "step %d", i)
	}
}
