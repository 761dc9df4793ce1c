package savedmodel_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/versions_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/tf/op"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// xyModel saves a model with x=5 and y=11. The graph with the tag foo_graph has the main
// op y=7.
func xyModel(t *testing.T) string {
	t.Helper()
	g := tf.NewGraph()
	x, err := tf.NewVariable(g, "x", tf.Constant(float32(5)), nil)
	require.NoError(t, err)
	y, err := tf.NewVariable(g, "y", tf.Constant(float32(11)), nil)
	require.NoError(t, err)
	op.Add(g.Scope().Sub("sum"), x.Value(), y.Value())
	init, err := tf.GlobalVariablesInitializer(g)
	require.NoError(t, err)
	seven, err := y.Assign(constant(t, g, "seven", float32(7)))
	require.NoError(t, err)
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	require.NoError(t, sess.RunOps(ctx, init))
	dir := filepath.Join(t.TempDir(), "m")
	build(t, dir, nil, func(b *savedmodel.Builder) {
		require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{"foo_graph"}, &savedmodel.GraphOptions{MainOp: seven}))
		require.NoError(t, b.AddMetaGraph(ctx, g, []string{"plain"}, nil))
	})
	return dir
}

func TestLoadStepByStep(t *testing.T) {
	dir := xyModel(t)
	for _, scope := range []string{"", "baz"} {
		t.Run("scope "+scope, func(t *testing.T) {
			prefix := ""
			if scope != "" {
				prefix = scope + "/"
			}
			sess := session(t, nil)
			m, err := savedmodel.LoadGraph(ctx, sess, []string{"foo_graph"}, dir, &savedmodel.LoadOptions{ImportScope: scope})
			require.NoError(t, err)
			defer m.Close()
			missing, err := tf.UninitializedVariables(ctx, sess, m.Graph().GlobalVariables()...)
			require.NoError(t, err)
			assert.Len(t, missing, 2, "a graph has no values")
			if scope != "" {
				fresh, err := saver.New(sess.Graph(), nil)
				require.NoError(t, err)
				defer fresh.Close()
				_, err = fresh.Restore(ctx, sess, filepath.Join(dir, "variables", "variables"), nil)
				require.Error(t, err, "it looks for the key baz/x")
			}
			require.NoError(t, m.RestoreVariables(ctx, dir))
			assert.Equal(t, float32(5), value(t, m, prefix+"x"))
			assert.Equal(t, float32(11), value(t, m, prefix+"y"))
			require.NoError(t, m.RunInitOps(ctx, dir))
			assert.Equal(t, float32(7), value(t, m, prefix+"y"))
		})
	}
	t.Run("at once", func(t *testing.T) {
		m := openTags(t, dir, "foo_graph")
		assert.Equal(t, float32(5), value(t, m, "x"))
		assert.Equal(t, float32(7), value(t, m, "y"))
		assert.Equal(t, float32(11), value(t, openTags(t, dir, "plain"), "y"))
	})
	t.Run("into a graph with variables", func(t *testing.T) {
		sess := session(t, map[string]float32{"v": 1})
		m, err := savedmodel.Load(ctx, sess, []string{"plain"}, dir, nil)
		require.NoError(t, err)
		defer m.Close()
		assert.Same(t, sess.Graph(), m.Graph())
		assert.Equal(t, float32(1), value(t, m, "v"))
		assert.Equal(t, float32(11), value(t, m, "y"))
	})
	t.Run("return elements", func(t *testing.T) {
		m, err := savedmodel.LoadGraph(ctx, session(t, nil), []string{"plain"}, dir, &savedmodel.LoadOptions{ReturnElements: []string{"y", "x", "sum/Add:0"}})
		require.NoError(t, err)
		defer m.Close()
		assert.Equal(t, "y", m.Elements[0].Op().Name())
		assert.Equal(t, "x", m.Elements[1].Op().Name())
		assert.Equal(t, "sum/Add", m.Elements[2].Output().Op.Name())
		_, err = savedmodel.LoadGraph(ctx, session(t, nil), []string{"plain"}, dir, &savedmodel.LoadOptions{ReturnElements: []string{"y", "z:0"}})
		require.ErrorContains(t, err, `the graph has no tensor "z:0"`)
	})
}

