package train_test

import (
	"regexp"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/cluster"
	"github.com/tfkeep/tfkeep/tf/train"
)

// optimizers are the same optimizers in Go and in Python.
var optimizers = []struct {
	name   string
	make   train.Optimizer
	python string
}{
	{"gradient descent", train.NewGradientDescent(0.1), `tf1.train.GradientDescentOptimizer(0.1)`},
	{"gradient descent, locking", with(train.NewGradientDescent(0.1), func(o *train.GradientDescent) { o.UseLocking = true; o.Name = "sgd" }), `tf1.train.GradientDescentOptimizer(0.1, use_locking=True, name="sgd")`},
	{"momentum", train.NewMomentum(0.1, 0.9), `tf1.train.MomentumOptimizer(0.1, 0.9)`},
	{"momentum, Nesterov", with(train.NewMomentum(0.1, 0.8), func(o *train.Momentum) { o.UseNesterov = true }), `tf1.train.MomentumOptimizer(0.1, 0.8, use_nesterov=True)`},
	{"adagrad", train.NewAdagrad(0.1), `tf1.train.AdagradOptimizer(0.1)`},
	{"adagrad, own start", with(train.NewAdagrad(0.1), func(o *train.Adagrad) { o.InitialAccumulatorValue = 0.5 }), `tf1.train.AdagradOptimizer(0.1, 0.5)`},
	{"rmsprop", train.NewRMSProp(0.01), `tf1.train.RMSPropOptimizer(0.01)`},
	{"rmsprop, momentum, centered", with(train.NewRMSProp(0.01), func(o *train.RMSProp) { o.Decay = 0.8; o.Momentum = 0.5; o.Epsilon = 1e-6; o.Centered = true }), `tf1.train.RMSPropOptimizer(0.01, 0.8, 0.5, 1e-6, centered=True)`},
	{"adam", train.NewAdam(0.001), `tf1.train.AdamOptimizer()`},
	{"adam, own numbers", with(train.NewAdam(0.01), func(o *train.Adam) {
		o.Beta1 = 0.5
		o.Beta2 = 0.99
		o.Epsilon = 1e-4
		o.UseLocking = true
		o.Name = "opt"
	}), `tf1.train.AdamOptimizer(0.01, 0.5, 0.99, 1e-4, use_locking=True, name="opt")`},
}

// with changes an optimizer and returns it.
func with[T train.Optimizer](o T, change func(T)) T {
	change(o)
	return o
}

// setting is a set of variables and a step for an optimizer.
type setting struct {
	name   string
	ref    bool
	sparse bool
	double bool
	step   bool
	large  bool
	rename string
}

var settings = []setting{
	{name: "resource variables", step: true},
	{name: "reference variables", ref: true, step: true},
	{name: "without a step"},
	{name: "slices", sparse: true, step: true},
	{name: "slices of reference variables", sparse: true, ref: true},
	{name: "float64", double: true},
	{name: "float64 slices", double: true, sparse: true},
	{name: "float64 slices of reference variables", double: true, sparse: true, ref: true},
	{name: "float64 reference variables", double: true, ref: true, step: true},
	{name: "large variables, another name", large: true, rename: "train"},
}

const applyScript = `
optimizer, s = args
dt = tf.float64 if s["double"] else tf.float32
rows = 300 if s["large"] else 4
with tf1.variable_scope("", use_resource=not s["ref"]):
    w = tf1.get_variable("hidden/w", [rows, 4], dt, tf1.zeros_initializer())
    u = tf1.get_variable("hidden/unused", [2], dt, tf1.zeros_initializer())
    b = tf1.get_variable("bias", [4], dt, tf1.zeros_initializer())
    step = tf1.train.get_or_create_global_step() if s["step"] else None
grad_w = tf1.placeholder(dt, [2, 4] if s["sparse"] else [rows, 4], name="grad_w")
index = tf1.placeholder(tf.int32, [2], name="index")
grad_b = tf1.placeholder(dt, [4], name="grad_b")
gw = tf.IndexedSlices(grad_w, index) if s["sparse"] else grad_w
op = eval(optimizer).apply_gradients([(gw, w), (None, u), (grad_b, b)], step, s["rename"] or None)
g = tf1.get_default_graph()
result = {"graph": g.as_graph_def().SerializeToString(), "op": op.name,
          "collections": {k: [getattr(x, "name", None) for x in g.get_collection(k)] for k in g.get_all_collection_keys()}}
`

type applied struct {
	Graph       []byte
	Op          string
	Collections map[string][]string
}

// applyInGo builds the graph of applyScript in Go.
func applyInGo(t *testing.T, o train.Optimizer, s setting) (*tf.Graph, *tf.Operation) {
	t.Helper()
	g := tf.NewGraph()
	return g, applyIn(t, g, o, s)
}

