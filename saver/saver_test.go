package saver_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// table adds a lookup table from strings to floats.
func table(t *testing.T, g *tf.Graph, name string) (saver.Saveable, tf.Output) {
	t.Helper()
	op, err := g.AddOp(tf.OpSpec{Type: "MutableHashTableV2", Name: name,
		Attrs: map[string]any{"key_dtype": dtype.String, "value_dtype": dtype.Float32, "shared_name": name}})
	require.NoError(t, err)
	return saver.NewTable(name, op.Output(0), dtype.String, dtype.Float32), op.Output(0)
}

func insert(t *testing.T, sess *tf.Session, handle tf.Output, key string, v float32) {
	t.Helper()
	g := sess.Graph()
	k := tfgraph.Const(t, g, "", []string{key})
	val := tfgraph.Const(t, g, "", []float32{v})
	op, err := g.AddOp(tf.OpSpec{Type: "LookupTableInsertV2", Input: []tf.Input{handle, k, val}})
	require.NoError(t, err)
	require.NoError(t, sess.RunOps(ctx, op))
}

func content(t *testing.T, sess *tf.Session, handle tf.Output) map[string]float32 {
	t.Helper()
	op, err := sess.Graph().AddOp(tf.OpSpec{Type: "LookupTableExportV2", Input: []tf.Input{handle},
		Attrs: map[string]any{"Tkeys": dtype.String, "Tvalues": dtype.Float32}})
	require.NoError(t, err)
	got, err := sess.Run(ctx, nil, []tf.Output{op.Output(0), op.Output(1)}, nil, nil)
	require.NoError(t, err)
	defer tf.Release(got...)
	out := map[string]float32{}
	for i, k := range got[0].Value().([]string) {
		out[k] = got[1].Value().([]float32)[i]
	}
	return out
}

// drivers are the drivers that do not depend on the session.
var drivers = []named[saver.Driver]{{"files", saver.Files}, {"ops", saver.Ops}}

// eachDriver runs a test with each driver, which all do the same.
func eachDriver(t *testing.T, f func(t *testing.T, d saver.Driver)) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) { f(t, d.v) })
	}
}

func TestBasic(t *testing.T) {
	for _, kind := range []struct {
		name string
		ref  bool
	}{{"resource", false}, {"reference", true}} {
		t.Run(kind.name, func(t *testing.T) {
			eachDriver(t, func(t *testing.T, d saver.Driver) {
				prefix := filepath.Join(t.TempDir(), "basic")
				build := func(g *tf.Graph, a, b float32) (*tf.Variable, *tf.Variable, saver.Saveable, tf.Output) {
					o := &tf.VariableOptions{Ref: kind.ref}
					v0, err := tf.NewVariable(g, "v0", tf.Value(a), o)
					require.NoError(t, err)
					v1, err := tf.NewVariable(g, "v1", tf.Value(b), o)
					require.NoError(t, err)
					v2, handle := table(t, g, "v2")
					return v0, v1, v2, handle
				}
				options := func(v0, v1 *tf.Variable, v2 saver.Saveable) *saver.Options {
					return &saver.Options{VarMap: map[string]saver.Saveable{"v0": saver.Var(v0), "v1": saver.Var(v1), "v2": v2}, RestoreSequentially: d != saver.Ops, Driver: d}
				}
				g := tf.NewGraph()
				v0, v1, v2, handle := build(g, 10, 20)
				s := newSaver(t, g, options(v0, v1, v2))
				sess := initialized(t, g)
				insert(t, sess, handle, "k1", 30)
				assert.Equal(t, prefix, mustSave(t, s, sess, prefix, nil))

				// In a new graph, Restore initializes the variables.
				g = tf.NewGraph()
				v0, v1, v2, handle = build(g, 1000, 2000)
				s = newSaver(t, g, options(v0, v1, v2))
				sess = newSession(t, g)
				names, err := tf.UninitializedVariables(ctx, sess)
				require.NoError(t, err)
				assert.ElementsMatch(t, []string{"v0", "v1"}, names)
				require.NoError(t, restore(s, sess, prefix))
				assert.Equal(t, float32(10), tfgraph.Value(t, sess, v0.Value()))
				assert.Equal(t, float32(20), tfgraph.Value(t, sess, v1.Value()))
				assert.Equal(t, map[string]float32{"k1": 30}, content(t, sess, handle))

				// Restore replaces the content of a table.
				assign(t, sess, v0, float32(-1))
				insert(t, sess, handle, "k2", 1)
				require.NoError(t, restore(s, sess, prefix))
				assert.Equal(t, float32(10), tfgraph.Value(t, sess, v0.Value()))
				assert.Equal(t, map[string]float32{"k1": 30}, content(t, sess, handle))
			})
		})
	}
}

