package tf_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

func initialize(t testing.TB, s *tf.Session) {
	t.Helper()
	op, err := tf.GlobalVariablesInitializer(s.Graph())
	require.NoError(t, err)
	require.NoError(t, s.RunOps(t.Context(), op))
}

func TestVariablesAssign(t *testing.T) {
	for _, c := range []struct {
		name    string
		options *tf.VariableOptions
	}{
		{"resource", nil},
		{"ref", &tf.VariableOptions{Ref: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := tf.NewGraph()
			v, err := tf.NewVariable(g, "v", tf.Value([]float32{1, 2}), c.options)
			require.NoError(t, err)
			delta := tfgraph.Const(t, g, "delta", []float32{10, 20})
			add, err := v.AssignAdd(delta)
			require.NoError(t, err)
			subtract, err := v.AssignSub(delta)
			require.NoError(t, err)
			set, err := v.Assign(delta)
			require.NoError(t, err)
			s := tfgraph.Session(t, g, nil)
			initialize(t, s)
			assert.Equal(t, []float32{1, 2}, tfgraph.Value(t, s, v.Value()))
			require.NoError(t, s.RunOps(t.Context(), add))
			assert.Equal(t, []float32{11, 22}, tfgraph.Value(t, s, v.Value()))
			require.NoError(t, s.RunOps(t.Context(), subtract))
			assert.Equal(t, []float32{1, 2}, tfgraph.Value(t, s, v.Value()))
			require.NoError(t, s.RunOps(t.Context(), set))
			assert.Equal(t, []float32{10, 20}, tfgraph.Value(t, s, v.Value()))
		})
	}
}

func TestAssignRefusesAnotherType(t *testing.T) {
	g := tf.NewGraph()
	for _, o := range []*tf.VariableOptions{nil, {Ref: true}} {
		v, err := tf.NewVariable(g, g.UniqueName("v"), tf.Value([]float32{1, 2}), o)
		require.NoError(t, err)
		value := tfgraph.Const(t, g, g.UniqueName("c"), []float64{1, 2})
		for _, assign := range []func(tf.Output) (*tf.Operation, error){v.Assign, v.AssignAdd, v.AssignSub} {
			_, err := assign(value)
			require.ErrorIs(t, err, status.InvalidArgument)
			assert.ErrorContains(t, err, fmt.Sprintf("assign: variable %q: ", v.Name()))
			assert.ErrorContains(t, err, "has type float64, but the variable has type float32")
		}
	}
	assert.NoError(t, g.Err())
}

func TestAnyShape(t *testing.T) {
	for _, test := range []struct {
		name string
		ref  bool
	}{
		{"resource", false},
		{"ref", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := tf.NewGraph()
			v, err := tf.NewVariable(g, "v", tf.Value([]float32{1, 2}), &tf.VariableOptions{AnyShape: true, Ref: test.ref})
			require.NoError(t, err)
			assert.Equal(t, -1, v.Shape().NumDimensions())
			set, err := v.Assign(tfgraph.Const(t, g, "c", []float32{1, 2, 3}))
			require.NoError(t, err)
			s := tfgraph.Session(t, g, nil)
			initialize(t, s)
			require.NoError(t, s.RunOps(t.Context(), set))
			assert.Equal(t, []float32{1, 2, 3}, tfgraph.Value(t, s, v.Value()))
		})
	}
}

