package tf_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/tf"
)

// pythonGraph is a graph of Python: its serialized GraphDef, and the serialized
// VariableDefs of each collection.
type pythonGraph struct {
	Graph       []byte              `json:"graph"`
	Collections map[string][][]byte `json:"collections"`
}

// askPython runs a script that adds variables, and returns the graph.
func askPython(t *testing.T, script string) pythonGraph {
	t.Helper()
	return oracle.Value[pythonGraph](t, script+`
graph = tf1.get_default_graph()
result = {
    "graph": graph.as_graph_def().SerializeToString(),
    "collections": {
        key: [v.to_proto().SerializeToString() for v in graph.get_collection(key)]
        for key in graph.get_all_collection_keys()
    },
}
`)
}

// requireSameVariables compares the VariableDefs of all collections.
func requireSameVariables(t *testing.T, want map[string][][]byte, g *tf.Graph) {
	t.Helper()
	var keys []string
	for _, key := range g.CollectionKeys() {
		keys = append(keys, key)
		for i, raw := range want[key] {
			python := new(graphdef.VariableDef)
			require.NoError(t, proto.Unmarshal(raw, python))
			require.Less(t, i, len(g.Collection(key)), "collection %s", key)
			got := g.Collection(key)[i].Variable().Def()
			if !proto.Equal(python, got) {
				assert.Equal(t, prototext.Format(python), prototext.Format(got))
			}
		}
		assert.Len(t, g.Collection(key), len(want[key]))
	}
	for key := range want {
		assert.Contains(t, keys, key)
	}
}

// variableCase is a script that adds variables in Python, and a function that adds the
// same ones.
type variableCase struct {
	name   string
	python string
	build  func(t *testing.T, g *tf.Graph)
}

// compareVariables compares the graphs and collections of Python and Go.
func compareVariables(t *testing.T, cases []variableCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := tf.NewGraph()
			c.build(t, g)
			python := askPython(t, c.python)
			tfgraph.RequireSameNodes(t, python.Graph, g)
			requireSameVariables(t, python.Collections, g)
		})
	}
}

// withInit adds the variable hidden/w.
func withInit(init tf.Initializer) func(t *testing.T, g *tf.Graph) {
	return withOptions(init, tf.VariableOptions{})
}

// withOptions adds the variable hidden/w with options.
func withOptions(init tf.Initializer, o tf.VariableOptions) func(t *testing.T, g *tf.Graph) {
	return func(t *testing.T, g *tf.Graph) {
		_, err := tf.NewVariable(g, "hidden/w", init, &o)
		require.NoError(t, err)
	}
}

// getVariable is the Python expression that adds the variable hidden/w.
func getVariable(args string) string { return "tf1.get_variable('hidden/w', " + args + ")" }

// getRefVariable is getVariable for a reference variable.
func getRefVariable(args string) string { return getVariable(args + ", use_resource=False") }

