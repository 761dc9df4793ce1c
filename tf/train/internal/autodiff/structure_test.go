package autodiff_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/tf/train/internal/autodiff"
)

// The gradient of a recurrent layer of cuDNN, which has no kernel for the CPU, is the node that
// Python adds, with the same attributes and inputs.
func TestCudnnGradientsAreThoseOfPython(t *testing.T) {
	var models []struct {
		model
		Type  string
		Tree  []string
		Attrs map[string]string
	}
	oracle.Run(t, prologue+`
result = []
for op, more in (("CudnnRNN", {}), ("CudnnRNNV2", {}), ("CudnnRNNV3", {"num_proj": 2, "time_major": False})):
    for mode, whole in (("lstm", True), ("gru", False)):
        with tf.Graph().as_default() as g:
            x = [tf1.placeholder(tf.float32, s) for s in ((3, 2, 4), (1, 2, 5), (1, 2, 5), (90,))]
            lengths = {"sequence_lengths": tf1.placeholder(tf.int32, [2])} if op == "CudnnRNNV3" else {}
            out = getattr(tf.raw_ops, op)(input=x[0], input_h=x[1], input_c=x[2], params=x[3], is_training=True, rnn_mode=mode,
                input_mode="linear_input", direction="unidirectional", dropout=0.25, seed=3, seed2=5, **lengths, **more)
            ys = list(out)[:3] if whole else [out.output]
            dys = [tf1.placeholder(tf.float32, None) for y in ys]
            grads = tf1.gradients(ys, x, dys)
            node = grads[0].op
            given = lambda t: t.op.inputs[0] if t.op.type == "Identity" else t  # Python wraps given gradients
            assert all(d.op is node for d in grads)
            result.append({
                "graph": g.as_graph_def().SerializeToString(), "ys": [t.name for t in ys], "xs": [t.name for t in x], "dYs": [t.name for t in dys],
                "type": node.type, "attrs": {k: "".join(str(v).split()) for k, v in node.node_def.attr.items() if k != "T"},
                "tree": [t.name if not t.op.name.startswith("gradients/") else t.op.type for t in map(given, node.inputs)] + [d.name.split(":")[1] for d in grads]})
`).Decode(t, &models)
	require.Len(t, models, 6)
	for _, m := range models {
		t.Run(m.Type, func(t *testing.T) {
			g := m.load(t)
			grads, err := autodiff.Build(g, outputs(t, g, m.Ys), outputs(t, g, m.Xs), &autodiff.Options{GradYs: outputs(t, g, m.DYs), Name: "ours"})
			require.NoError(t, err)
			node := grads[0].Dense.Op
			assert.Equal(t, m.Type, node.Type())
			def, err := capi.NodeDef(node)
			require.NoError(t, err)
			got := make(map[string]string)
			for name := range m.Attrs {
				v := def.GetAttr()[name]
				got[name] = strings.Join(strings.Fields(fmt.Sprint(v)), "")
			}
			assert.Equal(t, m.Attrs, got)
			assert.Equal(t, m.Tree, gradientNode(t, node, grads))
		})
	}
}

// gradientNode returns the inputs of a node, of those that the gradient adds only the type, and the
// outputs that are gradients.
func gradientNode(t *testing.T, node *tensorflow.Operation, grads []autodiff.Gradient) []string {
	t.Helper()
	in, err := capi.Inputs(node)
	require.NoError(t, err)
	var tree []string
	for _, o := range in {
		if strings.HasPrefix(o.Op.Name(), "ours/") {
			tree = append(tree, o.Op.Type())
		} else {
			tree = append(tree, fmt.Sprintf("%s:%d", o.Op.Name(), o.Index))
		}
	}
	for _, d := range grads {
		require.Equal(t, node.Name(), d.Dense.Op.Name())
		tree = append(tree, fmt.Sprint(d.Dense.Index))
	}
	return tree
}

