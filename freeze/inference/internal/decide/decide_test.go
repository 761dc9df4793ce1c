package decide_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/freeze/inference/internal/decide"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// fix replaces the placeholder p by a constant.
func fix(def *graphdef.GraphDef, value bool) *graphdef.GraphDef {
	nodes := slices.Clone(def.Node)
	i := slices.IndexFunc(nodes, func(n *graphdef.NodeDef) bool { return n.Name == "p" })
	nodes[i] = nodedef.Const("p", &tensorpb.TensorProto{Dtype: dtype.Bool, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}, BoolVal: []bool{value}})
	return edit.WithNodes(def, nodes)
}

func TestDecidedGraphsComputeTheSame(t *testing.T) {
	t.Parallel()
	type graph struct {
		Kind, Path string
		Wants      [2][]any // outputs, or kinds of errors, for false and true
	}
	// The value with which no branch that makes random numbers is taken.
	withoutRandom := map[string]bool{
		"loop": false, "loop v2": false, "loop in branch": false, "loop in branch v2": false, "undecided inside": false, "undecided inside v2": false,
		"undecided outside": false, "undecided outside v2": false, "several results": true, "several results v2": true,
		"loop with predicate computed inside": true, "loop with predicate computed inside v2": true,
		"assertion behind loop": true, "assertion behind loop v2": true,
	}
	for _, g := range oracle.CallEager[[]graph](t, "decided", "write", t.TempDir()) {
		def, err := graphdef.ReadGraphDef(g.Path)
		require.NoError(t, err)
		for k, value := range []bool{false, true} {
			fixed := fix(def, value)
			before := proto.Clone(fixed)
			got := decide.Graph(fixed, []string{"y"})
			assert.True(t, proto.Equal(before, fixed), "%s: the argument is left alone", g.Kind)
			data, err := proto.Marshal(got)
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), "decided.pb")
			require.NoError(t, os.WriteFile(path, data, 0o666))
			assert.Equal(t, g.Wants[k], oracle.CallEager[[]any](t, "decided", "run", path), "%s, %v", g.Kind, value)
			if clean, ok := withoutRandom[g.Kind]; ok && clean == value {
				assert.Positive(t, tftest.RandomNodes(def), g.Kind)
				assert.Zero(t, tftest.RandomNodes(got), "%s, %v", g.Kind, value)
			}
		}
	}
}

func TestDamagedGraphsDoNotPanic(t *testing.T) {
	t.Parallel()
	yes := nodedef.Const("p", &tensorpb.TensorProto{Dtype: dtype.Bool, BoolVal: []bool{true}})
	function := &attrpb.AttrValue{Value: &attrpb.AttrValue_Func{Func: &attrpb.NameAttrList{Name: "nowhere"}}}
	ops := []string{
		"Select", "SelectV2", "Switch", "Merge", "If", "Case", "While", "PartitionedCall", "Identity", "IdentityN", "MatMul", "Conv2D", "Mean", "Squeeze",
		"FusedBatchNormV3", "MaxPool", "Shape", "Fill", "Cast", "LogicalAnd", "Equal", "NextIteration", "no such op",
	}
	inputs := [][]string{nil, {"p"}, {"p", "p"}, {"p", "p", "p"}, {"nowhere"}, {"y"}, {"y:1", "y"}, {"p", "y", "^y"}, {"^p"}, {"p:7", "", ":"}}
	for _, op := range ops {
		for _, in := range inputs {
			n := &graphdef.NodeDef{Name: "y", Op: op, Input: in, Attr: map[string]*graphdef.AttrValue{
				"then_branch": function, "else_branch": function, "f": function, "T": nodedef.TypeAttr(dtype.Bool)}}
			z := &graphdef.NodeDef{Name: "z", Op: "SelectV2", Input: []string{"p", "y", "y:1"}}
			assert.NotPanics(t, func() {
				got := decide.Graph(&graphdef.GraphDef{Node: []*graphdef.NodeDef{yes, n, z}}, []string{"z", "y"})
				assert.NotEmpty(t, got.Node, "%s %v", op, in)
			}, "%s %v", op, in)
		}
	}
}
