package tf_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/namescope"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

func parseGraph(t testing.TB, text string) *graphdef.GraphDef {
	t.Helper()
	if text == "" {
		return &graphdef.GraphDef{}
	}
	def, err := graphdef.ParseGraphDef([]byte(text))
	require.NoError(t, err)
	return def
}

func constNode(name string, value string) string {
	return `node { name: "` + name + `" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
		attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape {} int_val: ` + value + ` } } } } `
}

// unaryNode returns a node with one input, of type int32.
func unaryNode(name, op, input string) string {
	return `node { name: "` + name + `" op: "` + op + `" input: "` + input + `" attr { key: "T" value { type: DT_INT32 } } } `
}

func nodeNames(t testing.TB, g *tf.Graph) []string {
	t.Helper()
	def, err := g.GraphDef()
	require.NoError(t, err)
	var names []string
	for _, n := range def.GetNode() {
		names = append(names, n.GetName())
	}
	return names
}

// evaluate returns the value of an int32 scalar.
func evaluate(t testing.TB, g *tf.Graph, name string) int32 {
	t.Helper()
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	out, err := g.OutputByName(name)
	require.NoError(t, err)
	res, err := sess.Run(context.Background(), nil, []tf.Output{out}, nil, nil)
	require.NoError(t, err)
	defer tf.Release(res...)
	return res[0].Value().(int32)
}

func TestImportPrefix(t *testing.T) {
	def := parseGraph(t, constNode("A", "5")+unaryNode("B", "Neg", "A:0"))
	for _, c := range []struct {
		name string
		o    *tf.ImportGraphDefOptions
		want string
	}{
		{"DefaultNamePrefix", nil, "import"},
		{"OverrideNamePrefix", &tf.ImportGraphDefOptions{Name: "imported_graph"}, "imported_graph"},
		{"no prefix", &tf.ImportGraphDefOptions{NoPrefix: true}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := tf.NewGraph()
			res, err := tf.ImportGraphDef(t.Context(), g, def, c.o)
			require.NoError(t, err)
			assert.Equal(t, c.want, res.Prefix)
			assert.Equal(t, namescope.Prepend("B", c.want), nodeNames(t, g)[1])
			assert.EqualValues(t, -5, evaluate(t, g, namescope.Prepend("B:0", c.want)))
			assert.Empty(t, res.Elements)
		})
	}
}

func TestMultipleImport(t *testing.T) {
	def := parseGraph(t, constNode("A", "5")+unaryNode("B", "Neg", "A"))
	g := tf.NewGraph()
	imported := func(o *tf.ImportGraphDefOptions) []string {
		t.Helper()
		o.ReturnElements = []string{"A", "B"}
		res, err := tf.ImportGraphDef(t.Context(), g, def, o)
		require.NoError(t, err)
		return []string{res.Elements[0].Op().Name(), res.Elements[1].Op().Name()}
	}
	assert.Equal(t, []string{"A", "B"}, imported(&tf.ImportGraphDefOptions{NoPrefix: true}))
	assert.Equal(t, []string{"A_1", "B_1"}, imported(&tf.ImportGraphDefOptions{NoPrefix: true}))
	assert.Equal(t, []string{"A_2", "B_2"}, imported(&tf.ImportGraphDefOptions{NoPrefix: true}))
	assert.Equal(t, []string{"A_3/A", "A_3/B"}, imported(&tf.ImportGraphDefOptions{Name: "A"}))
	assert.Equal(t, []string{"A/A", "A/B"}, imported(&tf.ImportGraphDefOptions{Name: "A/"}))
	assert.Equal(t, []string{"A/A_1", "A/B_1"}, imported(&tf.ImportGraphDefOptions{Name: "A/"}))

	// A name that ends in a number gets a second number.
	numbered := parseGraph(t, constNode("A_1", "7"))
	res, err := tf.ImportGraphDef(t.Context(), g, numbered, &tf.ImportGraphDefOptions{NoPrefix: true, ReturnElements: []string{"A_1"}})
	require.NoError(t, err)
	assert.Equal(t, "A_1_1", res.Elements[0].Op().Name())
}