// The same holds for operations between replicas, of XLA and of Python's debugger.
func TestReplicaGradientsAreThoseOfPython(t *testing.T) {
	var models []struct {
		model
		Tree string
	}
	oracle.Run(t, prologue+`
from tensorflow.python.tpu.ops import tpu_ops
from tensorflow.compiler.tf2xla.ops import gen_xla_ops as gen
from tensorflow.compiler.tf2xla.python import xla
from tensorflow.python.debug.lib import dumping_callback, debug_gradients
raw = tf.raw_ops
def tree(t):
    op = t.op
    if op.type == "Identity" and op.inputs[0].op.type == "Placeholder":
        return tree(op.inputs[0])
    if op.type == "Const":
        return str(tf.make_ndarray(op.get_attr("value")).ravel().tolist()).replace(" ", "").replace(",", " ")
    if not op.name.startswith("gradients/"):
        return t.name
    attr = ["%s=%s" % (k, "".join(str(v).split())) for k, v in sorted(op.node_def.attr.items()) if k not in ("T", "Index", "_output_shapes") and not (k.endswith("_mask") and not v.i)]
    return "%s{%s}(%s):%d" % (op.type, " ".join(attr), " ".join(map(tree, op.inputs)), t.value_index)
result = []
for f in (
    lambda x: raw.AllToAll(input=x, group_assignment=[[0, 1]], concat_dimension=1, split_dimension=0, split_count=2),
    lambda x: raw.CollectivePermute(input=x, source_target_pairs=[[0, 1], [1, 0]]),
    lambda x: raw.CrossReplicaSum(input=x, group_assignment=[[0, 1]]),
    lambda x: gen.xla_sharding(input=x, sharding="abc", unspecified_dims=[1]),
    lambda x: gen.xla_spmd_full_to_shard_shape(input=x, manual_sharding="abc", dim=0, unspecified_dims=[1]),
    lambda x: gen.xla_spmd_shard_to_full_shape(input=x, manual_sharding="abc", full_shape=[4, 2], dim=0, unspecified_dims=[1]),
    lambda x: raw.DebugIdentityV2(input=x, tensor_debug_mode=1),
    lambda x: gen.xla_einsum(x, tf1.placeholder(tf.float32, [2, 3]), equation="ab,bc->ac"),
    lambda x: gen.xla_einsum(tf1.placeholder(tf.float32, [2, 3, 4]), x, equation="bca,ab->cab"),
):
    with tf.Graph().as_default() as g:
        x = tf1.placeholder(tf.float32, [4, 2])
        y = f(x)
        dy = tf1.placeholder(tf.float32, y.shape)
        d = tf1.gradients(y, x, dy)[0]
        result.append({"graph": g.as_graph_def().SerializeToString(), "ys": [y.name], "xs": [x.name], "dYs": [dy.name], "tree": tree(d)})
`).Decode(t, &models)
	require.Len(t, models, 9)
	for _, m := range models {
		t.Run(m.Ys[0], func(t *testing.T) {
			g := m.load(t)
			grads, err := autodiff.Build(g, outputs(t, g, m.Ys), outputs(t, g, m.Xs), &autodiff.Options{GradYs: outputs(t, g, m.DYs), Name: "ours"})
			require.NoError(t, err)
			assert.Equal(t, m.Tree, tree(t, grads[0].Dense))
		})
	}
}

// tree returns a tensor of a gradient as a text, down to the tensors of the forward graph.
func tree(t *testing.T, o tensorflow.Output) string {
	t.Helper()
	name := fmt.Sprintf("%s:%d", o.Op.Name(), o.Index)
	if o.Op.Type() == "Const" {
		v, err := capi.Attr(o.Op, "value")
		require.NoError(t, err)
		values := v.GetTensor().GetIntVal()
		if len(values) == 0 {
			values = decode[int32](t, v.GetTensor().GetTensorContent())
		}
		for count := v.GetTensor().GetTensorShape().GetDim()[0].GetSize(); int64(len(values)) < count; {
			values = append(values, values[0])
		}
		return fmt.Sprint(values)
	}
	if !strings.HasPrefix(name, "ours/") {
		return name
	}
	def, err := capi.NodeDef(o.Op)
	require.NoError(t, err)
	var attrs []string
	for _, k := range slices.Sorted(maps.Keys(def.GetAttr())) {
		if v := def.GetAttr()[k]; k != "T" && k != "Index" && k != "_output_shapes" && (!strings.HasSuffix(k, "_mask") || v.GetI() != 0) {
			attrs = append(attrs, k+"="+strings.ReplaceAll(strings.Join(strings.Fields(fmt.Sprint(v)), ""), ":{", "{"))
		}
	}
	in, err := capi.Inputs(o.Op)
	require.NoError(t, err)
	var inputs []string
	for _, i := range in {
		inputs = append(inputs, tree(t, i))
	}
	return fmt.Sprintf("%s{%s}(%s):%d", o.Op.Type(), strings.Join(attrs, " "), strings.Join(inputs, " "), o.Index)
}
