package offline_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/savedmodel/offline"
)

// edit edits a model of two graphs and returns it.
func edit(t *testing.T, changes ...offline.Change) *graphdef.SavedModel {
	t.Helper()
	dir := writeModel(t, twoGraphs)
	require.NoError(t, offline.Edit(t.Context(), dir, changes...))
	sm, err := graphdef.ReadSavedModel(dir)
	require.NoError(t, err)
	return sm
}

func tagSets(sm *graphdef.SavedModel) []string {
	var sets []string
	for _, mg := range sm.MetaGraphs {
		sets = append(sets, modeldir.TagSet(mg.MetaInfoDef.GetTags()))
	}
	return sets
}

func TestKeepTags(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"{gpu, serve}"}, tagSets(edit(t, offline.KeepTags([]string{"gpu", "serve"}))))
	both := offline.KeepTags([]string{"gpu", "serve"}, []string{"serve"}, []string{"serve"})
	assert.Equal(t, []string{"{gpu, serve}", "{serve}"}, tagSets(edit(t, both)), "each once, in the order of the lists")
}

func TestRetag(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"{v2}", "{gpu, serve}"}, tagSets(edit(t, offline.Retag([]string{"serve"}, []string{"v2"}))))
	assert.Equal(t, []string{"{serve}", "{gpu, serve}"}, tagSets(edit(t, offline.Retag([]string{"serve"}, []string{"serve"}))))
	assert.Equal(t, []string{"{only}"}, tagSets(edit(t, offline.KeepTags([]string{"serve"}), offline.Retag(nil, []string{"only"}))),
		"no tags mean the only graph")

	sm := model(t, `meta_graphs { graph_def { node { name: "n" op: "NoOp" } } }`)
	require.NoError(t, offline.Retag(nil, []string{"new"})(sm), "a graph without MetaInfoDef")
	assert.Equal(t, []string{"{new}"}, tagSets(sm))
}

func TestSignatureChanges(t *testing.T) {
	t.Parallel()
	serve := []string{"serve"}
	sm := edit(t, offline.RemoveSignature(serve, "other"), offline.RenameSignature(serve, "serving_default", "renamed"),
		offline.SetSignature(serve, "new", names("x"), names("y")), offline.SetSignature([]string{"gpu", "serve"}, "first", names("c"), names("c")),
		func(sm *graphdef.SavedModel) error { // a change of the caller's own
			sm.MetaGraphs[0].MetaInfoDef.TensorflowVersion = "9"
			return nil
		})
	signatures := sm.MetaGraphs[0].SignatureDef
	assert.Len(t, signatures, 2)
	assert.Equal(t, "m", signatures["renamed"].MethodName)
	assert.Equal(t, "x:0", signatures["new"].Inputs["x"].GetName())
	assert.Equal(t, "9", sm.MetaGraphs[0].MetaInfoDef.TensorflowVersion)
}

func TestEditRefusesBadChanges(t *testing.T) {
	t.Parallel()
	serve, x, y := []string{"serve"}, names("x"), names("y")
	failure := errors.New("a failure of the caller's own")
	for _, c := range []struct {
		name   string
		change offline.Change
		kind   error
		says   string
	}{
		{"keep nothing", offline.KeepTags(), tfkeep.ErrArgument, "must have a graph"},
		{"keep unknown tags", offline.KeepTags([]string{"no"}), tfkeep.ErrNotFound, "{serve}, {gpu, serve}"},
		{"retag unknown tags", offline.Retag([]string{"no"}, serve), tfkeep.ErrNotFound, "{no}"},
		{"retag without tags", offline.Retag(nil, []string{"new"}), tfkeep.ErrNotFound, "{serve}, {gpu, serve}"},
		{"retag to tags in use", offline.Retag(serve, []string{"gpu", "serve"}), tfkeep.ErrArgument, "another graph has the tags {gpu, serve}"},
		{"set: unknown tags", offline.SetSignature([]string{"no"}, "k", x, y), tfkeep.ErrNotFound, "{no}"},
		{"set: no key", offline.SetSignature(serve, "", x, y), tfkeep.ErrArgument, "must have a key"},
		{"set: reserved key", offline.SetSignature(serve, "__saved_model_init_op", x, y), tfkeep.ErrArgument, "reserved"},
		{"set: unknown tensor", offline.SetSignature(serve, "k", names("no"), y), tfkeep.ErrArgument, `no node "no"`},
		{"set: no outputs", offline.SetSignature(serve, "k", x, nil), tfkeep.ErrArgument, "at least one output"},
		{"remove: unknown tags", offline.RemoveSignature([]string{"no"}, "other"), tfkeep.ErrNotFound, "{no}"},
		{"remove: unknown key", offline.RemoveSignature(serve, "no"), tfkeep.ErrNotFound, `signature "no": not found: the graph has other, serving_default`},
		{"remove: no signatures", offline.RemoveSignature([]string{"gpu", "serve"}, "no"), tfkeep.ErrNotFound, "the graph has none"},
		{"rename: unknown key", offline.RenameSignature(serve, "no", "new"), tfkeep.ErrNotFound, `"no"`},
		{"rename: no key", offline.RenameSignature(serve, "other", ""), tfkeep.ErrArgument, "must have a key"},
		{"rename: key in use", offline.RenameSignature(serve, "other", "serving_default"), tfkeep.ErrArgument, `signature "serving_default"`},
		{"caller's error", func(*graphdef.SavedModel) error { return failure }, failure, "caller's own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := writeModel(t, twoGraphs)
			before, err := os.ReadFile(filepath.Join(dir, modeldir.FilenamePB))
			require.NoError(t, err)
			err = offline.Edit(t.Context(), dir, offline.RemoveSignature(serve, "other"), func(sm *graphdef.SavedModel) error {
				sm.MetaGraphs[0].SignatureDef["other"] = &graphdef.SignatureDef{MethodName: "m"}
				return nil
			}, c.change)
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.says)
			assert.ErrorContains(t, err, dir)
			after, err := os.ReadFile(filepath.Join(dir, modeldir.FilenamePB))
			require.NoError(t, err)
			assert.Equal(t, before, after, "nothing is written")
		})
	}
}

func TestEditKeepsFormAndManifest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, modeldir.FilenamePBText)
	require.NoError(t, graphdef.Write(file, model(t, twoGraphs), &graphdef.WriteOptions{Text: true}))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "variables"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "variables", "other"), []byte("other"), 0o666))
	require.NoError(t, modeldir.WriteManifest(t.Context(), dir))
	require.NoError(t, offline.Edit(t.Context(), dir, offline.KeepTags([]string{"serve"})))
	assert.NoFileExists(t, filepath.Join(dir, modeldir.FilenamePB))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(text), `tags: "serve"`)
	faults, found, err := modeldir.CheckManifest(t.Context(), os.DirFS(dir))
	require.NoError(t, err)
	assert.True(t, found)
	assert.Empty(t, faults)
}

func TestEditNeedsAModel(t *testing.T) {
	t.Parallel()
	err := offline.Edit(t.Context(), t.TempDir())
	require.ErrorIs(t, err, tfkeep.ErrNotFound)

	dir := writeModel(t, twoGraphs)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, offline.Edit(ctx, dir, offline.KeepTags([]string{"serve"})), context.Canceled)
	sm, err := graphdef.ReadSavedModel(dir)
	require.NoError(t, err)
	assert.Len(t, sm.MetaGraphs, 2)
}
