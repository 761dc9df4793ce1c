package saver_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// write makes a checkpoint without a graph.
func write(t *testing.T, path string, tensors ...checkpoint.Tensor) string {
	t.Helper()
	tftest.WriteCheckpoint(t, path, nil, tensors)
	return path
}

// floats returns a tensor of n zeros.
func floats(name string, n int64) checkpoint.Tensor {
	return checkpoint.Tensor{Name: name, DType: dtype.Float32, Shape: []int64{n}, Data: make([]byte, 4*n)}
}

// If the checkpoint does not fit, no variable changes, and the error lists everything.
func TestRestoreIsAllOrNothing(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "m"),
		floats("good", 2), floats("short", 2), floats("old/hidden", 2), floats("kernle", 2), floats("int", 2))
	for _, ref := range []bool{false, true} {
		eachDriver(t, func(t *testing.T, d saver.Driver) {
			g := tf.NewGraph()
			var vars []*tf.Variable
			add := func(name string, value any) {
				v, err := tf.NewVariable(g, name, tf.Value(value), &tf.VariableOptions{Ref: ref})
				require.NoError(t, err)
				vars = append(vars, v)
			}
			add("good", []float32{7, 7})
			add("short", []float32{7, 7, 7})
			add("hidden", []float32{7, 7})
			add("kernel", []float32{7, 7})
			add("int", []int32{7, 7})
			add("nowhere", []float32{7, 7})
			s := newSaver(t, g, &saver.Options{Driver: d})
			sess := initialized(t, g)

			err := restore(s, sess, path)
			var misfit *saver.RestoreError
			require.ErrorAs(t, err, &misfit)
			assert.ErrorIs(t, err, tfkeep.ErrNotFound)
			assert.ErrorIs(t, err, tfkeep.ErrMismatch)
			assert.Equal(t, 1, misfit.Matched)
			assert.Equal(t, []saver.Missing{
				{Key: "hidden", Variable: "hidden", Nearest: "old/hidden"},
				{Key: "kernel", Variable: "kernel", Nearest: "kernle"},
				{Key: "nowhere", Variable: "nowhere"},
			}, misfit.Missing)
			assert.Equal(t, []saver.Mismatch{
				{Key: "int", Variable: "int", Kind: "dtype", Graph: "int32", File: "float"},
				{Key: "short", Variable: "short", Kind: "shape", Graph: "[3]", File: "[2]"},
			}, misfit.Mismatches)
			for _, text := range []string{
				"Key hidden not found in checkpoint (did you mean old/hidden?)", "Key nowhere not found in checkpoint",
				"Assign requires shapes of both tensors to match. lhs shape= [3] rhs shape= [2]",
				"tensor_name = int; expected dtype int32 does not equal original dtype float",
			} {
				assert.Contains(t, err.Error(), text)
			}
			assert.NotContains(t, err.Error(), "NewCheckpointReader")
			assert.Equal(t, []float32{7, 7}, tfgraph.Value(t, sess, vars[0].Value()), "unchanged")

			// Partial restores what matches.
			report, err := s.Restore(ctx, sess, path, &saver.RestoreOptions{Partial: true})
			require.NoError(t, err)
			assert.Equal(t, []string{"good"}, report.Restored)
			assert.Equal(t, misfit.Missing, report.Missing)
			assert.Equal(t, misfit.Mismatches, report.Mismatches)
			assert.Equal(t, []string{"kernle", "old/hidden"}, report.Unused)
			assert.Equal(t, []float32{0, 0}, tfgraph.Value(t, sess, vars[0].Value()))
			assert.Equal(t, []float32{7, 7}, tfgraph.Value(t, sess, vars[3].Value()))

			// Rename maps names.
			report, err = s.Restore(ctx, sess, path, &saver.RestoreOptions{Partial: true,
				Rename: map[string]string{"hidden": "old/hidden", "kernel": "kernle"}})
			require.NoError(t, err)
			assert.ElementsMatch(t, []string{"good", "old/hidden", "kernle"}, report.Restored)
			assert.Equal(t, []float32{0, 0}, tfgraph.Value(t, sess, vars[3].Value()))

			// A map whose keys and values are exchanged is an error.
			_, err = s.Restore(ctx, sess, path, &saver.RestoreOptions{Partial: true,
				Rename: map[string]string{"old/hidden": "hidden"}})
			require.ErrorIs(t, err, tfkeep.ErrArgument)
			assert.ErrorContains(t, err, "old/hidden")
		})
	}
}

// TensorFlow assigns a tensor of another shape to a resource variable without an error.
func TestRestoreRefusesShapeMismatch(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "m"), floats("v", 2))
	g := tf.NewGraph()
	v := variable(t, g, "v", []float32{1, 2, 3})
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	require.ErrorIs(t, restore(s, sess, path), tfkeep.ErrMismatch)
	assert.Equal(t, []float32{1, 2, 3}, tfgraph.Value(t, sess, v.Value()))
}