func TestImportReturnElements(t *testing.T) {
	def := parseGraph(t, constNode("A", "5")+unaryNode("B", "Neg", "A")+unaryNode("C", "Abs", "B"))
	res, err := tf.ImportGraphDef(t.Context(), tf.NewGraph(), def, &tf.ImportGraphDefOptions{ReturnElements: []string{"C:0", "A", "B:0", "C"}})
	require.NoError(t, err)
	var got []string
	for _, e := range res.Elements {
		require.NotNil(t, e.Op())
		got = append(got, e.Op().Name())
	}
	assert.Equal(t, []string{"import/C", "import/A", "import/B", "import/C"}, got)
	assert.IsType(t, tf.Output{}, res.Elements[0].Value())
	assert.IsType(t, &tf.Operation{}, res.Elements[1].Value())
}

func TestInputMap(t *testing.T) {
	def := parseGraph(t, constNode("A", "5")+unaryNode("B", "Neg", "A")+unaryNode("C", "Abs", "A:0"))
	for _, key := range []string{"A", "A:0"} { // an implicit and an explicit zeroth output
		g := tf.NewGraph()
		first, err := tf.ImportGraphDef(t.Context(), g, parseGraph(t, constNode("mine", "9")), &tf.ImportGraphDefOptions{ReturnElements: []string{"mine:0"}})
		require.NoError(t, err)
		mine := first.Elements[0].Output()
		res, err := tf.ImportGraphDef(t.Context(), g, def, &tf.ImportGraphDefOptions{
			Name: "again", InputMap: map[string]tf.Output{key: mine}, ReturnElements: []string{"A:0"},
		})
		require.NoError(t, err)
		assert.EqualValues(t, -9, evaluate(t, g, "again/B"))
		assert.EqualValues(t, 9, evaluate(t, g, "again/C"))
		assert.Equal(t, "import/mine", res.Elements[0].Op().Name(), "for a mapped tensor the result has the replacement")
	}
}

func TestControlInputs(t *testing.T) {
	def := parseGraph(t, constNode("A", "5")+`node { name: "B" op: "NoOp" input: "^A" }`)
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(t.Context(), g, def, nil)
	require.NoError(t, err)
	_, err = tf.ImportGraphDef(t.Context(), g, def, &tf.ImportGraphDefOptions{Name: "mapped", InputMap: map[string]tf.Output{"^A": g.Operation("import/A").Output(0)}})
	require.NoError(t, err)
	out, err := g.GraphDef()
	require.NoError(t, err)
	assert.Equal(t, []string{"^import/A"}, out.Node[1].Input)
	assert.Equal(t, "mapped/B", out.Node[3].Name)
	assert.Equal(t, []string{"^import/A"}, out.Node[3].Input)
}

func TestInputMapProvidesMissingNode(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(t.Context(), g, parseGraph(t, constNode("mine", "9")), nil)
	require.NoError(t, err)
	mine, err := g.OutputByName("import/mine")
	require.NoError(t, err)
	_, err = tf.ImportGraphDef(t.Context(), g, parseGraph(t, unaryNode("B", "Neg", "A:0")), &tf.ImportGraphDefOptions{Name: "m", InputMap: map[string]tf.Output{"A:0": mine}})
	require.NoError(t, err)
	assert.EqualValues(t, -9, evaluate(t, g, "m/B"))
}