func TestInitializersEqualPython(t *testing.T) {
	compareVariables(t, []variableCase{
		{"zeros", getVariable("[2,3], initializer=tf1.zeros_initializer()"), withInit(tf.Zeros(2, 3))},
		{"large zeros", getVariable("[40,25], initializer=tf1.zeros_initializer()"), withInit(tf.Zeros(40, 25))},
		{"999 zeros", getVariable("[999], initializer=tf1.zeros_initializer()"), withInit(tf.Zeros(999))},
		{"no zeros", getVariable("[0,3], initializer=tf1.zeros_initializer()"), withInit(tf.Zeros(0, 3))},
		{"scalar zero", getVariable("[], initializer=tf1.zeros_initializer()"), withInit(tf.Zeros())},
		{"false", getVariable("[2], tf.bool, tf1.zeros_initializer()"), withInit(tf.Zeros(2).WithDType(dtype.Bool))},
		{"empty strings", getVariable("[2], tf.string, tf1.zeros_initializer()"), withInit(tf.Zeros(2).WithDType(dtype.String))},
		{"int64 zeros", getVariable("[2], tf.int64, tf1.zeros_initializer()"), withInit(tf.Zeros(2).WithDType(dtype.Int64))},
		{"half zeros", getVariable("[2], tf.float16, tf1.zeros_initializer()"), withInit(tf.Zeros(2).WithDType(dtype.Float16))},
		{"complex zeros", getVariable("[2], tf.complex64, tf1.zeros_initializer()"), withInit(tf.Zeros(2).WithDType(dtype.Complex64))},
		{"uint8 zeros", getVariable("[2], tf.uint8, tf1.zeros_initializer()"), withInit(tf.Zeros(2).WithDType(dtype.Uint8))},
		{"ones", getVariable("[2,3], initializer=tf1.ones_initializer()"), withInit(tf.Ones(2, 3))},
		{"large ones", getVariable("[1000], initializer=tf1.ones_initializer()"), withInit(tf.Ones(1000))},
		{"true", getVariable("[2], tf.bool, tf1.ones_initializer()"), withInit(tf.Ones(2).WithDType(dtype.Bool))},
		{"bfloat16 ones", getVariable("[2], tf.bfloat16, tf1.ones_initializer()"), withInit(tf.Ones(2).WithDType(dtype.BFloat16))},
		{"constant", getVariable("[2,3], initializer=tf1.constant_initializer(3.5)"), withInit(tf.Constant(3.5, 2, 3))},
		{"integer constant", getVariable("[2,3], initializer=tf1.constant_initializer(3)"), withInit(tf.Constant(3, 2, 3))},
		{"int32 constant", getVariable("[2], tf.int32, tf1.constant_initializer(-7)"), withInit(tf.Constant(-7, 2).WithDType(dtype.Int32))},
		{"double constant", getVariable("[2], tf.float64, tf1.constant_initializer(0.1)"), withInit(tf.Constant(0.1, 2).WithDType(dtype.Float64))},
		{"half constant", getVariable("[2], tf.float16, tf1.constant_initializer(0.1)"), withInit(tf.Constant(0.1, 2).WithDType(dtype.Float16))},
		{"bfloat16 constant", getVariable("[2], tf.bfloat16, tf1.constant_initializer(0.1)"), withInit(tf.Constant(0.1, 2).WithDType(dtype.BFloat16))},
		{"string constant", getVariable("[2], tf.string, tf1.constant_initializer('abc')"), withInit(tf.Constant("abc", 2))},
		{"scalar constant", getVariable("[], initializer=tf1.constant_initializer(0.1)"), withInit(tf.Constant(0.1))},
		{"uniform", getVariable("[2,3], initializer=tf1.random_uniform_initializer(-1, 2)"), withInit(tf.Uniform(-1, 2, 2, 3))},
		{"vector uniform", getVariable("[3], initializer=tf1.random_uniform_initializer(-1, 2)"), withInit(tf.Uniform(-1, 2, 3))},
		{"scalar uniform", getVariable("[], initializer=tf1.random_uniform_initializer(-1, 2)"), withInit(tf.Uniform(-1, 2))},
		{"integer uniform", getVariable("[2,3], tf.int32, tf1.random_uniform_initializer(0, 9, dtype=tf.int32)"), withInit(tf.Uniform(0, 9, 2, 3).WithDType(dtype.Int32))},
		{"normal", getVariable("[2,3], initializer=tf1.random_normal_initializer(0.5, 0.1)"), withInit(tf.Normal(0.5, 0.1, 2, 3))},
		{"seeded normal", getVariable("[2,3], initializer=tf1.random_normal_initializer(0.5, 0.1, seed=7)"), withInit(tf.Normal(0.5, 0.1, 2, 3).WithSeed(7))},
		{"negative seed", getVariable("[2,3], initializer=tf1.random_normal_initializer(0.5, 0.1, seed=-7)"), withInit(tf.Normal(0.5, 0.1, 2, 3).WithSeed(-7))},
		{"double normal", getVariable("[2,3], tf.float64, tf1.random_normal_initializer(0.5, 0.1, dtype=tf.float64)"), withInit(tf.Normal(0.5, 0.1, 2, 3).WithDType(dtype.Float64))},
		{"truncated normal", getVariable("[2,3], initializer=tf1.truncated_normal_initializer(0.5, 0.1)"), withInit(tf.TruncatedNormal(0.5, 0.1, 2, 3))},
		{"glorot uniform", getVariable("[2,3], initializer=tf1.glorot_uniform_initializer()"), withInit(tf.GlorotUniform(2, 3))},
		{"glorot vector", getVariable("[7], initializer=tf1.glorot_uniform_initializer()"), withInit(tf.GlorotUniform(7))},
		{"glorot normal", getVariable("[3,3,8,16], initializer=tf1.glorot_normal_initializer()"), withInit(tf.GlorotNormal(3, 3, 8, 16))},
		{"default", getVariable("[2,3]"), withInit(tf.GlorotUniform(2, 3))},
		{"value", "tf1.Variable([1., 2.], name='hidden/w')", withInit(tf.Value([]float32{1, 2}))},
		{"scalar value", "tf1.Variable(2.5, name='hidden/w')", withInit(tf.Value(float32(2.5)))},
		{"string value", "tf1.Variable(['a', 'bc'], name='hidden/w')", withInit(tf.Value([]string{"a", "bc"}))},
	})
}