func TestRestoreFindsDamageFirst(t *testing.T) {
	eachDriver(t, func(t *testing.T, d saver.Driver) {
		if d == saver.Ops {
			t.Skip("the nodes read each tensor when they assign it; only Go reads all of them first")
		}
		path := filepath.Join(t.TempDir(), "m")
		g := tf.NewGraph()
		var vars []*tf.Variable
		for _, name := range []string{"a", "b", "c", "d"} {
			vars = append(vars, variable(t, g, name, []float32{1, 2, 3}))
		}
		s := newSaver(t, g, &saver.Options{Driver: d})
		sess := initialized(t, g)
		mustSave(t, s, sess, path, nil)
		data, err := os.ReadFile(path + ".data-00000-of-00001")
		require.NoError(t, err)
		data[len(data)-1] ^= 1
		require.NoError(t, os.WriteFile(path+".data-00000-of-00001", data, 0o644))
		for _, v := range vars {
			assign(t, sess, v, []float32{9, 9, 9})
		}
		require.ErrorIs(t, restore(s, sess, path), tfkeep.ErrCorrupt)
		for _, v := range vars {
			assert.Equal(t, []float32{9, 9, 9}, tfgraph.Value(t, sess, v.Value()))
		}
		require.NoError(t, os.Remove(path+".data-00000-of-00001"))
		require.ErrorIs(t, restore(s, sess, path), tfkeep.ErrNotFound)
	})
}

func TestReshape(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	g := tf.NewGraph()
	variable(t, g, "v", [][]float32{{1, 2}, {3, 4}, {5, 6}})
	mustSave(t, newSaver(t, g, nil), initialized(t, g), path, nil)
	for _, ref := range []bool{false, true} {
		eachDriver(t, func(t *testing.T, d saver.Driver) {
			g := tf.NewGraph()
			v, err := tf.NewVariable(g, "v", tf.Value(make([]float32, 6)), &tf.VariableOptions{Ref: ref})
			require.NoError(t, err)
			sess := newSession(t, g)
			require.ErrorIs(t, restore(newSaver(t, g, &saver.Options{Driver: d}), sess, path), tfkeep.ErrMismatch)
			require.NoError(t, restore(newSaver(t, g, &saver.Options{Driver: d, Reshape: true}), sess, path))
			assert.Equal(t, []float32{1, 2, 3, 4, 5, 6}, tfgraph.Value(t, sess, v.Value()))

			g = tf.NewGraph()
			_, err = tf.NewVariable(g, "v", tf.Value(make([]float32, 5)), &tf.VariableOptions{Ref: ref})
			require.NoError(t, err)
			require.ErrorIs(t, restore(newSaver(t, g, &saver.Options{Driver: d, Reshape: true}), newSession(t, g), path), tfkeep.ErrMismatch)
		})
	}
}

func TestPartitionedVariable(t *testing.T) {
	for _, ref := range []bool{false, true} {
		eachDriver(t, func(t *testing.T, d saver.Driver) {
			dir := t.TempDir()
			rows := func(n int) [][]float32 {
				out := make([][]float32, n)
				for i := range out {
					out[i] = []float32{float32(3 * i), float32(3*i + 1), float32(3*i + 2)}
				}
				return out
			}
			full := rows(12)
			// save writes the variable in so many parts and returns the prefix.
			save := func(parts int64) string {
				g := tf.NewGraph()
				vars := partition(t, g, "var", 12, 3, parts, ref)
				s := newSaver(t, g, &saver.Options{Driver: d})
				sess := initialized(t, g)
				n := 12 / int(parts)
				for i, v := range vars {
					assign(t, sess, v, full[i*n:(i+1)*n])
				}
				return mustSave(t, s, sess, filepath.Join(dir, "p"+string(rune('0'+parts))), nil)
			}
			restoreParts := func(prefix string, parts int64) {
				g := tf.NewGraph()
				vars := partition(t, g, "var", 12, 3, parts, ref)
				s := newSaver(t, g, &saver.Options{Driver: d, VarMap: map[string]saver.Saveable{"var": saver.Var(vars)}})
				sess := newSession(t, g)
				require.NoError(t, restore(s, sess, prefix))
				var got [][]float32
				for _, v := range vars {
					got = append(got, tfgraph.Value(t, sess, v.Value()).([][]float32)...)
				}
				assert.Equal(t, full, got)
			}
			for _, from := range []int64{2, 3} {
				prefix := save(from)
				for _, to := range []int64{1, 2, 3, 4} {
					restoreParts(prefix, to)
				}
				g := tf.NewGraph()
				v, err := tf.NewVariable(g, "var", tf.Zeros(12, 3), &tf.VariableOptions{Ref: ref})
				require.NoError(t, err)
				sess := newSession(t, g)
				require.NoError(t, restore(newSaver(t, g, &saver.Options{Driver: d}), sess, prefix))
				assert.Equal(t, full, tfgraph.Value(t, sess, v.Value()))
			}
		})
	}
}

