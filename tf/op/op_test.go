package op_test

import (
	"context"
	"os"
	"testing"
	"time"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/leftover"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
)

func TestMain(m *testing.M) { os.Exit(leftover.ExitCode(os.Stderr, m.Run(), 10*time.Millisecond)) }

// These ops have no wrapper in the binding, or attributes of every kind.
func TestKindsOfOps(t *testing.T) {
	g := tf.NewGraph()
	s := g.Scope()
	x := op.Const(s, []float32{-1, 0, 2})
	soft := op.Softplus(s, x)
	pick := op.SelectV2(s, op.Const(s, []bool{true, false, true}), x, soft)
	cast := op.Cast(s, pick, tensorflow.Int32)
	sum := op.Sum(s, cast, op.Const(s, int32(0)), op.SumKeepDims(true))
	parts := op.SplitV(s, x, op.Const(s, []int64{1, 2}), op.Const(s, int32(0)), 2)
	values, indices := op.TopKV2(s, x, op.Const(s, int32(2)))
	ref := op.VariableV2(s, tf.MakeShape(), dtype.Float32)
	set := op.Assign(s, ref, op.Const(s, float32(5)))
	added := op.AssignAdd(s.WithControlDependencies(set.Op), ref, op.Const(s, float32(2)))
	y, idx := op.Unique(s, cast, op.UniqueOutIdx(dtype.Int64))
	require.NoError(t, g.Err())
	sess := tfgraph.Session(t, g, nil)
	assert.Equal(t, []int32{1}, tfgraph.Value(t, sess, sum))
	require.Len(t, parts, 2)
	assert.Equal(t, []float32{0, 2}, tfgraph.Value(t, sess, parts[1]))
	assert.Equal(t, []float32{2, 0}, tfgraph.Value(t, sess, values))
	assert.Equal(t, []int32{2, 1}, tfgraph.Value(t, sess, indices))
	assert.Equal(t, float32(7), tfgraph.Value(t, sess, added))
	assert.Equal(t, []int32{-1, 0, 2}, tfgraph.Value(t, sess, y))
	assert.Equal(t, []int64{0, 1, 2}, tfgraph.Value(t, sess, idx))
	assert.Equal(t, "Softplus", soft.Op.Name())
}

func TestCallsFunctionOfTheLibrary(t *testing.T) {
	g := tf.NewGraph()
	def := tftest.ParseGraph(t, `library { function {
		signature { name: "double" input_arg { name: "x" type: DT_FLOAT } output_arg { name: "y" type: DT_FLOAT } }
		node_def { name: "add" op: "AddV2" input: "x" input: "x" attr { key: "T" value { type: DT_FLOAT } } }
		ret { key: "y" value: "add:z:0" }
	} }`)
	_, err := tf.ImportGraphDef(context.Background(), g, def, nil)
	require.NoError(t, err)
	s := g.Scope()
	out := op.PartitionedCall(s, []tf.Output{op.Const(s, float32(4))}, []dtype.DataType{dtype.Float32}, tf.Func{Name: "double"})
	require.NoError(t, g.Err())
	require.Len(t, out, 1)
	assert.Equal(t, float32(8), tfgraph.Value(t, tfgraph.Session(t, g, nil), out[0]))
}