func TestVariableOptionsEqualPython(t *testing.T) {
	compareVariables(t, []variableCase{
		{"not trainable", getVariable("[2], initializer=tf1.zeros_initializer(), trainable=False"), withOptions(tf.Zeros(2), tf.VariableOptions{NotTrainable: true})},
		{
			"local",
			"tf1.get_variable('hidden/w', [2], initializer=tf1.zeros_initializer(), trainable=False, collections=['local_variables'])",
			withOptions(tf.Zeros(2), tf.VariableOptions{Local: true}),
		},
		{
			"collections",
			"tf1.get_variable('hidden/w', [2], initializer=tf1.zeros_initializer(), collections=['variables', 'mine'])",
			withOptions(tf.Zeros(2), tf.VariableOptions{Collections: []string{tf.GlobalVariables, "mine"}}),
		},
		{
			"device",
			"with tf.device('/cpu:0'):\n  " + getVariable("[2], initializer=tf1.zeros_initializer()"),
			withOptions(tf.Zeros(2), tf.VariableOptions{Device: "/cpu:0"}),
		},
		{
			"device of a value",
			"with tf.device('/job:ps/gpu:1'):\n  tf1.Variable([1.], name='hidden/w')",
			withOptions(tf.Value([]float32{1}), tf.VariableOptions{Device: "/job:ps/gpu:1"}),
		},
		{
			"any shape",
			"tf1.Variable([1., 2.], name='hidden/w', shape=tf.TensorShape(None))",
			withOptions(tf.Value([]float32{1, 2}), tf.VariableOptions{AnyShape: true}),
		},
	})
}

func TestRefVariablesEqualPython(t *testing.T) {
	ref := tf.VariableOptions{Ref: true}
	compareVariables(t, []variableCase{
		{"ref zeros", getRefVariable("[2,3], initializer=tf1.zeros_initializer()"), withOptions(tf.Zeros(2, 3), ref)},
		{"ref normal", getRefVariable("[2,3], initializer=tf1.truncated_normal_initializer(0.5, 0.1)"), withOptions(tf.TruncatedNormal(0.5, 0.1, 2, 3), ref)},
		{"ref value", "tf1.Variable([1., 2.], name='hidden/w', use_resource=False)", withOptions(tf.Value([]float32{1, 2}), ref)},
		{
			"ref any shape",
			"tf1.Variable([1., 2.], name='hidden/w', use_resource=False, validate_shape=False)",
			withOptions(tf.Value([]float32{1, 2}), tf.VariableOptions{Ref: true, AnyShape: true}),
		},
		{
			"ref device",
			"with tf.device('/cpu:0'):\n  " + getRefVariable("[2], initializer=tf1.zeros_initializer()"),
			withOptions(tf.Zeros(2), tf.VariableOptions{Ref: true, Device: "/cpu:0"}),
		},
		{
			"ref device of a value",
			"with tf.device('/job:ps/task:1'):\n  tf1.Variable([1.], name='hidden/w', use_resource=False)",
			withOptions(tf.Value([]float32{1}), tf.VariableOptions{Ref: true, Device: "/job:ps/task:1"}),
		},
	})
}