func TestFailedImportLeavesGraphUnchanged(t *testing.T) {
	floatNeg := `node { name: "B" op: "Neg" input: "A:0" attr { key: "T" value { type: DT_FLOAT } } }`
	colocated := `node { name: "B" op: "NoOp" attr { key: "_class" value { list { s: "loc:@A" } } } }`
	elements := func(names ...string) *tf.ImportGraphDefOptions {
		return &tf.ImportGraphDefOptions{ReturnElements: names}
	}
	for _, c := range []struct {
		name, def string
		o         *tf.ImportGraphDefOptions
		want      string
	}{
		{"TypeMismatchInGraphDef", constNode("A", "1") + floatNeg, nil, "Input 0 of node B was passed int32 from A:0 incompatible with expected float."},
		{"InvalidSignatureTooManyInputs", constNode("A", "1") + `node { name: "B" op: "NoOp" input: "A:0" }`, nil, "NodeDef expected inputs '' do not match 1 inputs specified"},
		{"MissingInputOp", unaryNode("B", "Neg", "A:0"), nil, "Node 'B': Unknown input node 'A:0'"},
		{"MissingInputTensor", constNode("A", "1") + unaryNode("B", "Neg", "A:1"), nil, "Node 'B': Connecting to invalid output 1 of source node A which has 1 outputs"},
		{"MissingControlInput", `node { name: "B" op: "NoOp" input: "^A" }`, nil, "Node 'B': Unknown input node '^A'"},
		{"InvalidTensorName", constNode("A", "1") + unaryNode("B", "Neg", "A:B:0"), nil, "Node 'B': Unknown input node 'A:B:0'"},
		{"MissingReturnOperation", constNode("A", "1"), elements("B"), `ReturnElements: the graph has no node "B"`},
		{"MissingReturnTensor, no output", constNode("A", "1"), elements("A:1"), `ReturnElements: node "A" has 1 outputs and no output 1`},
		{"MissingReturnTensor, no node", constNode("A", "1"), elements("B:0"), `ReturnElements: the graph has no tensor "B:0"`},
		{"MissingReturnTensor, no name", constNode("A", "1"), elements("A:B:0"), "Cannot convert 'A:B:0' to a tensor name."},
		{"DuplicateOperationNames", constNode("A", "1") + constNode("A", "2"), nil, "Node 'A' is not unique"},
		{"ColocationAttrsNotFound", colocated, nil, "Node 'B' expects to be colocated with unknown node 'A'"},
		{"VersionLow", `versions { producer: -1 }`, nil, "GraphDef producer version -1 below min producer 0 supported by TensorFlow"},
		{"VersionHigh", `versions { min_consumer: 1073741824 }`, nil, "GraphDef min consumer version 1073741824 above current version"},
		{"a cycle", unaryNode("A", "Neg", "B") + unaryNode("B", "Neg", "A"), nil, "is part of a cycle"},
		{"a function that calls itself", `node { name: "call" op: "F" } library { function { signature { name: "F" } node_def { name: "n" op: "F" } } }`, nil, "calls itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := tf.NewGraph()
			_, err := tf.ImportGraphDef(t.Context(), g, parseGraph(t, c.def), c.o)
			require.Error(t, err)
			assert.ErrorContains(t, err, c.want)
			assert.Empty(t, nodeNames(t, g))
		})
	}
}

func TestImportListsAllMissingNames(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(t.Context(), g, parseGraph(t, constNode("A", "1")), nil)
	require.NoError(t, err)
	a, err := g.OutputByName("import/A")
	require.NoError(t, err)
	_, err = tf.ImportGraphDef(t.Context(), g, parseGraph(t, constNode("A", "1")), &tf.ImportGraphDefOptions{
		InputMap:       map[string]tf.Output{"B": a, "C:1": a, "A:0": a, "^D": a},
		ReturnElements: []string{"X", "Y:0"},
	})
	require.ErrorIs(t, err, status.InvalidArgument)
	assert.ErrorContains(t, err, "InputMap: the graph has no inputs B:0, C:1, ^D")
	assert.ErrorContains(t, err, `the graph has no node "X"`)
	assert.ErrorContains(t, err, `the graph has no tensor "Y:0"`)
	_, err = tf.ImportGraphDef(t.Context(), g, parseGraph(t, constNode("A", "1")), &tf.ImportGraphDefOptions{InputMap: map[string]tf.Output{"A": {}}})
	assert.ErrorContains(t, err, `no tensor for "A"`)
}

func TestInputMapTypeMismatch(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(t.Context(), g, parseGraph(t, `node { name: "Const" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } }
		attr { key: "value" value { tensor { dtype: DT_FLOAT tensor_shape {} float_val: 1 } } } }`), &tf.ImportGraphDefOptions{NoPrefix: true})
	require.NoError(t, err)
	c, err := g.OutputByName("Const")
	require.NoError(t, err)
	_, err = tf.ImportGraphDef(t.Context(), g, parseGraph(t, constNode("A", "1")+unaryNode("B", "Neg", "A:0")), &tf.ImportGraphDefOptions{InputMap: map[string]tf.Output{"A:0": c}})
	assert.ErrorContains(t, err, "Input 0 of node import/B was passed float from Const:0 incompatible with expected int32.")
}