func TestVariables(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "variables")
	g := tf.NewGraph()
	a := variable(t, g, "Variable", []float32{1})
	b := variable(t, g, "Variable_1", []float32{2, 2, 2})
	v2, handle := table(t, g, "v2")
	g.AddToCollection(tf.SaveableObjects, v2)
	s := newSaver(t, g, &saver.Options{AllowUncovered: true})
	variable(t, g, "later", float32(1)) // made after the Saver: not saved
	sess := initialized(t, g)
	insert(t, sess, handle, "k1", 3)
	mustSave(t, s, sess, prefix, nil)

	r, err := checkpoint.Open(ctx, prefix, nil)
	require.NoError(t, err)
	defer r.Close()
	list := slices.Collect(r.Tensors())
	var names []string
	for _, v := range list {
		names = append(names, v.Name)
	}
	assert.Equal(t, []string{"Variable", "Variable_1", "v2-keys", "v2-values"}, names)

	assign(t, sess, a, []float32{0})
	assign(t, sess, b, []float32{0, 0, 0})
	insert(t, sess, handle, "k1", 0)
	require.NoError(t, restore(s, sess, prefix))
	assert.Equal(t, []float32{1}, tfgraph.Value(t, sess, a.Value()))
	assert.Equal(t, []float32{2, 2, 2}, tfgraph.Value(t, sess, b.Value()))
	assert.Equal(t, map[string]float32{"k1": 3}, content(t, sess, handle))
}

func TestSaverAddsNodesInItsScopeOnly(t *testing.T) {
	g := tf.NewGraph()
	v := variable(t, g, "v", float32(1))
	before := map[string]bool{}
	for _, op := range g.Operations() {
		before[op.Name()] = true
	}
	newSaver(t, g, &saver.Options{Name: "saver1/save"})
	newSaver(t, g, &saver.Options{Name: "saver2/save", VarMap: map[string]saver.Saveable{"name": saver.Var(v)}})
	for _, op := range g.Operations() {
		if !before[op.Name()] {
			assert.Regexp(t, `^saver[12]/save/`, op.Name())
		}
	}
}

func TestSaveCopyRestoreWithSaveRelativePaths(t *testing.T) {
	root := t.TempDir()
	dir1, dir2 := filepath.Join(root, "a"), filepath.Join(root, "b")
	g := tf.NewGraph()
	v := variable(t, g, "v0", float32(10))
	s := newSaver(t, g, &saver.Options{SaveRelativePaths: true})
	sess := initialized(t, g)
	path := mustSave(t, s, sess, filepath.Join(dir1, "save_copy_restore"), nil)
	latest, err := latestIn(dir1)
	require.NoError(t, err)
	assert.Equal(t, path, latest)
	require.NoError(t, s.Close())

	require.NoError(t, os.Rename(dir1, dir2))
	latest, err = latestIn(dir2)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir2, "save_copy_restore"), latest)
	s = newSaver(t, g, nil)
	assign(t, sess, v, float32(0))
	require.NoError(t, restore(s, sess, latest))
	assert.Equal(t, float32(10), tfgraph.Value(t, sess, v.Value()))
}

func TestFilenameTensor(t *testing.T) {
	for _, tt := range []struct{ given, want string }{{"", "model"}, {"somerandomfilename", "somerandomfilename"}} {
		g := tf.NewGraph()
		variable(t, g, "v", float32(1))
		s := newSaver(t, g, &saver.Options{Filename: tt.given})
		o, err := g.OutputByName(s.SaverDef().FilenameTensorName)
		require.NoError(t, err)
		assert.Equal(t, tt.want, tfgraph.Value(t, newSession(t, g), o))
	}
}

