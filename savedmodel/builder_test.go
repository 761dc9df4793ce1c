package savedmodel_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// session returns a session whose graph has the given variables, initialized.
func session(t *testing.T, vars map[string]float32) *tf.Session {
	t.Helper()
	g := tf.NewGraph()
	for _, name := range []string{"v", "v1", "v2", "v3"} {
		if x, ok := vars[name]; ok {
			_, err := tf.NewVariable(g, name, tf.Constant(x), nil)
			require.NoError(t, err)
		}
	}
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sess.Close()) })
	init, err := tf.GlobalVariablesInitializer(g)
	require.NoError(t, err)
	require.NoError(t, sess.RunOps(ctx, init))
	return sess
}

// build makes a model whose graphs the function add adds.
func build(t *testing.T, dir string, o *savedmodel.BuilderOptions, add func(b *savedmodel.Builder)) string {
	t.Helper()
	b, err := savedmodel.NewBuilder(dir, o)
	require.NoError(t, err)
	defer b.Close()
	add(b)
	path, err := b.Save(ctx)
	require.NoError(t, err)
	return path
}

// value returns the value of a variable of a loaded model.
func value(t *testing.T, m *savedmodel.Model, name string) any {
	t.Helper()
	for _, v := range m.Graph().GlobalVariables() {
		if v.Name() == name {
			got, err := m.Session.Run(ctx, nil, []tf.Output{v.Value()}, nil, nil)
			require.NoError(t, err)
			defer tf.Release(got...)
			return got[0].Value()
		}
	}
	t.Fatalf("no variable %q", name)
	return nil
}

func openTags(t *testing.T, dir string, tags ...string) *savedmodel.Model {
	t.Helper()
	m, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{Tags: tags})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close()) })
	return m
}

func TestGraphsShareVariables(t *testing.T) {
	for _, test := range []struct {
		name   string
		asText bool
	}{{"binary", false}, {"text", true}} {
		name, asText := test.name, test.asText
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "m")
			path := build(t, dir, &savedmodel.BuilderOptions{Text: asText}, func(b *savedmodel.Builder) {
				require.NoError(t, b.AddMetaGraphAndVariables(ctx, session(t, map[string]float32{"v": 42}), []string{"train"}, nil))
				for i, tags := range [][]string{{"serve"}, {"serve", "gpu"}, {"serve", "tpu"}, {"foo", "bar"}} {
					require.NoError(t, b.AddMetaGraph(ctx, session(t, map[string]float32{"v": 43 + float32(i)}).Graph(), tags, nil))
				}
			})
			assert.FileExists(t, path)
			for _, tags := range [][]string{{"train"}, {"serve"}, {"gpu", "serve"}, {"serve", "tpu"}, {"foo", "bar", "foo"}} {
				assert.Equal(t, float32(42), value(t, openTags(t, dir, tags...), "v"), tags)
			}
			for _, tags := range [][]string{{"INVALID"}, {"foo", "baz"}, {""}} {
				_, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{Tags: tags})
				require.ErrorIs(t, err, tfkeep.ErrNotFound)
				assert.ErrorContains(t, err, "{train}, {serve}, {gpu, serve}, {serve, tpu}, {bar, foo}")
			}
			served, err := savedmodel.Load(ctx, session(t, nil), nil, dir, nil)
			require.NoError(t, err)
			defer served.Close()
			assert.Equal(t, []string{"serve"}, served.MetaGraphDef.MetaInfoDef.Tags)
			assert.Equal(t, 42.0, oracle.Value[float64](t, `
for tags in (["train"], ["serve"], ["foo", "bar", "foo"]):
    with tf.Graph().as_default(), tf1.Session() as s:
        tf1.saved_model.loader.load(s, tags, args[0])
        result = float(s.run(tf1.global_variables()[0]))
        assert result == 42
`, dir))
		})
	}
}

func TestVariablesOfLaterGraphs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	build(t, dir, nil, func(b *savedmodel.Builder) {
		require.NoError(t, b.AddMetaGraphAndVariables(ctx, session(t, map[string]float32{"v1": 1, "v2": 2}), []string{"foo"}, nil))
		require.NoError(t, b.AddMetaGraph(ctx, session(t, map[string]float32{"v2": 3}).Graph(), []string{"bar"}, nil))
		require.NoError(t, b.AddMetaGraph(ctx, session(t, map[string]float32{"v3": 4}).Graph(), []string{"baz"}, nil))
	})
	foo, bar := openTags(t, dir, "foo"), openTags(t, dir, "bar")
	assert.Len(t, foo.Graph().GlobalVariables(), 2)
	assert.Equal(t, float32(2), value(t, bar, "v2"))
	_, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{Tags: []string{"baz"}})
	var restore *saver.RestoreError
	require.ErrorAs(t, err, &restore)
	assert.Equal(t, "v3", restore.Missing[0].Key)
}