func TestColocationAndDevice(t *testing.T) {
	colocated := func(name, device string) string {
		return `node { name: "` + name + `" op: "NoOp" device: "` + device + `" attr { key: "_class" value { list { s: "loc:@A" } } } } `
	}
	on := func(device string) string { return `node { name: "A" op: "NoOp" device: "` + device + `" } ` }
	for _, c := range []struct{ name, def, a, b string }{
		{"colocated node without a device", on("/device:CPU:0") + colocated("B", ""), "/device:CPU:0", "/device:CPU:0"},
		{"colocated node with a device", on("/device:CPU:0") + colocated("B", "/gpu:1"), "/device:CPU:0", "/device:CPU:0"},
		{"colocated with a node without a device", on("") + colocated("B", "/gpu:1"), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := tf.NewGraph()
			_, err := tf.ImportGraphDef(t.Context(), g, parseGraph(t, c.def), &tf.ImportGraphDefOptions{NoPrefix: true})
			require.NoError(t, err)
			assert.Equal(t, c.a, g.Operation("A").Device())
			assert.Equal(t, c.b, g.Operation("B").Device())
		})
	}
}

func TestColocationInSecondImport(t *testing.T) {
	def := parseGraph(t, `node { name: "A" op: "NoOp" } node { name: "B" op: "NoOp" attr { key: "_class" value { list { s: "loc:@A" } } } }`)
	g := tf.NewGraph()
	for range 2 {
		_, err := tf.ImportGraphDef(t.Context(), g, def, &tf.ImportGraphDefOptions{NoPrefix: true})
		require.NoError(t, err)
	}
	_, err := tf.ImportGraphDef(t.Context(), g, def, nil)
	require.NoError(t, err)
	out, err := g.GraphDef()
	require.NoError(t, err)
	classes := map[string][]string{}
	for _, n := range out.Node {
		if c := nodedef.Colocations(n); c != nil {
			classes[n.Name] = c
		}
	}
	assert.Equal(t, map[string][]string{"B": {"A"}, "B_1": {"A_1"}, "import/B": {"import/A"}}, classes)
}

func TestImportCompletesDevices(t *testing.T) {
	def := parseGraph(t, `node { name: "A" op: "NoOp" } node { name: "B" op: "NoOp" device: "/cpu:0" } node { name: "C" op: "NoOp" device: "/job:ps/task:1" }`)
	g := tf.NewGraph()
	for i, c := range []struct {
		around string
		want   []string
	}{
		{"", []string{"", "/device:CPU:0", "/job:ps/task:1"}},
		{"/task:0", []string{"/task:0", "/task:0/device:CPU:0", "/job:ps/task:1"}},
		{"/job:worker", []string{"/job:worker", "/job:worker/device:CPU:0", "/job:ps/task:1"}},
		{"/device:GPU:0", []string{"/device:GPU:0", "/device:CPU:0", "/job:ps/task:1/device:GPU:0"}},
	} {
		var res *tf.ImportResult
		require.NoError(t, g.WithDevice(c.around, func() (err error) {
			res, err = tf.ImportGraphDef(t.Context(), g, def, &tf.ImportGraphDefOptions{ReturnElements: []string{"A", "B", "C"}})
			return err
		}))
		var got []string
		for _, e := range res.Elements {
			got = append(got, e.Op().Device())
		}
		assert.Equal(t, c.want, got, i)
	}
}

func TestImportKeepsVersions(t *testing.T) {
	for _, v := range []string{"producer: 24 min_consumer: 3", "producer: 1", "producer: 100 min_consumer: 12 bad_consumers: 5"} {
		def := parseGraph(t, `versions { `+v+` }`)
		g := tf.NewGraph()
		_, err := tf.ImportGraphDef(t.Context(), g, def, nil)
		require.NoError(t, err)
		out, err := g.GraphDef()
		require.NoError(t, err)
		assert.True(t, proto.Equal(def.Versions, out.Versions), "%v became %v", def.Versions, out.Versions)
	}
}

func TestImportAddsDefaultAttrs(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(t.Context(), g, parseGraph(t, `node { name: "A" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }`), nil)
	require.NoError(t, err)
	out, err := g.GraphDef()
	require.NoError(t, err)
	assert.True(t, out.Node[0].Attr["shape"].GetShape().GetUnknownRank())
}