func applyIn(t *testing.T, g *tf.Graph, o train.Optimizer, s setting) *tf.Operation {
	t.Helper()
	dt, rows := dtype.Float32, int64(4)
	if s.double {
		dt = dtype.Float64
	}
	if s.large {
		rows = 300
	}
	variable := func(name string, dims ...int64) *tf.Variable {
		v, err := tf.NewVariable(g, name, tf.Zeros(dims...).WithDType(dt), &tf.VariableOptions{Ref: s.ref})
		require.NoError(t, err)
		return v
	}
	placeholder := func(name string, dt dtype.DataType, dims ...int64) tf.Output {
		op, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Name: name, Attrs: map[string]any{"dtype": dt, "shape": tf.MakeShape(dims...)}})
		require.NoError(t, err)
		return op.Output(0)
	}
	w, u, b := variable("hidden/w", rows, 4), variable("hidden/unused", 2), variable("bias", 4)
	var step *tf.Variable
	if s.step {
		var err error
		if s.ref {
			step, err = tf.NewVariable(g, "global_step", tf.Zeros().WithDType(dtype.Int64), &tf.VariableOptions{NotTrainable: true, Ref: true, Collections: []string{tf.GlobalVariables, tf.GlobalStep}})
		} else {
			step, err = train.GetOrCreateGlobalStep(g)
		}
		require.NoError(t, err)
	}
	gradRows := rows
	if s.sparse {
		gradRows = 2
	}
	gw := train.Gradient{Dense: placeholder("grad_w", dt, gradRows, 4)}
	index := placeholder("index", dtype.Int32, 2)
	if s.sparse {
		gw = train.Gradient{Slices: &train.IndexedSlices{Values: gw.Dense, Indices: index}}
	}
	gb := train.Gradient{Dense: placeholder("grad_b", dt, 4)}
	op, err := train.ApplyGradients(g, o, []train.GradientVariable{{Gradient: gw, Variable: w}, {Variable: u}, {Gradient: gb, Variable: b}}, &train.ApplyOptions{GlobalStep: step, Name: s.rename})
	require.NoError(t, err)
	return op
}

// python returns the setting as an argument of applyScript.
func (s setting) python() map[string]any {
	return map[string]any{"ref": s.ref, "sparse": s.sparse, "double": s.double, "step": s.step, "large": s.large, "rename": s.rename}
}

func TestOptimizersAddNodesOfPython(t *testing.T) {
	for _, o := range optimizers {
		for _, s := range settings {
			t.Run(o.name+"/"+s.name, func(t *testing.T) {
				want := oracle.Value[applied](t, applyScript, o.python, s.python())
				wantDef := new(graph_go_proto.GraphDef)
				require.NoError(t, proto.Unmarshal(want.Graph, wantDef))

				g, op := applyInGo(t, o.make, s)
				assert.Equal(t, want.Op, op.Name())
				def, err := g.GraphDef()
				require.NoError(t, err)
				sameNodes(t, wantDef, def)
				for key, names := range want.Collections {
					assert.Equal(t, names, collectionNames(g, key), "collection %s", key)
				}
			})
		}
	}
}

// collectionNames returns the names of the variables and operations in a collection.
func collectionNames(g *tf.Graph, key string) []string {
	var names []string
	for _, item := range g.Collection(key) {
		switch {
		case item.Variable() != nil:
			names = append(names, item.Variable().TensorName())
		case item.Op() != nil:
			names = append(names, item.Op().Name())
		}
	}
	return names
}

func TestOptimizersUnderReplicaDevices(t *testing.T) {
	const device = "/job:worker/task:1"
	script := "with tf1.device(tf1.train.replica_device_setter(3, worker_device='" + device + "')):\n" +
		regexp.MustCompile("(?m)^").ReplaceAllString(applyScript, "  ")
	for _, o := range optimizers {
		for _, s := range settings[:4] {
			t.Run(o.name+", "+s.name, func(t *testing.T) {
				python := new(graph_go_proto.GraphDef)
				require.NoError(t, proto.Unmarshal(oracle.Value[applied](t, script, o.python, s.python()).Graph, python))
				g := tf.NewGraph()
				place, err := cluster.ReplicaDeviceSetter(nil, &cluster.ReplicaOptions{PSTasks: 3, WorkerDevice: device})
				require.NoError(t, err)
				require.NoError(t, g.WithDeviceFunc(place, func() error {
					applyIn(t, g, o.make, s)
					return nil
				}))
				def, err := g.GraphDef()
				require.NoError(t, err)
				sameNodes(t, python, def)
			})
		}
	}
}

// sameNodes compares graphs node by node: type, inputs, device and attributes.
func sameNodes(t *testing.T, want, got *graph_go_proto.GraphDef) {
	t.Helper()
	byName := make(map[string]*node_def_go_proto.NodeDef)
	for _, n := range got.GetNode() {
		byName[n.GetName()] = n
	}
	for _, w := range want.GetNode() {
		n := byName[w.GetName()]
		if !assert.NotNil(t, n, "node %s of type %s", w.GetName(), w.GetOp()) {
			continue
		}
		delete(byName, w.GetName())
		assert.Equal(t, w.GetOp(), n.GetOp(), w.GetName())
		assert.Equal(t, w.GetDevice(), n.GetDevice(), w.GetName())
		assert.ElementsMatch(t, w.GetInput(), n.GetInput(), w.GetName())
		for key, value := range w.GetAttr() {
			assert.Truef(t, proto.Equal(value, n.GetAttr()[key]), "attribute %s of %s: %v in Python, %v in Go", key, w.GetName(), value, n.GetAttr()[key])
		}
		for key := range n.GetAttr() {
			assert.Contains(t, w.GetAttr(), key, "attribute of %s", w.GetName())
		}
	}
	for name := range byName {
		assert.Fail(t, "a node that is not in Python's graph", name)
	}
}