func TestInvalidPath(t *testing.T) {
	for _, version := range []checkpoint.Version{checkpoint.V1, checkpoint.V2} {
		g := tf.NewGraph()
		variable(t, g, "v0", float32(0))
		s := newSaver(t, g, &saver.Options{WriteVersion: version})
		err := restore(s, newSession(t, g), "invalid path")
		require.ErrorIs(t, err, tfkeep.ErrNotFound)
		assert.ErrorContains(t, err, "restore invalid path: not found: there is no checkpoint")
		assert.ErrorIs(t, err, fs.ErrNotExist)
		assert.ErrorContains(t, restore(s, newSession(t, g), ""), "the path of the checkpoint is empty")
	}
}

func TestSomeErrors(t *testing.T) {
	slice := func(full string) *tf.VariableOptions {
		return &tf.VariableOptions{SliceInfo: &tf.SaveSliceInfo{FullName: full, FullShape: []int64{1}, Offset: []int64{0}, Shape: []int64{1}}}
	}
	g := tf.NewGraph()
	v0 := variable(t, g, "v0", []float32{10})
	v1 := variable(t, g, "v1", []float32{20})
	v2, err := tf.NewVariable(g, "v2", tf.Value([]float32{20}), slice("v1"))
	require.NoError(t, err)
	other := variable(t, g, "other", float32(1))
	constant := tfgraph.Const(t, g, "", float32(1))
	cases := []struct {
		name string
		o    *saver.Options
		want string
	}{
		{"a slice of a variable's name", &saver.Options{VarList: saver.Vars(v0, v1, v2)}, "a part of a partitioned variable and another variable have the same name: v1"},
		{"twice in a list", &saver.Options{VarList: saver.Vars(v0, v0)}, "two variables have the same name: v0"},
		{"partitioned twice", &saver.Options{VarList: saver.Vars([]*tf.Variable{v2}, []*tf.Variable{v2})}, "two variables have the same name: v1"},
		{"two names", &saver.Options{VarMap: map[string]saver.Saveable{"v0": saver.Var(v0), "v0too": saver.Var(v0)}}, "the same variable would be saved under two names, one of which is v0too"},
		{"a tensor in a list", &saver.Options{VarList: saver.Vars(constant)}, "not a variable that can be saved: Const:0"},
		{"a tensor in a map", &saver.Options{VarMap: map[string]saver.Saveable{"c": saver.Var(constant)}}, "not a variable that can be saved: Const:0"},
		{"no slice in the parts", &saver.Options{VarMap: map[string]saver.Saveable{"p": saver.Var([]*tf.Variable{other})}}, "other is not a part of a partitioned variable"},
		{"an empty name", &saver.Options{VarMap: map[string]saver.Saveable{"": saver.Var(v0)}}, "the name of v0:0 in the checkpoint is empty"},
		{"another graph", &saver.Options{VarList: saver.Vars(v0, variable(t, tf.NewGraph(), "far", float32(1)))}, `variable "far" belongs to another graph than the Saver`},
		{"another graph in a map", &saver.Options{VarMap: map[string]saver.Saveable{"a": saver.Var(variable(t, tf.NewGraph(), "far", float32(1)))}}, `variable "far" belongs to another graph than the Saver`},
		{"both", &saver.Options{VarMap: map[string]saver.Saveable{"v0": saver.Var(v0)}, VarList: saver.Vars(v0)}, "VarList and VarMap are both given"},
		{"deferred with a list", &saver.Options{VarList: saver.Vars(v0), DeferBuild: true}, "DeferBuild does not go with VarList or VarMap"},
		{"negative MaxToKeep", &saver.Options{MaxToKeep: saver.KeepAll - 1}, "use saver.KeepAll"},
		{"negative Alignment", &saver.Options{Alignment: -1}, "Alignment is negative"},
		{"negative Workers", &saver.Options{Workers: -1}, "Workers is negative"},
		{"an empty list", &saver.Options{VarList: []saver.Saveable{}}, "no variables to save"},
		{"an empty map", &saver.Options{VarMap: map[string]saver.Saveable{}}, "no variables to save"},
		{"SaverDef without a save tensor", &saver.Options{SaverDef: &graphdef.SaverDef{RestoreOpName: "x"}}, "the SaverDef has no save_tensor_name"},
		{"SaverDef without a restore op", &saver.Options{SaverDef: &graphdef.SaverDef{SaveTensorName: "x:0"}}, "the SaverDef has no restore_op_name"},
		{"SaverDef of another graph", &saver.Options{SaverDef: &graphdef.SaverDef{FilenameTensorName: "n:0", SaveTensorName: "x:0", RestoreOpName: "y"}}, `"n"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := saver.New(g, c.o)
			assert.ErrorContains(t, err, c.want)
		})
	}
	_, err = saver.New(g, &saver.Options{VarMap: map[string]saver.Saveable{"vee1": saver.Var(v1), "other": saver.Var([]*tf.Variable{v2})}})
	assert.NoError(t, err)
}

func TestSaveableUnderTwoNames(t *testing.T) {
	g := tf.NewGraph()
	v2, _ := table(t, g, "v2")
	_, err := saver.New(g, &saver.Options{VarMap: map[string]saver.Saveable{"v2": v2, "v2too": v2}})
	assert.ErrorContains(t, err, "the same variable would be saved under two names, one of which is v2")
}

func TestNoVariables(t *testing.T) {
	_, err := saver.New(tf.NewGraph(), nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "no variables to save")
}

func TestAllowEmptySavesMetaGraphOnly(t *testing.T) {
	dir := t.TempDir()
	g := tf.NewGraph()
	tfgraph.Const(t, g, "", float32(1))
	s := newSaver(t, g, &saver.Options{AllowEmpty: true})
	sess := newSession(t, g)
	assert.Empty(t, mustSave(t, s, sess, filepath.Join(dir, "m"), nil))
	assert.Equal(t, []string{"m.meta"}, files(t, dir))
	assert.NoError(t, restore(s, sess, filepath.Join(dir, "m")))
}

func TestDeferredBuild(t *testing.T) {
	g := tf.NewGraph()
	variable(t, g, "before", float32(1))
	s, err := saver.New(g, &saver.Options{DeferBuild: true})
	require.NoError(t, err)
	variable(t, g, "after", float32(2))
	sess := initialized(t, g)
	path := filepath.Join(t.TempDir(), "deferred")
	_, err = s.Save(ctx, sess, path, nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	require.NoError(t, s.Build())
	require.NoError(t, s.Build(), "a second Build does nothing")
	_, err = s.Save(ctx, sess, path, nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	got, err := load[float32](path, "after")
	require.NoError(t, err)
	assert.Equal(t, []float32{2}, got)
}

func TestSaveWithGlobalStep(t *testing.T) {
	g := tf.NewGraph()
	step := variable(t, g, "step", int64(5))
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	path := filepath.Join(t.TempDir(), "m")
	for _, v := range []saver.GlobalStep{saver.Step(5), saver.Step(int32(5)), saver.Step(int64(5)), saver.Step(step), saver.Step(step.Value())} {
		assert.Equal(t, path+"-5", mustSave(t, s, sess, path, &saver.SaveOptions{GlobalStep: v}))
	}
	_, err := s.Save(ctx, sess, path, &saver.SaveOptions{GlobalStep: saver.Step(tfgraph.Const(t, g, "", "x"))})
	assert.ErrorContains(t, err, "is x (string)")
}

func TestSaveWithGlobalStepWithPadding(t *testing.T) {
	g := tf.NewGraph()
	variable(t, g, "v", int64(5))
	s := newSaver(t, g, &saver.Options{PadStepNumber: true})
	path := filepath.Join(t.TempDir(), "m")
	assert.Equal(t, path+"-00000005", mustSave(t, s, initialized(t, g), path, &saver.SaveOptions{GlobalStep: saver.Step(5)}))
}

func TestSaveToNonexistingPath(t *testing.T) {
	eachDriver(t, func(t *testing.T, d saver.Driver) {
		dir := t.TempDir()
		g := tf.NewGraph()
		v := variable(t, g, "v", float32(5))
		s := newSaver(t, g, &saver.Options{Driver: d})
		sess := initialized(t, g)
		path := mustSave(t, s, sess, filepath.Join(dir, "not", "there", "m"), nil)
		assign(t, sess, v, float32(0))
		require.NoError(t, restore(s, sess, path))
		assert.Equal(t, float32(5), tfgraph.Value(t, sess, v.Value()))

		file := filepath.Join(dir, "file")
		require.NoError(t, os.WriteFile(file, nil, 0o644))
		bad := filepath.Join(file, "m")
		_, err := s.Save(ctx, sess, bad, nil)
		assert.ErrorContains(t, err, "the parent directory of "+bad+" does not exist")
	})
}

func TestSaveToURI(t *testing.T) {
	eachDriver(t, func(t *testing.T, d saver.Driver) {
		dir := t.TempDir()
		g := tf.NewGraph()
		variable(t, g, "v", float32(5))
		s := newSaver(t, g, &saver.Options{Driver: d})
		sess := initialized(t, g)
		path := mustSave(t, s, sess, "file://"+dir+"/m", nil)
		require.NoError(t, restore(s, sess, path))
		assert.Equal(t, []string{"checkpoint", "m.data-00000-of-00001", "m.index", "m.meta"}, files(t, dir))
	})
}

func TestSaveRestoreAndValidateVariableDtype(t *testing.T) {
	for _, ref := range []bool{false, true} {
		eachDriver(t, func(t *testing.T, d saver.Driver) {
			path := filepath.Join(t.TempDir(), "m")
			build := func(value any) (*saver.Saver, *tf.Graph) {
				g := tf.NewGraph()
				_, err := tf.NewVariable(g, "v0", tf.Value(value), &tf.VariableOptions{Ref: ref})
				require.NoError(t, err)
				return newSaver(t, g, &saver.Options{Driver: d}), g
			}
			s, g := build(float32(1))
			mustSave(t, s, initialized(t, g), path, nil)
			s, g = build(int32(1))
			err := restore(s, newSession(t, g), path)
			require.ErrorIs(t, err, tfkeep.ErrMismatch)
			assert.ErrorContains(t, err, "tensor_name = v0; expected dtype int32 does not equal original dtype float")
			assert.ErrorContains(t, err, "does not fit the graph")
		})
	}
}

func TestCacheRereadsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	g := tf.NewGraph()
	v0 := variable(t, g, "v0", float32(1))
	v1 := variable(t, g, "v1", float32(2))
	s0 := newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{"v0": saver.Var(v0)}})
	s1 := newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{"v1": saver.Var(v1)}})
	sess := initialized(t, g)
	mustSave(t, s0, sess, path, nil)
	require.NoError(t, restore(s0, sess, path))
	mustSave(t, s1, sess, path, nil)
	require.NoError(t, restore(s1, sess, path))
	require.ErrorIs(t, restore(s0, sess, path), tfkeep.ErrNotFound)
}

func TestNonReshapeVariableMap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	g := tf.NewGraph()
	a := variable(t, g, "v0", float32(10))
	s := newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{"save_prefix/v0": saver.Var(a)}})
	mustSave(t, s, initialized(t, g), path, nil)

	g = tf.NewGraph()
	b := variable(t, g, "restore_prefix/v0", float32(-1))
	sess := newSession(t, g)
	err := restore(newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{"v0": saver.Var(b)}}), sess, path)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.ErrorContains(t, err, "Key v0 not found in checkpoint (did you mean save_prefix/v0?)")
	require.NoError(t, restore(newSaver(t, g, &saver.Options{VarMap: map[string]saver.Saveable{"save_prefix/v0": saver.Var(b)}}), sess, path))
	assert.Equal(t, float32(10), tfgraph.Value(t, sess, b.Value()))
}

func TestLatestFilenameRules(t *testing.T) {
	dir := t.TempDir()
	g := tf.NewGraph()
	variable(t, g, "v", float32(5))
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	_, err := s.Save(ctx, sess, filepath.Join(dir, "m"), &saver.SaveOptions{LatestFilename: "a/b"})
	assert.ErrorContains(t, err, "must not contain a directory")

	path := filepath.Join(dir, "checkpoint")
	_, err = s.Save(ctx, sess, path, nil)
	assert.ErrorContains(t, err, `save `+path+`: invalid argument: LatestFilename "checkpoint" is the name of the checkpoint`)
	mustSave(t, s, sess, path, &saver.SaveOptions{GlobalStep: saver.Step(1)})
	sharded := newSaver(t, g, &saver.Options{Sharded: true, SaveRelativePaths: true})
	mustSave(t, sharded, sess, path, nil)

	mustSave(t, s, sess, filepath.Join(dir, "q"), &saver.SaveOptions{LatestFilename: "other"})
	assert.Contains(t, read(t, dir, "other"), `model_checkpoint_path: "`+dir+`/q"`)
}

func TestNoMetaGraphAndNoState(t *testing.T) {
	dir := t.TempDir()
	g := tf.NewGraph()
	variable(t, g, "v", float32(5))
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{NoMetaGraph: true, NoState: true})
	assert.Equal(t, []string{"m.data-00000-of-00001", "m.index"}, files(t, dir))
	assert.Empty(t, kept(s))
	mustSave(t, s, sess, filepath.Join(dir, "n"), &saver.SaveOptions{MetaGraphSuffix: "graph"})
	assert.Equal(t, []string{"checkpoint", "m.data-00000-of-00001", "m.index", "n.data-00000-of-00001", "n.graph", "n.index"}, files(t, dir))
}

func TestSaveNamesUninitializedVariables(t *testing.T) {
	for _, ref := range []bool{false, true} {
		g := tf.NewGraph()
		var first *tf.Variable
		for _, name := range []string{"a", "b", "c", "d"} {
			v, err := tf.NewVariable(g, name, tf.Value(float32(1)), &tf.VariableOptions{Ref: ref})
			require.NoError(t, err)
			if first == nil {
				first = v
			}
		}
		s := newSaver(t, g, nil)
		sess := newSession(t, g)
		require.NoError(t, sess.RunOps(ctx, first.Initializer()))
		dir := t.TempDir()
		_, err := s.Save(ctx, sess, filepath.Join(dir, "m"), nil)
		require.ErrorIs(t, err, tfkeep.ErrUninitialized)
		var uninitialized *tf.UninitializedError
		require.ErrorAs(t, err, &uninitialized)
		assert.Equal(t, []string{"b", "c", "d"}, uninitialized.Variables)
		assert.ErrorContains(t, err, "b, c, d")
		assert.Empty(t, files(t, dir))
	}
}

// Paths with a scheme that Go does not know are left to TensorFlow.
func TestRemotePathsNeedNodes(t *testing.T) {
	g := tf.NewGraph()
	variable(t, g, "v", float32(5))
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	_, err := s.Save(ctx, sess, "nowhere://bucket/m", nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "NoMetaGraph and NoState")
	_, err = s.Save(ctx, sess, "nowhere://bucket/m", &saver.SaveOptions{NoMetaGraph: true, NoState: true})
	require.ErrorIs(t, err, status.Unimplemented)
	assert.ErrorContains(t, err, "nowhere")
	assert.ErrorContains(t, restore(s, sess, "nowhere://bucket/m"), "File system scheme 'nowhere' not implemented")
	files := newSaver(t, g, &saver.Options{Driver: saver.Files})
	_, err = files.Save(ctx, sess, "nowhere://bucket/m", &saver.SaveOptions{NoMetaGraph: true, NoState: true})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
}

func TestSaverRefusesOtherGraph(t *testing.T) {
	g := tf.NewGraph()
	variable(t, g, "v", float32(5))
	s := newSaver(t, g, nil)
	other := newSession(t, tf.NewGraph())
	_, err := s.Save(ctx, other, filepath.Join(t.TempDir(), "m"), nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	require.ErrorIs(t, restore(s, other, "m"), tfkeep.ErrArgument)
	_, err = s.Save(ctx, nil, "m", nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
}