// A graph whose collections have no variables is restored by its saver.
func TestVariablesOutsideCollections(t *testing.T) {
	g := tf.NewGraph()
	x, err := tf.NewVariable(g, "x", tf.Constant(float32(5)), &tf.VariableOptions{Collections: []string{"not_a_known_collection"}})
	require.NoError(t, err)
	sess, err := tf.NewSession(g, nil)
	require.NoError(t, err)
	defer sess.Close()
	require.NoError(t, sess.RunOps(ctx, x.Initializer()))
	sv, err := saver.New(g, &saver.Options{VarList: saver.Vars(x)})
	require.NoError(t, err)
	defer sv.Close()
	dir := filepath.Join(t.TempDir(), "m")
	build(t, dir, nil, func(b *savedmodel.Builder) {
		require.NoError(t, b.AddMetaGraphAndVariables(ctx, sess, []string{"foo"}, &savedmodel.GraphOptions{Saver: sv}))
	})
	m := openTags(t, dir, "foo")
	assert.Empty(t, m.Graph().GlobalVariables())
	read, err := m.Graph().OutputByName(x.Value().Op.Name())
	require.NoError(t, err)
	got, err := m.Session.Run(ctx, nil, []tf.Output{read}, nil, nil)
	require.NoError(t, err)
	defer tf.Release(got...)
	assert.Equal(t, float32(5), got[0].Value())
}

func TestModelWithoutVariables(t *testing.T) {
	sess := session(t, nil)
	x := placeholder(t, sess.Graph(), "x", dtype.Float32, -1)
	y := op.Neg(sess.Graph().Scope().Sub("y"), x)
	dir := filepath.Join(t.TempDir(), "m")
	require.NoError(t, savedmodel.SimpleSave(ctx, sess, dir, map[string]tf.Output{"x": x}, map[string]tf.Output{"y": y}, nil))
	m := openTags(t, dir, "serve")
	in := floats(t, 1)
	defer tf.Release(in)
	out, err := m.Predict(ctx, "serving_default", map[string]*tf.Tensor{"x": in})
	require.NoError(t, err)
	defer tf.Release(out["y"])
	assert.Equal(t, []float32{-1}, out["y"].Value())
	assert.Equal(t, []float64{-1}, oracle.Value[[]float64](t, `
with tf1.Session() as s:
    mg = tf1.saved_model.loader.load(s, ["serve"], args[0])
    result = s.run("y/Neg:0", {"x:0": [1.0]}).tolist()
`, dir))
}

// The model and the values are those of TensorFlow's own test of its C++ loader.
func TestHalfPlusTwo(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "00000123")
	require.NoError(t, os.Rename(tftest.Model(t, "half_plus_two"), dir))
	in := [][]float32{{-1}, {1}, {0}, {float32(math.Inf(-1))}, {float32(math.Inf(1))}}
	want := [][]float32{{1.5}, {2.5}, {2}, {float32(math.Inf(-1))}, {float32(math.Inf(1))}}
	x, err := tf.NewTensor(in)
	require.NoError(t, err)
	defer tf.Release(x)
	for _, tags := range [][]string{{"serve"}, {}} {
		m, err := savedmodel.Load(ctx, session(t, nil), tags, dir, nil)
		require.NoError(t, err)
		out, err := m.Predict(ctx, "serving_default", map[string]*tf.Tensor{"x": x})
		require.NoError(t, err)
		assert.Equal(t, want, out["y"].Value())
		tf.Release(out["y"])
		require.NoError(t, m.Close())
	}
	bundle, err := tensorflow.LoadSavedModel(dir, []string{"serve"}, nil)
	require.NoError(t, err)
	defer bundle.Session.Close()
	m := openTags(t, dir, "serve")
	assert.Equal(t, bundle.Signatures["serving_default"].Inputs["x"].Name, m.Signatures()["serving_default"].Inputs["x"].GetName())
	versions, err := savedmodel.Versions(base)
	require.NoError(t, err)
	assert.Equal(t, []int64{123}, versions)
}

