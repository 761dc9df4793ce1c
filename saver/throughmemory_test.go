package saver_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/procmem"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// many is a number of variables whose values go through TensorFlow's files in memory.
const many = 1100

// manyVariables builds a graph with many variables, half of them references, and some of
// other types.
func manyVariables(t testing.TB) (*tf.Graph, []*tf.Variable) {
	t.Helper()
	g := tf.NewGraph()
	vars := make([]*tf.Variable, many)
	for i := range vars {
		value := any([]float32{float32(i), 1})
		switch i % 5 {
		case 1:
			value = []int64{int64(i)}
		case 2:
			value = [][]bool{{true}, {i%2 == 0}}
		}
		v, err := tf.NewVariable(g, fmt.Sprintf("v%04d", i), tf.Value(value), &tf.VariableOptions{Ref: i%2 == 0})
		require.NoError(t, err)
		vars[i] = v
	}
	return g, vars
}

func TestManyVariablesHaveTheSameFiles(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct {
		name string
		from int // the number of tensors from which they go through memory
	}{{"memory", 1000}, {"fetches", 1 << 30}} {
		saver.ThroughMemoryFrom(t, c.from)
		g, _ := manyVariables(t)
		s := newSaver(t, g, nil)
		mustSave(t, s, initialized(t, g), filepath.Join(folder, c.name), &saver.SaveOptions{NoMetaGraph: true})
	}
	for _, suffix := range []string{".index", ".data-00000-of-00001"} {
		assert.Equal(t, read(t, folder, "fetches"+suffix), read(t, folder, "memory"+suffix), suffix)
	}
}

func TestManyVariablesComeBack(t *testing.T) {
	g, vars := manyVariables(t)
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	path := mustSave(t, s, sess, filepath.Join(t.TempDir(), "m"), nil)
	for round := range 3 { // the files in memory are other ones each time
		assign(t, sess, vars[0], []float32{float32(round), -1})
		assign(t, sess, vars[5], []float32{float32(round), -1})
		other := mustSave(t, s, sess, path+"-other", nil)
		require.NoError(t, restore(s, sess, path))
		assert.Equal(t, []float32{0, 1}, tfgraph.Value(t, sess, vars[0].Value()))
		assert.Equal(t, []float32{5, 1}, tfgraph.Value(t, sess, vars[5].Value()))
		require.NoError(t, restore(s, sess, other))
		assert.Equal(t, []float32{float32(round), -1}, tfgraph.Value(t, sess, vars[0].Value()))
		assert.Equal(t, []float32{float32(round), -1}, tfgraph.Value(t, sess, vars[5].Value()))
	}
}

// TestManyVariablesInPart restores what an older, smaller model has.
func TestManyVariablesInPart(t *testing.T) {
	g, vars := manyVariables(t)
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	path := write(t, filepath.Join(t.TempDir(), "m"), floats("old", 2), floats("v0005", 2), floats("v0001", 3))
	require.ErrorIs(t, restore(s, sess, path), tfkeep.ErrMismatch)
	assert.Equal(t, []float32{5, 1}, tfgraph.Value(t, sess, vars[5].Value()), "nothing is restored")

	report, err := s.Restore(ctx, sess, path, &saver.RestoreOptions{Partial: true, Rename: map[string]string{"v0000": "old"}})
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"old", "v0005"}, report.Restored)
	assert.Equal(t, []float32{0, 0}, tfgraph.Value(t, sess, vars[0].Value()))
	assert.Equal(t, []float32{0, 0}, tfgraph.Value(t, sess, vars[5].Value()))
	assert.Equal(t, []int64{1}, tfgraph.Value(t, sess, vars[1].Value()), "a misfit stays as it is")
	assert.Equal(t, []float32{10, 1}, tfgraph.Value(t, sess, vars[10].Value()))
}

func TestManyVariablesWithDamage(t *testing.T) {
	g, vars := manyVariables(t)
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	path := mustSave(t, s, sess, filepath.Join(t.TempDir(), "m"), nil)
	file := path + ".data-00000-of-00001"
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	data[len(data)-1] ^= 1
	require.NoError(t, os.WriteFile(file, data, 0o600))
	assign(t, sess, vars[0], []float32{7, 7})
	require.ErrorIs(t, restore(s, sess, path), tfkeep.ErrCorrupt)
	assert.Equal(t, []float32{7, 7}, tfgraph.Value(t, sess, vars[0].Value()), "nothing is restored")
}

