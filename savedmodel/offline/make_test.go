package offline_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/savedmodel/offline"
)

func TestFromFrozenDefaults(t *testing.T) {
	t.Parallel()
	def := tftest.ParseGraph(t, frozenText)
	target := filepath.Join(t.TempDir(), "export", "1")
	path, err := offline.FromFrozen(t.Context(), def, target, &offline.Options{
		Inputs: names("x", "c"), Outputs: map[string]string{"negative": "y:0", "second": "s:1", "first": "s"},
	})
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(target, "saved_model.pb"), path)
	assert.DirExists(t, filepath.Join(target, "variables"))
	assert.NoFileExists(t, filepath.Join(target, modeldir.ManifestName))
	entries, err := os.ReadDir(filepath.Dir(target))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing is left beside the model")

	sm, err := graphdef.ReadSavedModel(target)
	require.NoError(t, err)
	require.Len(t, sm.MetaGraphs, 1)
	mg := sm.MetaGraphs[0]
	assert.Equal(t, []string{"serve"}, mg.MetaInfoDef.Tags)
	assert.Len(t, mg.MetaInfoDef.StrippedOpList.Op, 4)
	assert.Equal(t, "/gpu:0", mg.GraphDef.Node[0].Device)
	sig := mg.SignatureDef["serving_default"]
	assert.Equal(t, "tensorflow/serving/predict", sig.MethodName)
	for _, c := range []struct {
		info        *graphdef.TensorInfo
		name        string
		dtype       dtype.DataType
		unknownRank bool
		shape       []int64
	}{
		{sig.Inputs["x"], "x:0", dtype.Float32, false, []int64{-1, 2}},
		{sig.Inputs["c"], "c:0", dtype.Int32, false, []int64{3}},
		{sig.Outputs["negative"], "y:0", dtype.Float32, true, nil},
		{sig.Outputs["first"], "s:0", dtype.Float32, true, nil},
		{sig.Outputs["second"], "s:1", dtype.Float32, false, []int64{7}},
	} {
		assert.Equal(t, c.name, c.info.GetName())
		assert.Equal(t, c.dtype, c.info.Dtype, c.name)
		assert.Equal(t, c.unknownRank, c.info.TensorShape.UnknownRank, c.name)
		var shape []int64
		for _, d := range c.info.TensorShape.Dim {
			shape = append(shape, d.Size)
		}
		assert.Equal(t, c.shape, shape, c.name)
	}
}

func TestFromFrozenOptions(t *testing.T) {
	t.Parallel()
	def := tftest.ParseGraph(t, frozenText)
	target := t.TempDir() // an empty folder may exist
	path, err := offline.FromFrozen(t.Context(), def, target, &offline.Options{
		Tags: []string{"a", "b"}, Key: "k", Text: true, Manifest: true, ClearDevices: true, Inputs: names("x"), Outputs: names("y"),
	})
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(target, "saved_model.pbtxt"), path)
	assert.FileExists(t, filepath.Join(target, modeldir.ManifestName))
	faults, found, err := modeldir.CheckManifest(t.Context(), os.DirFS(target))
	require.NoError(t, err)
	assert.True(t, found)
	assert.Empty(t, faults)
	sm, err := graphdef.ReadSavedModel(target)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, sm.MetaGraphs[0].MetaInfoDef.Tags)
	assert.Contains(t, sm.MetaGraphs[0].SignatureDef, "k")
	assert.Empty(t, sm.MetaGraphs[0].GraphDef.Node[0].Device)
	assert.Equal(t, "/gpu:0", def.Node[0].Device, "the given graph is unchanged")
}

