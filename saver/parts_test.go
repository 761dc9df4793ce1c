package saver_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Partitioned variables and files that have them in other parts.
func TestRestoreOfPartitionedVariables(t *testing.T) {
	dir := t.TempDir()
	slices, tensors := filepath.Join(dir, "slices"), filepath.Join(dir, "tensors")
	oracle.Run(t, `
p = tf1.get_variable("p", [8, 2], initializer=lambda shape, dtype, partition_info: tf.ones(shape) * tf.cast(partition_info.var_offset[0], tf.float32),
                     partitioner=tf1.fixed_size_partitioner(8))
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    tf1.train.Saver().save(s, args[0])
    tf1.train.Saver({v.op.name: v for v in p}).save(s, args[1])`, slices, tensors)
	want := [][]float32{{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 6}, {7, 7}}
	whole := func(rows int64) func(t *testing.T, g *tf.Graph) *saver.Options {
		return func(t *testing.T, g *tf.Graph) *saver.Options {
			_, err := tf.NewVariable(g, "p", tf.Zeros(rows, 2), nil)
			require.NoError(t, err)
			return nil
		}
	}
	parts := func(n int64) func(t *testing.T, g *tf.Graph) *saver.Options {
		return func(t *testing.T, g *tf.Graph) *saver.Options {
			partition(t, g, "p", 8, 2, n, false)
			return nil
		}
	}
	for _, c := range []struct {
		name, path string
		model      func(t *testing.T, g *tf.Graph) *saver.Options
		errors     []string // nil if it is restored
	}{
		{"whole from slices", slices, whole(8), nil},
		{"other parts from slices", slices, parts(4), nil},
		{"parts by their names", tensors, func(t *testing.T, g *tf.Graph) *saver.Options {
			named := map[string]saver.Saveable{}
			for _, v := range partition(t, g, "p", 8, 2, 8, false) {
				named[v.Name()] = saver.Var(v)
			}
			return &saver.Options{VarMap: named}
		}, nil},
		{"another shape", slices, whole(7), []string{"lhs shape= [7,2] rhs shape= [8,2] (the checkpoint has it in 8 slices"}},
		{"single parts from slices", slices, func(t *testing.T, g *tf.Graph) *saver.Options {
			for i := range 8 {
				variable(t, g, fmt.Sprint("p/part_", i), [][]float32{{9, 9}})
			}
			return nil
		}, []string{"Key p/part_0 not found in checkpoint: the checkpoint has p in 8 slices, of the full shape [8,2]: make the variable a part of p (VariableOptions.SliceInfo)"}},
		{"parts from tensors", tensors, parts(8), []string{"Key p not found in checkpoint: the checkpoint has it in 8 slices, each under a name of its own, p/part_0 and so on: name each part in Options.VarMap"}},
		{"whole from tensors", tensors, whole(8), []string{"make the variable in 8 parts and name each in Options.VarMap, or join them in ResumeOptions.Adapt"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := tf.NewGraph()
			s := newSaver(t, g, c.model(t, g))
			sess := newSession(t, g)
			_, err := s.Restore(ctx, sess, c.path, nil)
			if c.errors != nil {
				var misfit *saver.RestoreError
				require.ErrorAs(t, err, &misfit)
				for _, text := range c.errors {
					assert.ErrorContains(t, err, text)
				}
				return
			}
			require.NoError(t, err)
			var got [][]float32
			for _, v := range g.GlobalVariables() {
				got = append(got, tfgraph.Value(t, sess, v.Value()).([][]float32)...)
			}
			assert.Equal(t, want, got)
		})
	}
}

// An imported GraphDef has nodes of variables, and no collection that lists them.
func TestSaverOfImportedGraphDef(t *testing.T) {
	first := tf.NewGraph()
	variable(t, first, "v", []float32{1})
	plain, err := first.GraphDef()
	require.NoError(t, err)
	newSaver(t, first, nil)
	withSaver, err := first.GraphDef()
	require.NoError(t, err)
	g := tf.NewGraph()
	_, err = tf.ImportGraphDef(ctx, g, plain, &tf.ImportGraphDefOptions{NoPrefix: true})
	require.NoError(t, err)
	_, err = saver.New(g, nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "1 nodes of variables, as an imported GraphDef does: import the meta graph, or list")
	g = tf.NewGraph()
	_, err = tf.ImportGraphDef(ctx, g, withSaver, &tf.ImportGraphDefOptions{NoPrefix: true})
	require.NoError(t, err)
	_, err = saver.New(g, nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "set Options.SaverDef with the names of its nodes, which usually are save/Const:0, save/control_dependency:0 (or save/Identity:0) and save/restore_all")
}