func TestLoadFromObjectBasedGraph(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "object")
	oracle.RunEager(t, `
a = tf.Variable(3., name='a'); b = tf.Variable([1., 2.], name='b')
tf.train.Checkpoint(first=a, second=b).write(args[0])
`, prefix)
	eachDriver(t, func(t *testing.T, d saver.Driver) {
		g := tf.NewGraph()
		a := variable(t, g, "a", float32(0))
		b := variable(t, g, "b", []float32{0, 0})
		s := newSaver(t, g, &saver.Options{Driver: d})
		sess := newSession(t, g)
		nodes := len(g.Operations())
		require.NoError(t, restore(s, sess, prefix))
		require.NoError(t, restore(s, sess, prefix))
		assert.Equal(t, float32(3), tfgraph.Value(t, sess, a.Value()))
		assert.Equal(t, []float32{1, 2}, tfgraph.Value(t, sess, b.Value()))
		assert.Len(t, g.Operations(), nodes, "no nodes are added for it")

		g = tf.NewGraph()
		variable(t, g, "a", float32(0))
		variable(t, g, "c", float32(0))
		variable(t, g, "d", float32(0))
		s = newSaver(t, g, &saver.Options{Driver: d})
		err := restore(s, newSession(t, g), prefix)
		var misfit *saver.RestoreError
		require.ErrorAs(t, err, &misfit)
		assert.ErrorIs(t, err, tfkeep.ErrNotFound)
		assert.True(t, misfit.Objects)
		assert.Equal(t, []saver.Missing{{Key: "c", Variable: "c"}, {Key: "d", Variable: "d"}}, misfit.Missing)
		assert.Contains(t, misfit.Unused, "b")
		assert.Contains(t, err.Error(), "Key c not found in checkpoint\n  Key d not found in checkpoint")
		assert.Contains(t, err.Error(), "and 1 match")

		report, err := s.Restore(ctx, newSession(t, g), prefix, &saver.RestoreOptions{Partial: true})
		require.NoError(t, err)
		assert.Len(t, report.Restored, 1)
		assert.Len(t, report.Missing, 2)
	})
}

// Of three variables of one name, only the program that wrote them knows which is which.
func TestRestoreRefusesAmbiguousNames(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "object")
	oracle.RunEager(t, `
tf.train.Checkpoint(c=tf.Variable(1., name='w'), b=tf.Variable(2., name='w'), k=tf.Variable(3., name='k')).write(args[0])
`, prefix)
	eachDriver(t, func(t *testing.T, d saver.Driver) {
		g := tf.NewGraph()
		w := variable(t, g, "w", float32(7))
		k := variable(t, g, "k", float32(7))
		s := newSaver(t, g, &saver.Options{Driver: d})
		sess := initialized(t, g)
		err := restore(s, sess, prefix)
		var misfit *saver.RestoreError
		require.ErrorAs(t, err, &misfit)
		assert.Equal(t, []string{"w"}, misfit.Ambiguous)
		assert.ErrorContains(t, err, "Names that several variables had, by which no value is found: w.")

		_, err = s.Restore(ctx, sess, prefix, &saver.RestoreOptions{Partial: true})
		require.NoError(t, err)
		assert.Equal(t, float32(7), tfgraph.Value(t, sess, w.Value()))
		assert.Equal(t, float32(3), tfgraph.Value(t, sess, k.Value()))
	})
}

// V1 files are restored, also by a Saver that writes V2.
func TestRestoreAfterSaveV1(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v1")
	g := tf.NewGraph()
	goRefs(t, g, "", "")
	sess := initialized(t, g)
	assert.Equal(t, path, mustSave(t, newSaver(t, g, &saver.Options{WriteVersion: checkpoint.V1}), sess, path, nil))
	eachDriver(t, func(t *testing.T, d saver.Driver) {
		require.NoError(t, restore(newSaver(t, g, &saver.Options{Driver: d}), sess, path))
		g := tf.NewGraph()
		variable(t, g, "zz", float32(1))
		err := restore(newSaver(t, g, &saver.Options{Driver: d}), newSession(t, g), path)
		assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	})
}