func TestFromFrozenRefusesBadInput(t *testing.T) {
	t.Parallel()
	good := &offline.Options{Inputs: names("x"), Outputs: names("y")}
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "other"), nil, 0o666))
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		graph  string
		target string
		opts   *offline.Options
		kind   error
		says   []string
	}{
		{"no options", nil, "", "", nil, tfkeep.ErrArgument, []string{"at least one input"}},
		{"no outputs", nil, "", "", &offline.Options{Inputs: names("x")}, tfkeep.ErrArgument, []string{"at least one output"}},
		{"all missing tensors", nil, "", "", &offline.Options{Inputs: names("X1", "x:5"), Outputs: names("a:b", "s:2")}, tfkeep.ErrArgument,
			[]string{`no node "X1"`, `"x:5": node "x" has 1 outputs, and no output 5`, `"s:2": node "s" has 2 outputs`, "a:b"}},
		{"a suggestion", nil, `node { name: "logits" op: "NoOp" }`, "", &offline.Options{Inputs: names("logit")}, tfkeep.ErrArgument, []string{"did you mean logits"}},
		{"unknown op", nil, `node { name: "u" op: "Nope" }`, "", &offline.Options{Inputs: names("u")}, tfkeep.ErrArgument, []string{`op "Nope" is not known`}},
		{"a variable", nil, `node { name: "w" op: "VarHandleOp" }`, "", good, tfkeep.ErrArgument, []string{`node "w"`, "not frozen"}},
		{"target in use", nil, "", full, good, tfkeep.ErrExists, []string{"not empty"}},
		{"canceled", canceled, "", "", good, context.Canceled, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, graph, target := c.ctx, c.graph, c.target
			if ctx == nil {
				ctx = t.Context()
			}
			if graph == "" {
				graph = frozenText
			}
			if target == "" {
				target = filepath.Join(t.TempDir(), "1")
			}
			_, err := offline.FromFrozen(ctx, tftest.ParseGraph(t, graph), target, c.opts)
			require.ErrorIs(t, err, c.kind)
			var place *tfkeep.Error
			require.ErrorAs(t, err, &place)
			assert.Equal(t, "make model", place.Op)
			assert.Equal(t, target, place.Path)
			for _, part := range c.says {
				assert.ErrorContains(t, err, part)
			}
			assert.NoFileExists(t, filepath.Join(target, modeldir.FilenamePB))
		})
	}
}

func TestFromCheckpointKeepsValues(t *testing.T) {
	t.Parallel()
	for _, version := range []checkpoint.Version{checkpoint.V1, checkpoint.V2} {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			prefix := writeCheckpoint(t, version, &graphdef.SaverDef{RestoreOpName: "save/restore_all"})
			target := filepath.Join(t.TempDir(), "1")
			path, err := offline.FromCheckpoint(t.Context(), prefix, target, &offline.Options{Inputs: names("x"), Outputs: names("y")})
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(target, "saved_model.pb"), path)
			sm, err := graphdef.ReadSavedModel(target)
			require.NoError(t, err)
			assert.Equal(t, "save/restore_all", sm.MetaGraphs[0].SaverDef.RestoreOpName)
			r, err := checkpoint.Open(t.Context(), filepath.Join(target, "variables", "variables"), nil)
			require.NoError(t, err)
			defer r.Close()
			assert.Equal(t, checkpoint.V2, r.Version())
			data, err := r.ReadBytes(t.Context(), "w", nil)
			require.NoError(t, err)
			assert.Equal(t, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}, data)
		})
	}
}

func TestFromCheckpointTakesAnotherMetaGraph(t *testing.T) {
	t.Parallel()
	prefix := writeCheckpoint(t, checkpoint.V2, &graphdef.SaverDef{})
	moved := filepath.Join(t.TempDir(), "moved.meta")
	require.NoError(t, os.Rename(prefix+".meta", moved))
	o := &offline.Options{Inputs: names("x"), Outputs: names("y")}
	_, err := offline.FromCheckpoint(t.Context(), prefix, filepath.Join(t.TempDir(), "1"), o)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.ErrorContains(t, err, prefix+".meta")
	o.MetaGraph = moved
	_, err = offline.FromCheckpoint(t.Context(), prefix, filepath.Join(t.TempDir(), "1"), o)
	require.NoError(t, err)
}

func TestFromCheckpointRefusesBadInput(t *testing.T) {
	t.Parallel()
	saver := &graphdef.SaverDef{}
	target := filepath.Join(t.TempDir(), "1")
	_, err := offline.FromCheckpoint(t.Context(), filepath.Join(t.TempDir(), "missing"), target, nil)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	_, err = offline.FromCheckpoint(t.Context(), writeCheckpoint(t, checkpoint.V2, saver), target, nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument, "no inputs")
	_, err = offline.FromCheckpoint(t.Context(), writeCheckpoint(t, checkpoint.V2, nil), target, &offline.Options{Inputs: names("x"), Outputs: names("y")})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "has no SaverDef")

	ctx, cancel := context.WithCancel(t.Context())
	prefix := writeCheckpoint(t, checkpoint.V2, saver)
	cancel()
	_, err = offline.FromCheckpoint(ctx, prefix, target, &offline.Options{Inputs: names("x"), Outputs: names("y")})
	require.ErrorIs(t, err, context.Canceled)
	assert.NoDirExists(t, target)
}