func TestImportRemovesUnknownDefaults(t *testing.T) {
	def := parseGraph(t, constNode("A", "5")+`node { name: "B" op: "Neg" input: "A" attr { key: "T" value { type: DT_INT32 } } attr { key: "shiny" value { i: 3 } } }`)
	before := proto.Clone(def)
	g := tf.NewGraph()
	info, err := graphdef.ParseMetaGraphDef([]byte(`meta_info_def { stripped_op_list { op { name: "Neg" attr { name: "T" type: "type" } attr { name: "shiny" type: "int" default_value { i: 3 } } } } }`))
	require.NoError(t, err)
	_, err = tf.ImportGraphDef(t.Context(), g, def, &tf.ImportGraphDefOptions{ProducerOpList: info.MetaInfoDef.StrippedOpList})
	require.NoError(t, err)
	assert.EqualValues(t, -5, evaluate(t, g, "import/B"))
	out, err := g.GraphDef()
	require.NoError(t, err)
	assert.NotContains(t, out.Node[1].Attr, "shiny")
	assert.True(t, proto.Equal(before, def), "def is unchanged")
}

func TestImportEmptyGraph(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(t.Context(), g, nil, nil)
	require.NoError(t, err)
	assert.Empty(t, nodeNames(t, g))
}

func TestImportListsUnknownOps(t *testing.T) {
	def := parseGraph(t, `node { name: "a" op: "Shiny" } node { name: "b" op: "NoOp" } node { name: "c" op: "Future" }`)
	_, err := tf.ImportGraphDef(t.Context(), tf.NewGraph(), def, &tf.ImportGraphDefOptions{Writer: "9.9.0"})
	var unknown *tf.UnknownOpsError
	require.True(t, errors.As(err, &unknown))
	assert.Equal(t, []string{"Future", "Shiny"}, unknown.Ops)
	assert.ErrorContains(t, err, "written by TensorFlow 9.9.0")
	assert.ErrorIs(t, err, tfkeep.ErrUnsupported)
}

// Shape inference would read the file while it imports the graph.
func TestImportRefusesToReadFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "four bytes")
	require.NoError(t, os.WriteFile(path, []byte{3, 0, 0, 0}, 0o600))
	def := parseGraph(t, `
		node { name: "path" op: "Const" attr { key: "dtype" value { type: DT_STRING } } attr { key: "value" value { tensor { dtype: DT_STRING tensor_shape {} string_val: "`+path+`" } } } }
		node { name: "file" op: "ReadFile" input: "path" }
		node { name: "dims" op: "DecodeRaw" input: "file" attr { key: "out_type" value { type: DT_INT32 } } }
		node { name: "fill" op: "Fill" input: "dims" input: "one" attr { key: "T" value { type: DT_INT32 } } attr { key: "index_type" value { type: DT_INT32 } } } `+constNode("one", "1"))
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(t.Context(), g, def, &tf.ImportGraphDefOptions{NoPrefix: true})
	require.ErrorIs(t, err, tfkeep.ErrUnsafe)
	assert.ErrorContains(t, err, "file (ReadFile): it reads, writes or lists files; the shape of fill (Fill) depends on it")
	assert.Empty(t, nodeNames(t, g))
	_, err = tf.ImportMetaGraph(t.Context(), g, &graphdef.MetaGraphDef{GraphDef: def}, nil)
	require.ErrorIs(t, err, tfkeep.ErrUnsafe)

	_, err = tf.ImportMetaGraph(t.Context(), g, &graphdef.MetaGraphDef{GraphDef: def}, &tf.ImportMetaGraphOptions{AllowOps: []string{"ReadFile"}})
	require.NoError(t, err)
	out, err := g.OutputByName("fill:0")
	require.NoError(t, err)
	shape := out.Shape()
	assert.Equal(t, 1, shape.NumDimensions())
	assert.EqualValues(t, 3, shape.Size(0), "TensorFlow has read the file")
}

func TestMissingDeviceNamesClearDevices(t *testing.T) {
	def := parseGraph(t, `node { name: "a" op: "NoOp" device: "/job:ps/task:7/device:CPU:0" }`)
	g := tf.NewGraph()
	_, err := tf.ImportGraphDef(t.Context(), g, def, &tf.ImportGraphDefOptions{NoPrefix: true})
	require.NoError(t, err)
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	err = sess.RunOps(t.Context(), g.Operation("a"))
	require.ErrorIs(t, err, status.InvalidArgument)
	assert.ErrorContains(t, err, "Cannot assign a device for operation")
	assert.ErrorContains(t, err, "import it with ClearDevices")
}