func TestMappedRestore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	g := tf.NewGraph()
	want := make([]float32, 10000)
	for i := range want {
		want[i] = float32(i)
	}
	v := variable(t, g, "v", want)
	variable(t, g, "w", []string{"a", "b"})
	s := newSaver(t, g, &saver.Options{Alignment: 4096})
	sess := initialized(t, g)
	mustSave(t, s, sess, path, nil)
	_, err := s.Restore(ctx, sess, path, &saver.RestoreOptions{Mapped: true})
	require.NoError(t, err)
	before := read(t, path+".data-00000-of-00001")
	require.NoError(t, remove(path))
	assert.Equal(t, want, tfgraph.Value(t, sess, v.Value()))
	assign(t, sess, v, make([]float32, 10000))
	assert.True(t, strings.Contains(before, "a"))

	// TensorFlow reads aligned files.
	mustSave(t, s, sess, path, nil)
	require.NoError(t, restore(newSaver(t, g, &saver.Options{Driver: saver.Ops}), sess, path))
}

func TestOpenSavedFolder(t *testing.T) {
	folder := t.TempDir()
	_, err := dir.Open(ctx, folder, nil)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	g := tf.NewGraph()
	variable(t, g, "b", []float32{1, 2})
	variable(t, g, "a/c", [][]int64{{3}})
	mustSave(t, newSaver(t, g, nil), initialized(t, g), filepath.Join(folder, "m"), nil)
	for _, path := range []string{folder, filepath.Join(folder, "m")} {
		r, err := dir.Open(ctx, path, nil)
		require.NoError(t, err)
		defer r.Close()
		list := slices.Collect(r.Tensors())
		require.Len(t, list, 2)
		assert.Equal(t, "a/c", list[0].Name)
		assert.Equal(t, []int64{1, 1}, list[0].Shape)
		got, err := checkpoint.Values[int64](ctx, r, "a/c", nil)
		require.NoError(t, err)
		assert.Equal(t, []int64{3}, got)
		_, err = checkpoint.Values[float32](ctx, r, "x", nil)
		assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	}
}

func TestInitFromCheckpoint(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "m"), floats("a/x", 2), floats("a/y", 3), floats("z", 1), floats("p", 4))
	require.NoError(t, updateState(dir, filepath.Join(dir, "m")))
	build := func() (*tf.Graph, *tf.Session) {
		g := tf.NewGraph()
		variable(t, g, "new/x", []float32{1, 1})
		variable(t, g, "new/y", []float32{1, 1, 1})
		variable(t, g, "z", []float32{1})
		variable(t, g, "other/z", []float32{1})
		variable(t, g, "twice", []float32{1, 1})
		_, err := tf.NewVariable(g, "twice/part_0", tf.Ones(1), &tf.VariableOptions{
			SliceInfo: &tf.SaveSliceInfo{FullName: "twice", FullShape: []int64{1}, Offset: []int64{0}, Shape: []int64{1}}})
		require.NoError(t, err)
		for i := range int64(2) {
			_, err := tf.NewVariable(g, "q/part_"+string(rune('0'+i)), tf.Ones(2), &tf.VariableOptions{
				SliceInfo: &tf.SaveSliceInfo{FullName: "q", FullShape: []int64{4}, Offset: []int64{2 * i}, Shape: []int64{2}}})
			require.NoError(t, err)
		}
		return g, initialized(t, g)
	}
	cases := []struct {
		name    string
		assign  map[string]string
		changed []string
		want    string
	}{
		{"a variable's name", map[string]string{"z": "z"}, []string{"z"}, ""},
		{"a variable", map[string]string{"z": "other/z"}, []string{"other/z"}, ""},
		{"a scope", map[string]string{"a/": "new/"}, []string{"new/x", "new/y"}, ""},
		{"the root", map[string]string{"/": "other/"}, []string{"other/z"}, ""},
		{"a partitioned name", map[string]string{"p": "q"}, []string{"q/part_0", "q/part_1"}, ""},
		{"missing", map[string]string{"zz": "z"}, nil, `tensor "zz": not found`},
		{"missing in a scope", map[string]string{"b/": "new/"}, nil, `tensor "b/x": not found`},
		{"no such variable", map[string]string{"z": "nope"}, nil, `"z" is not; map "scope/" to "other_scope/"`},
		{"no such scope", map[string]string{"a/": "nope/"}, nil, "no variable nope/"},
		{"two of one name", map[string]string{"p": "twice"}, nil, "twice is the name of a variable and of a partitioned variable"},
		{"a part of two of one name", map[string]string{"z": "twice/part_0"}, []string{"twice/part_0"}, ""},
		{"shape", map[string]string{"a/x": "new/y"}, nil, "the shape [3] of variable new/y:0 is not the shape [2] of tensor a/x"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g, sess := build()
			err := saver.InitFromCheckpoint(ctx, sess, dir, c.assign)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
			} else {
				require.NoError(t, err)
			}
			for _, v := range g.GlobalVariables() {
				got := tfgraph.Value(t, sess, v.Value()).([]float32)[0]
				want := float32(1)
				for _, name := range c.changed {
					if name == v.Name() {
						want = 0
					}
				}
				assert.Equal(t, want, got, v.Name())
			}
		})
	}
}
