package command

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// TestVerbsTakeEveryType walks TensorFlow's list of types and gives a tensor of each to the
// verbs. Python compares what comes out.
func TestVerbsTakeEveryType(t *testing.T) {
	t.Parallel()
	type listed struct {
		Number int32
		Name   string
	}
	types := oracle.Value[[]listed](t, `
from tensorflow.core.framework import types_pb2
from tensorflow.python.framework import dtypes
result = [{"number": n, "name": dtypes.as_dtype(n).name} for n in types_pb2.DataType.values() if 0 < n < 100]
`)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	w, err := checkpoint.Create(t.Context(), path("m"), nil)
	require.NoError(t, err)
	var graph strings.Builder
	var names []string
	values := 0
	for _, l := range types {
		dt := dtype.DataType(l.Number)
		require.Equal(t, l.Name, dtype.Name(dt))
		tensor := checkpoint.Tensor{Name: l.Name, DType: dt, Shape: []int64{2}}
		switch size := dtype.Size(dt); {
		case size > 0:
			// Of every type, the bytes 0 and 1 are values.
			tensor.Data = append(make([]byte, size), append([]byte{1}, make([]byte, size-1)...)...)
		case dt == dtype.String:
			tensor.Strings = [][]byte{[]byte("a"), {}}
		default:
			require.Contains(t, []dtype.DataType{dtype.Resource, dtype.Variant}, dt)
			continue
		}
		values++
		require.NoError(t, w.Add(t.Context(), tensor))
		names = append(names, "read_"+l.Name)
		fmt.Fprintf(&graph, `node { name: "%s" op: "VarHandleOp" attr { key: "dtype" value { type: %d } } attr { key: "shape" value { shape { dim { size: 2 } } } }
			attr { key: "shared_name" value { s: "%s" } } }
			node { name: "read_%s" op: "ReadVariableOp" input: "%s" attr { key: "dtype" value { type: %s } } }
			`, l.Name, l.Number, l.Name, l.Name, l.Name, dtype.Constant(dt))
	}
	require.NoError(t, w.Commit(t.Context()))
	require.GreaterOrEqual(t, values, 31)

	run := func(args ...string) string {
		code, out, stderr := execute(t, args...)
		require.Zero(t, code, "%s\n%s%s", args, out, stderr)
		return out
	}
	ls := run("ls", path("m"))
	for _, l := range types {
		if l.Name == "resource" || l.Name == "variant" {
			continue
		}
		assert.Contains(t, ls, l.Name)
		run("cat", path("m"), l.Name)
	}
	assert.Contains(t, run("verify", path("m")), "all good")
	run("stats", path("m"))
	run("diff", path("m"), path("m"))
	run("convert", path("m"), path("copy"))
	run("convert", path("m"), path("m.npz"))
	run("convert", path("m.npz"), path("back"))
	run("diff", path("m"), path("copy"))
	in := graphFile(t, graph.String())
	run("freeze", "--input_graph", in, "--input_checkpoint", path("m"), "--output_node_names", strings.Join(names, ","), "--output_graph", path("frozen.pb"))
	run("convert", path("frozen.pb"), path("frozen.pbtxt"))
	assert.NotContains(t, run("show", path("frozen.pbtxt")), "?")
	wrong := oracle.Value[[]string](t, `
from google.protobuf import text_format
from tensorflow.core.framework import graph_pb2
want, copy = (tf1.train.NewCheckpointReader(args[0] + p) for p in ("/m", "/copy"))
frozen = text_format.Parse(open(args[0] + "/frozen.pbtxt").read(), graph_pb2.GraphDef())
consts = {n.name: tf.make_ndarray(n.attr["value"].tensor) for n in frozen.node if n.op == "Const"}
result = []
for name in want.get_variable_to_shape_map():
    a = want.get_tensor(name)
    for b in (copy.get_tensor(name), consts[name]):
        same = a.tobytes() == b.tobytes() if a.dtype != object else a.tolist() == b.tolist()
        if not same:
            result.append(name)
`, dir)
	assert.Empty(t, wrong)
}