func TestGraphsOfVariablesEqualPython(t *testing.T) {
	ref := tf.VariableOptions{Ref: true}
	compareVariables(t, []variableCase{
		{
			"from a tensor",
			"a = tf.constant([1., 2.], name='a')\ntf1.Variable(a, name='hidden/w')",
			func(t *testing.T, g *tf.Graph) {
				a := tfgraph.Const(t, g, "a", []float32{1, 2})
				_, err := tf.NewVariable(g, "hidden/w", tf.FromOutput(a), nil)
				require.NoError(t, err)
			},
		},
		{
			"ref from a tensor",
			"a = tf.constant([1., 2.], name='a')\ntf1.Variable(a, name='hidden/w', use_resource=False)",
			func(t *testing.T, g *tf.Graph) {
				a := tfgraph.Const(t, g, "a", []float32{1, 2})
				_, err := tf.NewVariable(g, "hidden/w", tf.FromOutput(a), &ref)
				require.NoError(t, err)
			},
		},
		{
			"graph seed",
			"tf1.set_random_seed(5)\n" +
				"for name, seed in (('a', None), ('b', None), ('c', 8), ('d', None)):\n" +
				"  tf1.get_variable(name, [2], initializer=tf1.truncated_normal_initializer(seed=seed))",
			func(t *testing.T, g *tf.Graph) {
				g.SetRandomSeed(5)
				normal := tf.TruncatedNormal(0, 1, 2)
				for name, init := range inOrder("a", normal, "b", normal, "c", normal.WithSeed(8), "d", normal) {
					_, err := tf.NewVariable(g, name, init, nil)
					require.NoError(t, err)
				}
			},
		},
		{
			"zero seeds",
			"tf1.set_random_seed(0)\ntf1.get_variable('a', [2], initializer=tf1.truncated_normal_initializer(seed=0))",
			func(t *testing.T, g *tf.Graph) {
				g.SetRandomSeed(0)
				_, err := tf.NewVariable(g, "a", tf.TruncatedNormal(0, 1, 2).WithSeed(0), nil)
				require.NoError(t, err)
			},
		},
		{
			"initializer",
			"tf1.get_variable('w', [2], initializer=tf1.zeros_initializer())\n" +
				"tf1.get_variable('r', [2], initializer=tf1.zeros_initializer(), use_resource=False)\n" +
				"tf1.global_variables_initializer()\ntf1.global_variables_initializer()\ntf1.local_variables_initializer()",
			func(t *testing.T, g *tf.Graph) {
				_, err := tf.NewVariable(g, "w", tf.Zeros(2), nil)
				require.NoError(t, err)
				_, err = tf.NewVariable(g, "r", tf.Zeros(2), &ref)
				require.NoError(t, err)
				for _, f := range []func(*tf.Graph) (*tf.Operation, error){tf.GlobalVariablesInitializer, tf.GlobalVariablesInitializer, initializeLocal} {
					_, err = f(g)
					require.NoError(t, err)
				}
			},
		},
		{
			"partition",
			"tf1.get_variable('p', [4, 3], initializer=tf1.zeros_initializer(), partitioner=tf1.fixed_size_partitioner(2))",
			func(t *testing.T, g *tf.Graph) {
				for i := range int64(2) {
					_, err := tf.NewVariable(g, "p/part_"+string('0'+rune(i)), tf.Zeros(2, 3), &tf.VariableOptions{
						SliceInfo: &tf.SaveSliceInfo{FullName: "p", FullShape: []int64{4, 3}, Offset: []int64{2 * i, 0}, Shape: []int64{2, 3}},
					})
					require.NoError(t, err)
				}
			},
		},
	})
}

// inOrder iterates over pairs of a name and an initializer.
func inOrder(pairs ...any) func(yield func(string, tf.Initializer) bool) {
	return func(yield func(string, tf.Initializer) bool) {
		for i := 0; i < len(pairs); i += 2 {
			if !yield(pairs[i].(string), pairs[i+1].(tf.Initializer)) {
				return
			}
		}
	}
}

func initializeLocal(g *tf.Graph) (*tf.Operation, error) {
	return tf.VariablesInitializer(g, "init", g.LocalVariables()...)
}