func TestSeededValuesEqualPython(t *testing.T) {
	type values struct{ Normal, Truncated, Uniform, Integer, Graph []byte }
	want := oracle.Value[values](t, `
tf1.set_random_seed(11)
def get(name, init, dtype=tf.float32):
    return tf1.get_variable(name, [5, 3], dtype, init)
made = {
    "Normal": get("n", tf1.random_normal_initializer(1, 2, seed=3)),
    "Truncated": get("t", tf1.truncated_normal_initializer(1, 2, seed=4)),
    "Uniform": get("u", tf1.random_uniform_initializer(-1, 2, seed=5)),
    "Integer": get("i", tf1.random_uniform_initializer(0, 100, seed=6, dtype=tf.int32), tf.int32),
    "Graph": get("g", tf1.glorot_uniform_initializer()),
}
with tf1.Session() as sess:
    sess.run(tf1.global_variables_initializer())
    result = {name: value.tobytes() for name, value in sess.run(made).items()}
`)
	g := tf.NewGraph()
	g.SetRandomSeed(11)
	var fetches []tf.Output
	for name, init := range inOrder(
		"n", tf.Normal(1, 2, 5, 3).WithSeed(3),
		"t", tf.TruncatedNormal(1, 2, 5, 3).WithSeed(4),
		"u", tf.Uniform(-1, 2, 5, 3).WithSeed(5),
		"i", tf.Uniform(0, 100, 5, 3).WithSeed(6).WithDType(dtype.Int32),
		"g", tf.GlorotUniform(5, 3),
	) {
		v, err := tf.NewVariable(g, name, init, nil)
		require.NoError(t, err)
		fetches = append(fetches, v.Value())
	}
	s := tfgraph.Session(t, g, nil)
	initialize(t, s)
	out, err := s.Run(t.Context(), nil, fetches, nil, nil)
	require.NoError(t, err)
	defer tf.Release(out...)
	for i, w := range [][]byte{want.Normal, want.Truncated, want.Uniform, want.Integer, want.Graph} {
		assert.Equal(t, w, out[i].TensorData(), "%v", fetches[i].Op.Name())
	}
}

func TestUnseededInitializersDiffer(t *testing.T) {
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Normal(0, 1, 8), nil)
	require.NoError(t, err)
	a, b := tfgraph.Session(t, g, nil), tfgraph.Session(t, g, nil)
	initialize(t, a)
	initialize(t, b)
	assert.NotEqual(t, tfgraph.Value(t, a, v.Value()), tfgraph.Value(t, b, v.Value()))
}

func TestBadVariablesAreRefused(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.NewVariable(g, "taken", tf.Zeros(2), nil)
	require.NoError(t, err)
	released := tensor(t, float32(1))
	tf.Release(released)
	for _, c := range []struct {
		name     string
		variable string
		init     tf.Initializer
		kind     error
	}{
		{"taken name", "taken", tf.Zeros(2), status.AlreadyExists},
		{"no name", "", tf.Zeros(2), status.InvalidArgument},
		{"scope for a name", "a/", tf.Zeros(2), status.InvalidArgument},
		{"name TensorFlow refuses", "a b", tf.Zeros(2), status.InvalidArgument},
		{"no initializer", "a", tf.Initializer{}, status.InvalidArgument},
		{"unknown dimension", "a", tf.Zeros(-1), status.InvalidArgument},
		{"normal integers", "a", tf.Normal(0, 1, 2).WithDType(dtype.Int32), status.InvalidArgument},
		{"uniform bools", "a", tf.Uniform(0, 1, 2).WithDType(dtype.Bool), status.InvalidArgument},
		{"ones of strings", "a", tf.Ones(2).WithDType(dtype.String), status.InvalidArgument},
		{"string as a number", "a", tf.Constant("x", 2).WithDType(dtype.Float32), status.InvalidArgument},
		{"number as a bool", "a", tf.Constant(1, 2).WithDType(dtype.Bool), status.InvalidArgument},
		{"fraction as an integer", "a", tf.Constant(1.5, 2).WithDType(dtype.Int32), status.InvalidArgument},
		{"too large", "a", tf.Constant(300, 2).WithDType(dtype.Uint8), status.InvalidArgument},
		{"negative as unsigned", "a", tf.Constant(-1, 2).WithDType(dtype.Uint64), status.InvalidArgument},
		{"complex as real", "a", tf.Constant(1i, 2), status.InvalidArgument},
		{"ragged value", "a", tf.Value([][]float32{{1}, {1, 2}}), status.InvalidArgument},
		{"int has no type", "a", tf.Value(1), status.InvalidArgument},
		{"nil value", "a", tf.Value(nil), status.InvalidArgument},
		{"released value", "a", tf.Value(released), status.InvalidArgument},
		{"value of another type", "a", tf.Value(float32(1)).WithDType(dtype.Float64), status.InvalidArgument},
		{"output of nothing", "a", tf.FromOutput(tf.Output{}), status.InvalidArgument},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := tf.NewVariable(g, c.variable, c.init, nil)
			require.ErrorIs(t, err, c.kind)
			if c.variable != "" {
				assert.ErrorContains(t, err, c.variable)
			}
		})
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	g, other := tf.NewGraph(), tf.NewGraph()
	elsewhere, err := tf.NewVariable(other, "v", tf.Zeros(2), nil)
	require.NoError(t, err)
	for _, o := range []*tf.VariableOptions{
		{Device: "gpu"},
		{ColocateWith: elsewhere},
	} {
		_, err := tf.NewVariable(g, "v", tf.Zeros(2), o)
		require.ErrorIs(t, err, status.InvalidArgument)
	}
	_, err = tf.NewVariable(g, "v", tf.FromOutput(elsewhere.Value()), nil)
	require.ErrorIs(t, err, status.InvalidArgument)
}