func TestDamagedModels(t *testing.T) {
	dir := xyModel(t)
	sm, err := graphdef.ReadSavedModel(dir)
	require.NoError(t, err)
	good, err := graphdef.MarshalBinary(sm)
	require.NoError(t, err)
	file := filepath.Join(dir, "saved_model.pb")
	open := func(tag string) error {
		m, err := savedmodel.Open(ctx, dir, &savedmodel.OpenOptions{Tags: []string{tag}})
		if err == nil {
			return m.Close()
		}
		return err
	}
	t.Run("file", func(t *testing.T) {
		for _, test := range []struct {
			name string
			data []byte
		}{{"truncated", good[:len(good)/2]}, {"garbage", []byte("\xff\xff\xffnothing")}, {"empty", []byte{}}} {
			name, data := test.name, test.data
			require.NoError(t, os.WriteFile(file, data, 0o644))
			assert.Error(t, open("plain"), name)
		}
	})
	t.Run("graph", func(t *testing.T) {
		for _, test := range []struct {
			name   string
			change func(g *graphdef.GraphDef)
			kind   error // nil means tfkeep.ErrCorrupt
		}{
			{"cycle", func(g *graphdef.GraphDef) {
				g.Node = append(g.Node, &graphdef.NodeDef{Name: "c1", Op: "NoOp", Input: []string{"^c2"}}, &graphdef.NodeDef{Name: "c2", Op: "NoOp", Input: []string{"^c1"}})
			}, nil},
			{"same name twice", func(g *graphdef.GraphDef) { g.Node = append(g.Node, g.Node[0]) }, nil},
			{"unknown op", func(g *graphdef.GraphDef) { g.Node = append(g.Node, &graphdef.NodeDef{Name: "n", Op: "NoSuchOp"}) }, tfkeep.ErrUnsupported},
			{"missing input", func(g *graphdef.GraphDef) {
				g.Node = append(g.Node, &graphdef.NodeDef{Name: "n", Op: "NoOp", Input: []string{"^nope"}})
			}, nil},
			{"newer TensorFlow", func(g *graphdef.GraphDef) {
				g.Versions = &versions_go_proto.VersionDef{Producer: 9999, MinConsumer: 9999}
			}, nil},
		} {
			name, change := test.name, test.change
			require.NoError(t, os.WriteFile(file, good, 0o644))
			sm, err := graphdef.ReadSavedModel(dir)
			require.NoError(t, err)
			change(sm.MetaGraphs[1].GraphDef)
			require.NoError(t, graphdef.Write(file, sm, nil))
			kind := test.kind
			if kind == nil {
				kind = tfkeep.ErrCorrupt
			}
			assert.ErrorIs(t, open("plain"), kind, name)
		}
	})
	require.NoError(t, os.WriteFile(file, good, 0o644))
	t.Run("two init ops", func(t *testing.T) {
		sm, err := graphdef.ReadSavedModel(dir)
		require.NoError(t, err)
		list := sm.MetaGraphs[0].CollectionDef[modeldir.MainOpCollection].GetNodeList()
		list.Value = append(list.Value, "seven")
		require.NoError(t, graphdef.Write(file, sm, nil))
		require.ErrorIs(t, open("foo_graph"), tfkeep.ErrCorrupt)
		assert.ErrorContains(t, open("foo_graph"), "has 2 init ops instead of one")
		require.NoError(t, os.WriteFile(file, good, 0o644))
	})
	t.Run("variables", func(t *testing.T) {
		away := filepath.Join(dir, "away")
		require.NoError(t, os.Rename(filepath.Join(dir, "variables"), away))
		require.ErrorIs(t, open("plain"), tfkeep.ErrCorrupt)
		assert.ErrorContains(t, open("plain"), "no folder variables")
		require.NoError(t, os.Rename(away, filepath.Join(dir, "variables")))
		require.NoError(t, open("plain"))
	})
}
