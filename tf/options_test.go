package tf_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/variable_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	limits "github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
)

func TestExportOptionsOfFile(t *testing.T) {
	g := tf.NewGraph()
	tfgraph.Const(t, g, "c", float32(1))
	dir := t.TempDir()
	var sizes []int
	for i, o := range []tf.ExportMetaGraphOptions{{NoSync: true}, {}, {AsText: true}} {
		o.Filename = filepath.Join(dir, string(rune('a'+i)))
		_, err := tf.ExportMetaGraph(g, &o)
		require.NoError(t, err)
		data, err := os.ReadFile(o.Filename)
		require.NoError(t, err)
		assert.Equal(t, o.AsText, strings.HasPrefix(string(data), "meta_info_def {"))
		sizes = append(sizes, len(data))
	}
	assert.Equal(t, sizes[0], sizes[1])
}

// The collection of unbound inputs may have another name, at both ends.
func TestUnboundInputsUnderAnotherName(t *testing.T) {
	g := tf.NewGraph()
	s := g.Scope()
	c := op.Const(s.Sub("outside"), float32(2))
	op.Neg(s.Sub("inside"), c)
	require.NoError(t, s.Err())
	mg, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{ExportScope: "inside", UnboundInputsCollection: "open"})
	require.NoError(t, err)
	require.Contains(t, mg.CollectionDef, "open")
	require.NotContains(t, mg.CollectionDef, "unbound_inputs")
	other := tf.NewGraph()
	_, err = tf.ImportMetaGraph(t.Context(), other, mg, &tf.ImportMetaGraphOptions{UnboundInputsCollection: "open"})
	require.Error(t, err, "nothing provides the input")
	name := string(mg.CollectionDef["open"].GetBytesList().Value[0])
	_, err = tf.ImportMetaGraph(t.Context(), other, mg, &tf.ImportMetaGraphOptions{
		UnboundInputsCollection: "open", InputMap: map[string]tf.Output{name: tfgraph.Const(t, other, "c", float32(3))}})
	require.NoError(t, err)
}

func TestImportOptionsThatRefuse(t *testing.T) {
	g := tf.NewGraph()
	s := g.Scope()
	op.Neg(s, op.Neg(s, op.Const(s, float32(1))))
	require.NoError(t, s.Err())
	mg, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{SaverDef: &graphdef.SaverDef{
		FilenameTensorName: "gone:0", SaveTensorName: "gone:0", RestoreOpName: "gone"}})
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		o    tf.ImportMetaGraphOptions
		kind error
	}{
		{"neither", tf.ImportMetaGraphOptions{}, nil},
		{"a Saver is wanted", tf.ImportMetaGraphOptions{Saver: true}, tfkeep.ErrCorrupt},
		{"limits", tf.ImportMetaGraphOptions{Limits: &limits.Limits{Depth: 1}}, tfkeep.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := tf.ImportMetaGraph(t.Context(), tf.NewGraph(), mg, &c.o)
			if c.kind == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.kind)
			}
		})
	}
}

func TestVariableDefOptions(t *testing.T) {
	g := tf.NewGraph()
	v, err := tf.NewVariable(g, "v", tf.Zeros(2), &tf.VariableOptions{
		Synchronization: variable_go_proto.VariableSynchronization_VARIABLE_SYNCHRONIZATION_ON_READ,
		Aggregation:     variable_go_proto.VariableAggregation_VARIABLE_AGGREGATION_MEAN,
	})
	require.NoError(t, err)
	assert.Equal(t, variable_go_proto.VariableSynchronization_VARIABLE_SYNCHRONIZATION_ON_READ, v.Def().Synchronization)
	assert.Equal(t, variable_go_proto.VariableAggregation_VARIABLE_AGGREGATION_MEAN, v.Def().Aggregation)
}

// Control flow has the names and the parallel iterations that its options say, and a dynamic
// array grows.
func TestControlFlowOptions(t *testing.T) {
	g := tf.NewGraph()
	s := g.Scope()
	zero := op.Const(s.Sub("zero"), int32(0))
	one := func(o tf.Output) []tf.Output { return []tf.Output{o} }
	tf.Cond(s, op.Const(s.Sub("p"), true), func(*tf.Scope) []tf.Output { return one(zero) }, func(*tf.Scope) []tf.Output { return one(zero) }, &tf.CondOptions{Name: "my_cond"})
	tf.While(s, one(zero), func(s *tf.Scope, v []tf.Output) tf.Output { return op.Less(s, v[0], op.Const(s, int32(3))) },
		func(s *tf.Scope, v []tf.Output) []tf.Output {
			return one(op.AddV2(s, v[0], op.Const(s, int32(1))))
		}, &tf.WhileOptions{Name: "my_while", ParallelIterations: 3})
	tf.Map(s, one(op.Const(s.Sub("elems"), []float32{1, 2})), func(s *tf.Scope, e []tf.Output) []tf.Output { return one(op.Neg(s, e[0])) },
		&tf.MapOptions{Name: "my_map", ParallelIterations: 7})
	ta := tf.NewTensorArray(s, dtype.Float32, op.Const(s.Sub("size"), int32(1)), &tf.TensorArrayOptions{Name: "my_array", Dynamic: true})
	ta = ta.Write(s, op.Const(s.Sub("at"), int32(4)), op.Const(s.Sub("element"), float32(5)))
	size := ta.Size(s)
	require.NoError(t, s.Err())
	def, err := g.GraphDef()
	require.NoError(t, err)
	seen := map[string]int64{}
	for _, n := range def.Node {
		for _, name := range []string{"my_cond", "my_while", "my_map", "my_array"} {
			if strings.HasPrefix(n.Name, name) {
				seen[name] = max(seen[name], n.Attr["parallel_iterations"].GetI())
			}
		}
	}
	assert.Equal(t, map[string]int64{"my_cond": 0, "my_while": 3, "my_map": 7, "my_array": 0}, seen)
	assert.Equal(t, int32(5), tfgraph.Value(t, tfgraph.Session(t, g, nil), size))
}
