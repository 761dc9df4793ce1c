package autodiff_test

import (
	"fmt"
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