func TestConstantsOfEveryType(t *testing.T) {
	g := tf.NewGraph()
	for _, c := range []struct {
		dt    dtype.DataType
		value any
		want  any
	}{
		{dtype.Float32, 0.5, float32(0.5)}, {dtype.Float64, math.Pi, math.Pi},
		{dtype.Int8, -8, int8(-8)}, {dtype.Int16, -16, int16(-16)}, {dtype.Int32, -32, int32(-32)}, {dtype.Int64, int64(math.MinInt64), int64(math.MinInt64)},
		{dtype.Uint8, 200, uint8(200)}, {dtype.Uint16, 60000, uint16(60000)}, {dtype.Uint32, uint32(math.MaxUint32), uint32(math.MaxUint32)},
		{dtype.Uint64, uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{dtype.Complex64, 1 + 2i, complex64(1 + 2i)}, {dtype.Complex128, 1 + 2i, 1 + 2i}, {dtype.Complex128, 3, 3 + 0i},
		{dtype.Bool, true, true}, {dtype.String, "text", "text"}, {dtype.String, []byte("text"), "text"},
	} {
		v, err := tf.NewVariable(g, g.UniqueName("v"), tf.Constant(c.value).WithDType(c.dt), nil)
		require.NoError(t, err)
		s := tfgraph.Session(t, g, nil)
		require.NoError(t, s.RunOps(t.Context(), v.Initializer()))
		assert.Equal(t, c.want, tfgraph.Value(t, s, v.Value()))
	}
}

func TestHalfPrecisionRoundsLikeNumpy(t *testing.T) {
	values := []float64{0, 1, -1, 0.1, 1.0 / 3, 65504, 65519, 65520, 1e9, -1e9, 6.1e-5, 6e-5, 5.96e-8, 2.9e-8, 3e-8, 1e-9, 2049, 2051, 1.00048828125}
	type bits struct{ Half, Bfloat16 []uint16 }
	want := oracle.Value[bits](t, `
values = np.array(args[0], np.float32)
result = {
    "Half": values.astype(np.float16).view(np.uint16),
    "Bfloat16": values.astype(tf.bfloat16.as_numpy_dtype).view(np.uint16),
}
`, values)
	g := tf.NewGraph()
	s := tfgraph.Session(t, g, nil)
	for i, value := range values {
		for dt, want := range map[dtype.DataType]uint16{dtype.Float16: want.Half[i], dtype.BFloat16: want.Bfloat16[i]} {
			v, err := tf.NewVariable(g, g.UniqueName("v"), tf.Constant(value).WithDType(dt), nil)
			require.NoError(t, err)
			out, err := s.Run(t.Context(), nil, []tf.Output{v.InitialValue()}, nil, nil)
			require.NoError(t, err)
			data := out[0].TensorData()
			assert.Equal(t, want, uint16(data[0])|uint16(data[1])<<8, "%v", value)
			tf.Release(out...)
		}
	}
}

func TestVariableFromDef(t *testing.T) {
	g := tf.NewGraph()
	for _, o := range []*tf.VariableOptions{
		nil,
		{NotTrainable: true},
		{Ref: true},
		{SliceInfo: &tf.SaveSliceInfo{FullName: "p", FullShape: []int64{4, 3}, Offset: []int64{2, 0}, Shape: []int64{2, 3}}},
	} {
		made, err := tf.NewVariable(g, g.UniqueName("v"), tf.Zeros(2, 3), o)
		require.NoError(t, err)
		found, err := tf.VariableFromDef(g, made.Def(), "")
		require.NoError(t, err)
		assert.True(t, proto.Equal(made.Def(), found.Def()))
		assert.Equal(t, made.Name(), found.Name())
		assert.Equal(t, made.TensorName(), found.TensorName())
		assert.Equal(t, made.Shape(), found.Shape())
		assert.Equal(t, made.DType(), found.DType())
		assert.Equal(t, made.Trainable(), found.Trainable())
		assert.Equal(t, made.IsResource(), found.IsResource())
		assert.Equal(t, made.SaveSliceInfo(), found.SaveSliceInfo())
		assert.Equal(t, made.Initializer().Name(), found.Initializer().Name())
		assert.Equal(t, made.InitialValue().Op.Name(), found.InitialValue().Op.Name())
		assert.Equal(t, made.Value().Op.Name(), found.Value().Op.Name())
		assert.Equal(t, made.Handle().Op.Name(), found.Handle().Op.Name())
	}
}

func TestVariableFromBrokenDef(t *testing.T) {
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Zeros(2), nil)
	require.NoError(t, err)
	r, err := tf.NewVariable(g, "r", tf.Zeros(2), &tf.VariableOptions{Ref: true})
	require.NoError(t, err)
	for _, c := range []struct {
		name  string
		def   *graphdef.VariableDef
		spoil func(*graphdef.VariableDef)
		want  string
	}{
		{"no name", v.Def(), func(d *graphdef.VariableDef) { d.VariableName = "" }, "variable_name"},
		{"absent variable", v.Def(), func(d *graphdef.VariableDef) { d.VariableName = "gone:0" }, `"gone"`},
		{"absent initializer", v.Def(), func(d *graphdef.VariableDef) { d.InitializerName = "gone" }, `"gone"`},
		{"absent snapshot", v.Def(), func(d *graphdef.VariableDef) { d.SnapshotName = "gone:0" }, `"gone"`},
		{"absent value", v.Def(), func(d *graphdef.VariableDef) { d.InitialValueName = "gone:3" }, `"gone"`},
		{"not a tensor", v.Def(), func(d *graphdef.VariableDef) { d.VariableName = "v:x" }, `"v:x"`},
		{"output out of range", v.Def(), func(d *graphdef.VariableDef) { d.SnapshotName = "v:7" }, `"v"`},
		{"not a resource", v.Def(), func(d *graphdef.VariableDef) { d.VariableName = "v/Assign:0" }, `"v/Assign"`},
		{"a ref as a resource", r.Def(), func(d *graphdef.VariableDef) { d.IsResource = true }, `"r"`},
		{"a resource as a ref", v.Def(), func(d *graphdef.VariableDef) { d.IsResource = false }, `"v"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.spoil(c.def)
			_, err := tf.VariableFromDef(g, c.def, "")
			require.Error(t, err)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestPythonImportsVariables(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.NewVariable(g, "a/w", tf.Value([]float32{1, 2}), nil)
	require.NoError(t, err)
	_, err = tf.NewVariable(g, "b", tf.Value([]float32{3}), &tf.VariableOptions{Ref: true, NotTrainable: true})
	require.NoError(t, err)
	_, err = tf.NewVariable(g, "c", tf.Value([]float32{4}), &tf.VariableOptions{Local: true})
	require.NoError(t, err)
	meta, err := tf.ExportMetaGraph(g, nil)
	require.NoError(t, err)
	raw, err := proto.Marshal(meta)
	require.NoError(t, err)

	type imported struct {
		Global, Trainable, Local []string
		Values                   [][]float32
	}
	got := oracle.Value[imported](t, `
meta = tf1.MetaGraphDef()
meta.ParseFromString(args[0])
tf1.train.import_meta_graph(meta, import_scope="in")
def names(variables):
    return [type(v).__name__ + " " + v.name for v in variables]
with tf1.Session() as sess:
    sess.run(tf1.global_variables_initializer())
    a = tf1.trainable_variables()[0]
    sess.run(a.assign_add([10, 10]))
    values = sess.run(tf1.global_variables())
result = {"Global": names(tf1.global_variables()), "Trainable": names(tf1.trainable_variables()),
          "Local": names(tf1.local_variables()), "Values": values}
`, raw)
	assert.Equal(t, imported{
		Global:    []string{"ResourceVariable in/a/w:0", "RefVariable in/b:0"},
		Trainable: []string{"ResourceVariable in/a/w:0"},
		Local:     []string{"ResourceVariable in/c:0"},
		Values:    [][]float32{{11, 12}, {3}},
	}, got)
}