func TestExportFolders(t *testing.T) {
	sess := session(t, map[string]float32{"v": 1})
	empty := t.TempDir()
	path := build(t, empty, nil, func(b *savedmodel.Builder) {
		require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{"serve"}, nil))
	})
	assert.Equal(t, filepath.Join(empty, "saved_model.pb"), path, "the folder may exist if it is empty")
	_, err := savedmodel.NewBuilder(empty, nil)
	require.ErrorIs(t, err, tfkeep.ErrExists)
	assert.ErrorContains(t, err, empty+": already exists: the export folder is not empty")

	t.Run("files that appear meanwhile stay", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "m")
		b, err := savedmodel.NewBuilder(dir, nil)
		require.NoError(t, err)
		defer b.Close()
		require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{"serve"}, nil))
		require.NoError(t, os.Mkdir(dir, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "mine"), nil, 0o644))
		_, err = b.Save(ctx)
		require.ErrorIs(t, err, tfkeep.ErrExists)
		assert.FileExists(t, filepath.Join(dir, "mine"))
	})
	t.Run("a file of that name", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "f")
		require.NoError(t, os.WriteFile(file, nil, 0o644))
		_, err := savedmodel.NewBuilder(file, nil)
		require.Error(t, err)
	})
	t.Run("IsSavedModel", func(t *testing.T) {
		assert.True(t, savedmodel.IsSavedModel(empty))
		assert.False(t, savedmodel.IsSavedModel(filepath.Join(empty, "nope")))
		for _, name := range []string{"saved_model.pbtxt", "saved_model.cpb"} {
			dir := t.TempDir()
			assert.False(t, savedmodel.IsSavedModel(dir))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
			assert.True(t, savedmodel.IsSavedModel(dir), name)
		}
	})
}

func TestEachGraphHasItsOwnSignatures(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	foo, bar := session(t, map[string]float32{"v": 42}), session(t, map[string]float32{"v": 43})
	sign := func(sess *tf.Session, key, method string) *savedmodel.GraphOptions {
		v := sess.Graph().GlobalVariables()[0]
		sess.Graph().AddToCollection(key+"_vars", v)
		info, err := savedmodel.TensorInfo(v.Value())
		require.NoError(t, err)
		sig := signature.New(map[string]*graphdef.TensorInfo{key + "_inputs": info}, nil, method)
		return &savedmodel.GraphOptions{Signatures: map[string]*graphdef.SignatureDef{"foo_key": sig}}
	}
	build(t, dir, nil, func(b *savedmodel.Builder) {
		require.NoError(t, b.AddMetaGraphAndVariables(ctx, foo, []string{"foo"}, sign(foo, "foo", "foo")))
		require.NoError(t, b.AddMetaGraph(ctx, bar.Graph(), []string{"bar"}, sign(bar, "bar", "bar_new")))
	})
	for _, tag := range []string{"foo", "bar"} {
		m := openTags(t, dir, tag)
		require.Len(t, m.Graph().Collection(tag+"_vars"), 1)
		other := map[string]string{"foo": "bar", "bar": "foo"}[tag]
		assert.Empty(t, m.Graph().Collection(other+"_vars"))
		assert.Equal(t, map[string]string{"foo": "foo", "bar": "bar_new"}[tag], m.Signatures()["foo_key"].MethodName)
		assert.Contains(t, m.Signatures()["foo_key"].Inputs, tag+"_inputs")
	}
}

func TestSignatureErrors(t *testing.T) {
	sess := session(t, map[string]float32{"v": 1})
	info, err := savedmodel.TensorInfo(sess.Graph().GlobalVariables()[0].Value())
	require.NoError(t, err)
	sparse := signature.Sparse(info.GetName(), "", "", info.Dtype, nil)
	noType, noName := signature.Dense(info.GetName(), 0, nil), signature.Dense("", info.Dtype, nil)
	b, err := savedmodel.NewBuilder(filepath.Join(t.TempDir(), "m"), nil)
	require.NoError(t, err)
	defer b.Close()
	try := func(key string, t *graphdef.TensorInfo) error {
		sig := signature.New(map[string]*graphdef.TensorInfo{"in": t}, nil, "foo")
		return b.AddMetaGraphAndVariables(ctx, sess, []string{"serve"}, &savedmodel.GraphOptions{Signatures: map[string]*graphdef.SignatureDef{key: sig}})
	}
	for _, test := range []struct {
		want string
		err  error
	}{
		{`input "in" of signature "no type"`, try("no type", noType)},
		{`input "in" of signature "no name"`, try("no name", noName)},
		{`SignatureDef map key "__saved_model_init_op" is reserved for initialization. Please use a different key.`, try("__saved_model_init_op", info)},
	} {
		want, err := test.want, test.err
		require.ErrorIs(t, err, tfkeep.ErrArgument)
		assert.ErrorContains(t, err, want)
	}
	require.NoError(t, try("values alone are enough", sparse))
}

