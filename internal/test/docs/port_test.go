package docs

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
	"github.com/tfkeep/tfkeep/tf/op"
	"github.com/tfkeep/tfkeep/tf/train"
)

var _ = []any{portBuild, portLayers, portTrain, portRun}

// The functions below are never called. They hold the right column of the table "Python → Go" in
// docs/graphs.md, line by line.

//nolint:ineffassign,staticcheck // the lines of a table
func portBuild(g *tf.Graph, s *tf.Scope, ids, h, w tf.Output) error {
	s = g.Scope()
	s = s.Sub("net")
	s = s.Sub("net/")
	s = s.WithDevice("/gpu:0")
	s = s.ColocateWith(h.Op)
	x := op.Placeholder(s, dtype.Float32, op.PlaceholderShape(tf.MakeShape(-1, 784)))
	c := op.Const(s, []float32{1, 2})
	v, err := tf.NewVariable(g, "hidden/w", tf.GlorotUniform(784, 100), nil)
	b, err := tf.NewVariable(g, "hidden/b", tf.Zeros(100), &tf.VariableOptions{NotTrainable: true})
	h = op.Relu(s, op.BiasAdd(s, op.MatMul(s, x, v.Value()), b.Value()))
	h = op.MatMul(s, h, w, op.MatMulTransposeB(true))
	e := op.GatherV2(s, v.Value(), ids, op.Const(s, int32(0)))
	h = op.Mean(s, h, op.Const(s, []int32{0}))
	h = op.Reshape(s, h, op.Const(s, []int32{-1, 10}))
	h = op.ConcatV2(s, []tf.Output{h, w}, op.Const(s, int32(1)))
	h = op.Cast(s, ids, dtype.Float32)
	h = op.AddV2(s, op.Mul(s, h, w), op.Const(s, float32(1)))
	h = op.StopGradient(s, h)
	h = op.Mean(s, h, op.Range(s, op.Const(s, int32(0)), op.Rank(s, h), op.Const(s, int32(1))))
	both := op.NoOp(s.WithControlDependencies(h.Op, w.Op))
	after := s.WithControlDependencies(h.Op)
	now := v.Read(after)
	set := op.AssignVariableOp(after, v.Handle(), w)
	err = g.Err()
	_, _, _, _, _, _ = e, c, now, set, after, both
	return err
}

func portLayers(s *tf.Scope, h tf.Output, kernel, b, gamma, beta, mean *tf.Variable) (*tf.Operation, tf.Output) {
	h = op.BiasAdd(s, op.Conv2D(s, h, kernel.Value(), []int64{1, 1, 1, 1}, "SAME"), b.Value())
	h = op.MaxPool(s, h, []int64{1, 2, 2, 1}, []int64{1, 2, 2, 1}, "SAME")
	none := op.Const(s, []float32{})
	h, m, _, _, _, _ := op.FusedBatchNormV3(s, h, gamma.Value(), beta.Value(), none, none, op.FusedBatchNormV3Epsilon(0.001))
	set := op.AssignSubVariableOp(s, mean.Handle(), op.Mul(s, op.Sub(s, mean.Value(), m), op.Const(s, float32(0.01))))
	keep := op.GreaterEqual(s, op.RandomUniform(s, op.Shape(s, h), dtype.Float32), op.Const(s, float32(0.3)))
	h = op.Mul(s, op.RealDiv(s, h, op.Const(s, float32(0.7))), op.Cast(s, keep, dtype.Float32))
	return set, h
}

//nolint:ineffassign,staticcheck // the lines of a table
func portTrain(g *tf.Graph, s *tf.Scope, logits, labels, loss, rate tf.Output, updates []*tf.Operation) error {
	losses, _ := op.SparseSoftmaxCrossEntropyWithLogits(s, logits, labels)
	step, err := train.GetOrCreateGlobalStep(g)
	adam := train.NewAdam(0.001)
	adam.LearningRateTensor = rate
	minimize, err := train.Minimize(g, adam, loss, &train.MinimizeOptions{GlobalStep: step})
	minimize, err = train.Minimize(g, adam, loss, &train.MinimizeOptions{ControlDependencies: updates})
	minimize, err = train.Minimize(g, adam, loss, &train.MinimizeOptions{Variables: g.TrainableVariablesInScope("generator")})
	grads, err := train.ComputeGradients(g, loss, nil)
	grads, norm, err := train.ClipByGlobalNorm(g, grads, 5)
	minimize, err = train.ApplyGradients(g, adam, grads, nil)
	dx, err := train.Gradients(g, []tf.Output{loss}, []tf.Output{logits}, nil)
	_, _, _, _ = losses, minimize, norm, dx
	return err
}

//nolint:ineffassign,staticcheck // the lines of a table
func portRun(ctx context.Context, g *tf.Graph, s *tf.Session, step *tf.Operation, x, loss tf.Output, batch *tf.Tensor) error {
	s, err := tf.NewSession(g, nil)
	init, err := tf.GlobalVariablesInitializer(g)
	err = s.RunOps(ctx, init)
	err = s.RunOps(ctx, step)
	out, err := s.Run(ctx, map[tf.Output]*tf.Tensor{x: batch}, []tf.Output{loss}, []*tf.Operation{step}, nil)
	call, err := s.MakeCallable([]tf.Output{x}, []tf.Output{loss}, []*tf.Operation{step}, nil)
	sv, err := saver.New(g, nil)
	_, _, _ = out, call, sv
	return err
}

func TestPortTableIsCompiledCode(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/graphs.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(page), "| Python | Go |\n|---|---|\n")
	require.True(t, found, "the table Python → Go")
	table, _, _ = strings.Cut(table, "\n\n")
	source, err := os.ReadFile("port_test.go")
	require.NoError(t, err)
	more, err := os.ReadFile("port_values_test.go")
	require.NoError(t, err)
	source = append(source, more...)
	rows := strings.Split(strings.TrimSpace(table), "\n")
	require.Greater(t, len(rows), 25)
	for _, row := range rows {
		cells := strings.Split(row, " | ")
		require.Len(t, cells, 2, row)
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			assert.True(t, strings.Contains(string(source), "\t"+m[1]+"\n"), "%s is no line of Go in this package", m[1])
		}
	}
}