func TestManyVariablesUninitialized(t *testing.T) {
	g, _ := manyVariables(t)
	s := newSaver(t, g, nil)
	sess := newSession(t, g)
	folder := t.TempDir()
	_, err := s.Save(ctx, sess, filepath.Join(folder, "m"), nil)
	var uninitialized *tf.UninitializedError
	require.ErrorAs(t, err, &uninitialized)
	assert.Len(t, uninitialized.Variables, 1, "the one that TensorFlow names")
	require.ErrorIs(t, err, tfkeep.ErrUninitialized)
	assert.Empty(t, files(t, folder))
}

// TestManyVariablesFreeTheirMemory saves and restores again and again: TensorFlow's files in
// memory would grow if they were only written to.
func TestManyVariablesFreeTheirMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	saver.ThroughMemoryFrom(t, 16)
	g := tf.NewGraph()
	const size = 1 << 18 // 16 MiB in all
	for i := range 16 {
		_, err := tf.NewVariable(g, fmt.Sprintf("v%d", i), tf.Zeros(size), nil)
		require.NoError(t, err)
	}
	s := newSaver(t, g, &saver.Options{NoSync: true})
	sess := initialized(t, g)
	folder := t.TempDir()
	var before int64
	const rounds = 24
	for round := range rounds {
		path := mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{NoMetaGraph: true})
		require.NoError(t, restore(s, sess, path))
		now, err := procmem.Resident(os.Getpid())
		if err != nil {
			t.Skip(err)
		}
		switch round {
		case 8:
			before = now
		case rounds - 1:
			assert.Less(t, now-before, int64(8*16<<20), "of %d MB that went through memory", 2*(rounds-9)*16)
		}
	}
}

// TestManyVariablesWithAShapeThatChanged saves a value that no restore would take.
func TestManyVariablesWithAShapeThatChanged(t *testing.T) {
	for _, c := range []struct {
		name string
		from int
	}{{"memory", 1000}, {"fetches", 1 << 30}} {
		t.Run(c.name, func(t *testing.T) {
			saver.ThroughMemoryFrom(t, c.from)
			g, vars := manyVariables(t)
			s := newSaver(t, g, nil)
			sess := initialized(t, g)
			mustSave(t, s, sess, filepath.Join(t.TempDir(), "m"), nil) // the Saver does not see the nodes below
			// TensorFlow lets a run give a resource variable another shape.
			in, err := g.AddOp(tf.OpSpec{Type: "Placeholder", Attrs: map[string]any{"dtype": dtype.Float32}})
			require.NoError(t, err)
			change, err := g.AddOp(tf.OpSpec{Type: "AssignVariableOp", Input: []tf.Input{vars[5].Handle(), in.Output(0)}})
			require.NoError(t, err)
			value, err := tf.NewTensor([]float32{1, 2, 3})
			require.NoError(t, err)
			defer tf.Release(value)
			_, err = sess.Run(ctx, map[tf.Output]*tf.Tensor{in.Output(0): value}, nil, []*tf.Operation{change}, nil)
			require.NoError(t, err)
			_, err = s.Save(ctx, sess, filepath.Join(t.TempDir(), "m"), nil)
			require.ErrorIs(t, err, tfkeep.ErrMismatch)
			assert.ErrorContains(t, err, "v0005")
		})
	}
}

func TestRestoreSourceOfManyVariables(t *testing.T) {
	g, vars := manyVariables(t)
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	path := mustSave(t, s, sess, filepath.Join(t.TempDir(), "m"), nil)
	assign(t, sess, vars[0], []float32{7, 7})
	r, err := checkpoint.Open(ctx, path, nil)
	require.NoError(t, err)
	defer r.Close()
	var last, total int64
	_, err = s.Restore(ctx, sess, "an open checkpoint", &saver.RestoreOptions{Source: r, Progress: func(done, all int64) { last, total = done, all }})
	require.NoError(t, err)
	assert.Equal(t, []float32{0, 1}, tfgraph.Value(t, sess, vars[0].Value()))
	assert.Positive(t, total)
	assert.Equal(t, total, last)
}