func TestInitAndTrainOps(t *testing.T) {
	makeInit := func(t *testing.T) (*tf.Session, *tf.Operation) {
		sess := session(t, map[string]float32{"v1": 1, "v2": 2, "v3": 42})
		vars := sess.Graph().GlobalVariables()
		sum := op.Add(sess.Graph().Scope().Sub("sum"), vars[0].Value(), vars[1].Value())
		init, err := vars[2].Assign(sum)
		require.NoError(t, err)
		return sess, init
	}
	for _, test := range []struct {
		name    string
		options func(*tf.Operation) *savedmodel.GraphOptions
	}{
		{"main op", func(o *tf.Operation) *savedmodel.GraphOptions { return &savedmodel.GraphOptions{MainOp: o} }},
		{"legacy init op", func(o *tf.Operation) *savedmodel.GraphOptions { return &savedmodel.GraphOptions{LegacyInitOp: o} }},
	} {
		name, options := test.name, test.options
		t.Run(name, func(t *testing.T) {
			sess, init := makeInit(t)
			dir := filepath.Join(t.TempDir(), "m")
			build(t, dir, nil, func(b *savedmodel.Builder) {
				require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{"serve"}, options(init)))
			})
			assert.Equal(t, float32(3), value(t, openTags(t, dir, "serve"), "v3"))
			assert.Equal(t, 3.0, oracle.Value[float64](t, `
with tf1.Session() as s:
    tf1.saved_model.loader.load(s, ["serve"], args[0])
    result = float(s.run(tf1.global_variables()[2]))
`, dir))
			assert.Empty(t, sess.Graph().Collection(modeldir.MainOpCollection), "the graph is unchanged")
		})
	}
	t.Run("two init ops", func(t *testing.T) {
		sess, init := makeInit(t)
		b, err := savedmodel.NewBuilder(filepath.Join(t.TempDir(), "m"), nil)
		require.NoError(t, err)
		defer b.Close()
		err = b.AddMetaGraphAndVariables(ctx, sess, []string{"serve"}, &savedmodel.GraphOptions{MainOp: init, LegacyInitOp: init})
		require.ErrorIs(t, err, tfkeep.ErrArgument)
		for _, test := range []struct {
			key string
			o   *savedmodel.GraphOptions
		}{{modeldir.MainOpCollection, &savedmodel.GraphOptions{MainOp: init}}, {modeldir.LegacyInitCollection, &savedmodel.GraphOptions{LegacyInitOp: init}}} {
			key, o := test.key, test.o
			sess.Graph().AddToCollection(key, init)
			err := b.AddMetaGraphAndVariables(ctx, sess, []string{"serve"}, o)
			require.ErrorIs(t, err, tfkeep.ErrArgument)
			assert.ErrorContains(t, err, "collection "+key+" already has an init op")
			assert.Len(t, sess.Graph().Collection(key), 1, "the graph is unchanged")
		}
	})
	t.Run("train op", func(t *testing.T) {
		sess, step := makeInit(t)
		dir := filepath.Join(t.TempDir(), "m")
		build(t, dir, nil, func(b *savedmodel.Builder) {
			require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{"serve"}, nil))
			require.NoError(t, b.AddMetaGraph(ctx, sess.Graph(), []string{"train"}, &savedmodel.GraphOptions{TrainOp: step}))
		})
		m := openTags(t, dir, "train")
		require.NotNil(t, m.TrainOp())
		assert.Equal(t, "AssignVariableOp", m.TrainOp().Type())
		require.NoError(t, m.Session.RunOps(ctx, m.TrainOp()))
		assert.Nil(t, openTags(t, dir, "serve").TrainOp(), "only the graph with the option has a train op")
	})
}

