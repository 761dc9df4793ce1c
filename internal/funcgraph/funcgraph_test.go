package funcgraph_test

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/internal/funcgraph"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

// pythonFunctions are the functions of a graph of Python with nested control flow.
func pythonFunctions(t *testing.T) []*function_go_proto.FunctionDef {
	t.Helper()
	raw := oracle.Value[[]byte](t, `
tf1.enable_control_flow_v2()
x = tf1.placeholder(tf.float32, [2, 3])
w = tf1.get_variable("w", [3, 3], use_resource=True)
def body(i, a):
    a, b = tf.split(tf.concat([a, a @ w], 0), 2)
    with tf.control_dependencies([w.assign_add(w)]):
        return i + 1, tf.cond(i > 2, lambda: a * 2, lambda: tf.concat([b[:1], a[1:]], 0))
y = tf.while_loop(lambda i, a: i < 5, body, [0, x])[1]
tf1.gradients(y, [w, x])
result = tf1.get_default_graph().as_graph_def().library.SerializeToString()`)
	lib := new(function_go_proto.FunctionDefLibrary)
	require.NoError(t, proto.Unmarshal(raw, lib))
	require.NotEmpty(t, lib.GetFunction())
	return lib.GetFunction()
}

func TestFunctionsOfPythonComeBack(t *testing.T) {
	t.Parallel()
	ops := opdef.Builtin()
	for _, f := range pythonFunctions(t) {
		b, err := funcgraph.Parse(f, ops)
		require.NoError(t, err)
		require.Len(t, b.Args, len(f.GetSignature().GetInputArg()))
		got, err := b.Def(ops)
		require.NoError(t, err)
		want := proto.Clone(f).(*function_go_proto.FunctionDef)
		for i, attrs := range want.GetArgAttr() {
			delete(attrs.Attr, "_user_specified_name")
			delete(attrs.Attr, "_class")
			if len(attrs.GetAttr()) == 0 {
				delete(want.ArgAttr, i)
			}
		}
		want.Signature.IsStateful = got.GetSignature().GetIsStateful()
		assert.True(t, proto.Equal(want, got), "%s: %v", f.GetSignature().GetName(), got.GetSignature())
	}
}

func TestParseRefusesDamagedFunctions(t *testing.T) {
	t.Parallel()
	const whole = `
		signature { name: "f" input_arg { name: "x" type: DT_FLOAT } output_arg { name: "y" type: DT_FLOAT } }
		node_def { name: "n" op: "Neg" input: "x" attr { key: "T" value { type: DT_FLOAT } } }
		ret { key: "y" value: "n:y:0" }`
	for _, tt := range []struct {
		name   string
		change func(f *function_go_proto.FunctionDef)
		kind   error
	}{
		{"whole", func(*function_go_proto.FunctionDef) {}, nil},
		{"an input that is not there", func(f *function_go_proto.FunctionDef) { f.NodeDef[0].Input[0] = "z" }, tfkeep.ErrCorrupt},
		{"a result that is not there", func(f *function_go_proto.FunctionDef) { f.Ret["y"] = "n:z:0" }, tfkeep.ErrCorrupt},
		{"no result", func(f *function_go_proto.FunctionDef) { f.Ret = nil }, tfkeep.ErrCorrupt},
		{"an op that is not known", func(f *function_go_proto.FunctionDef) { f.NodeDef[0].Op = "Nothing" }, tfkeep.ErrUnsupported},
		{"a type that is an attribute", func(f *function_go_proto.FunctionDef) { f.Signature.InputArg[0].TypeAttr = "T" }, tfkeep.ErrUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := new(function_go_proto.FunctionDef)
			require.NoError(t, prototext.Unmarshal([]byte(whole), f))
			tt.change(f)
			_, err := funcgraph.Parse(f, opdef.Builtin())
			if tt.kind == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tt.kind)
			assert.ErrorContains(t, err, `"f"`)
		})
	}
}

func TestHandlesOfDamagedData(t *testing.T) {
	t.Parallel()
	raw := []byte{0x08, 1, 0x12, 8, 0x0a, 4, 0x12, 2, 0x08, 5, 0x10, 1}
	handles := funcgraph.Handles(raw)
	require.Len(t, handles, 1)
	assert.Equal(t, dtype.Float32, handles[0].GetDtype())
	assert.Equal(t, int64(5), handles[0].GetShape().GetDim()[0].GetSize())
	for i := range raw {
		funcgraph.Handles(raw[:i]) // does not panic
	}
}