// Models name the restore operation of the right saver if their graphs have savers
// already.
func TestSaversOfGraphs(t *testing.T) {
	sess := session(t, map[string]float32{"v": 1})
	mine, err := saver.New(sess.Graph(), &saver.Options{Name: "my_saver"})
	require.NoError(t, err)
	defer mine.Close()
	other := session(t, map[string]float32{"v": 1})
	dir := filepath.Join(t.TempDir(), "m")
	build(t, dir, nil, func(b *savedmodel.Builder) {
		require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{"mine"}, &savedmodel.GraphOptions{Saver: mine}))
		require.NoError(t, b.AddMetaGraph(ctx, sess.Graph(), []string{"0"}, nil))
		require.NoError(t, b.AddMetaGraph(ctx, other.Graph(), []string{"1"}, nil))
		require.NoError(t, b.AddMetaGraph(ctx, other.Graph(), []string{"2"}, nil))
	})
	sm, err := graphdef.ReadSavedModel(dir)
	require.NoError(t, err)
	var restore []string
	for _, mg := range sm.MetaGraphs {
		restore = append(restore, mg.SaverDef.RestoreOpName)
	}
	assert.Equal(t, []string{"my_saver/restore_all", "save/restore_all", "save/restore_all", "save_1/restore_all"}, restore)
	for _, n := range sm.MetaGraphs[0].GraphDef.Node {
		assert.NotEqual(t, "save/restore_all", n.Name, "the first graph has only its own saver")
	}
	for _, tag := range []string{"mine", "0", "1", "2"} {
		assert.Equal(t, float32(1), value(t, openTags(t, dir, tag), "v"), tag)
	}
}

func TestStripDefaultAttrs(t *testing.T) {
	sess := session(t, map[string]float32{"v": 1})
	s := sess.Graph().Scope()
	zero := op.Const(s.Sub("zero"), float32(0))
	op.Complex(s.Sub("c"), zero, zero, op.ComplexTout(tensorflow.Complex64))
	require.NoError(t, s.Err())
	dir := filepath.Join(t.TempDir(), "m")
	build(t, dir, &savedmodel.BuilderOptions{Text: true}, func(b *savedmodel.Builder) {
		require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{"stripped"}, &savedmodel.GraphOptions{StripDefaultAttrs: true}))
		require.NoError(t, b.AddMetaGraph(ctx, sess.Graph(), []string{"whole"}, nil))
	})
	attrs := func(mg *graphdef.MetaGraphDef) []string {
		for _, n := range mg.GraphDef.Node {
			if n.Op == "Complex" {
				var names []string
				for k := range n.Attr {
					if !strings.HasPrefix(k, "_") {
						names = append(names, k)
					}
				}
				return names
			}
		}
		return nil
	}
	sm, err := graphdef.ReadSavedModel(dir)
	require.NoError(t, err)
	assert.Empty(t, attrs(sm.MetaGraphs[0]))
	assert.ElementsMatch(t, []string{"T", "Tout"}, attrs(sm.MetaGraphs[1]))
	for _, tag := range []string{"stripped", "whole"} {
		assert.ElementsMatch(t, []string{"T", "Tout"}, attrs(openTags(t, dir, tag).MetaGraphDef), "loading fills them in")
	}
}

// A Saver that was made before the optimizer is refused for the first graph and for further ones.
func TestBuilderRefusesSaverThatLacksVariables(t *testing.T) {
	build := func() (*tf.Graph, *saver.Saver, *tf.Session) {
		g := tf.NewGraph()
		v, err := tf.NewVariable(g, "v", tf.Value([]float32{1, 2}), nil)
		require.NoError(t, err)
		s, err := saver.New(g, nil)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, s.Close()) })
		_, err = tf.NewVariable(g, "late", tf.Value([]float32{3}), nil)
		require.NoError(t, err)
		sess, err := tf.NewSession(g, nil)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, sess.Close()) })
		require.NoError(t, sess.RunOps(ctx, v.Initializer(), g.GlobalVariables()[1].Initializer()))
		return g, s, sess
	}
	_, lacking, sess := build()
	b, err := savedmodel.NewBuilder(filepath.Join(t.TempDir(), "m"), nil)
	require.NoError(t, err)
	defer b.Close()
	err = b.AddMetaGraphAndVariables(ctx, sess, []string{"serve"}, &savedmodel.GraphOptions{Saver: lacking})
	require.ErrorIs(t, err, tfkeep.ErrMismatch)
	require.ErrorContains(t, err, "late")
	require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{"serve"}, nil))
	g, lacking, _ := build()
	err = b.AddMetaGraph(ctx, g, []string{"train"}, &savedmodel.GraphOptions{Saver: lacking})
	require.ErrorIs(t, err, tfkeep.ErrMismatch)
	require.ErrorContains(t, err, "late")
	require.NoError(t, b.AddMetaGraph(ctx, g, []string{"train"}, nil))
}
