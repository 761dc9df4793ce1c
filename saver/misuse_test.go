package saver_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

func TestWhatIsNilIsNamed(t *testing.T) {
	_, err := saver.New(nil, nil)
	require.ErrorIs(t, err, saver.ErrArgument)

	g := tf.NewGraph()
	v := variable(t, g, "v", float32(1))
	var none *tf.Variable
	for name, o := range map[string]*saver.Options{
		"variable":        {VarList: []any{none}},
		"part":            {VarList: []any{[]*tf.Variable{v, nil}}},
		"output":          {VarList: []any{tf.Output{}}},
		"mapped variable": {VarMap: map[string]any{"v": none}},
		"mapped part":     {VarMap: map[string]any{"v": []*tf.Variable{nil}}},
		"mapped output":   {VarMap: map[string]any{"v": tf.Output{}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := saver.New(g, o)
			require.ErrorIs(t, err, saver.ErrVarList)
			assert.Regexp(t, "nil|empty", err.Error())
		})
	}

	var step *tf.Variable
	path := filepath.Join(t.TempDir(), "m")
	_, err = newSaver(t, g, nil).Save(ctx, initialized(t, g), path, &saver.SaveOptions{GlobalStep: step})
	require.ErrorIs(t, err, saver.ErrArgument)
	assert.ErrorContains(t, err, "nil")

	_, err = saver.FromImported(g, nil, nil)
	require.ErrorIs(t, err, saver.ErrArgument)
	_, err = saver.New(g, &saver.Options{VarList: []any{saver.NewTable("table", tf.Output{}, tf.Int64, tf.Float)}})
	require.ErrorIs(t, err, saver.ErrVarList)
	_, err = saver.ImportMetaGraphDef(nil, new(graphdef.MetaGraphDef), nil)
	require.ErrorIs(t, err, tf.ErrInvalidArgument)
	_, err = saver.ImportMetaGraphDef(g, nil, nil)
	require.ErrorIs(t, err, tf.ErrInvalidArgument)
}

// TestTheSaverOfAGraphWithoutVariables is nil, and its methods say why.
func TestTheSaverOfAGraphWithoutVariables(t *testing.T) {
	var s *saver.Saver
	sess := newSession(t, tf.NewGraph())
	path := filepath.Join(t.TempDir(), "m")
	_, err := s.Save(ctx, sess, path, nil)
	require.ErrorIs(t, err, saver.ErrNoVariables)
	_, err = s.SaveAsync(ctx, sess, path, nil)
	require.ErrorIs(t, err, saver.ErrNoVariables)
	require.ErrorIs(t, s.Restore(ctx, sess, path), saver.ErrNoVariables)
	_, err = s.Resume(ctx, sess, path, nil)
	require.ErrorIs(t, err, saver.ErrNoVariables)
	require.NoError(t, s.Close())
}

func TestAStepThatDoesNotFit(t *testing.T) {
	g := tf.NewGraph()
	variable(t, g, "v", float32(1))
	s := newSaver(t, g, nil)
	_, err := s.Save(ctx, initialized(t, g), filepath.Join(t.TempDir(), "m"), &saver.SaveOptions{GlobalStep: uint64(math.MaxInt64) + 1})
	require.ErrorIs(t, err, saver.ErrArgument)
}

// TestAClosedSessionIsNamed: its variables are not called uninitialized.
func TestAClosedSessionIsNamed(t *testing.T) {
	g := tf.NewGraph()
	variable(t, g, "v", float32(1))
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	require.NoError(t, sess.Close())
	path := filepath.Join(t.TempDir(), "m")
	_, err := s.Save(ctx, sess, path, nil)
	assert.ErrorContains(t, err, "session is closed")
	require.NotErrorIs(t, err, saver.ErrUninitialized)
	_, err = s.SaveAsync(ctx, sess, path, nil)
	assert.ErrorContains(t, err, "session is closed")
}

func TestTheStateFileIsNoOtherFile(t *testing.T) {
	g := tf.NewGraph()
	v := variable(t, g, "v", float32(1))
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	dir := t.TempDir()
	path := mustSave(t, s, sess, filepath.Join(dir, "m"), nil)
	for _, o := range []saver.SaveOptions{
		{LatestFilename: "m.index"},
		{LatestFilename: "m.meta"},
		{LatestFilename: "m.info", MetaGraphSuffix: "info"},
		{LatestFilename: "m.data-00000-of-00001"},
		{LatestFilename: "."},
		{LatestFilename: ".."},
	} {
		t.Run(o.LatestFilename, func(t *testing.T) {
			_, err := s.Save(ctx, sess, path, &o)
			require.ErrorIs(t, err, saver.ErrArgument)
		})
	}
	_, err := s.Save(ctx, sess, path, &saver.SaveOptions{LatestFilename: "m-5.index", GlobalStep: 5})
	require.ErrorIs(t, err, saver.ErrArgument)
	assign(t, sess, v, float32(2))
	require.NoError(t, s.Restore(ctx, sess, path))
	assert.Equal(t, float32(1), value(t, sess, v.Value()))
}

// TestResumeInACopy leaves alone what it was copied from.
func TestResumeInACopy(t *testing.T) {
	dir := t.TempDir()
	trained(t, dir, 2, nil)
	twin := filepath.Join(t.TempDir(), "twin")
	require.NoError(t, os.CopyFS(twin, os.DirFS(dir)))
	trained(t, dir, 4, nil) // the original went on
	before := files(t, dir)

	g, v, step := model(t)
	s := newSaver(t, g, &saver.Options{MaxToKeep: 1})
	sess := newSession(t, g)
	r, err := s.Resume(ctx, sess, twin, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(twin, "m-2"), r.Path)
	assert.Equal(t, float32(20), value(t, sess, v.Value()))
	assign(t, sess, step, int64(3))
	mustSave(t, s, sess, filepath.Join(twin, "m"), &saver.SaveOptions{GlobalStep: step})
	assert.Equal(t, []string{filepath.Join(twin, "m-3")}, s.LastCheckpoints())
	assert.NoFileExists(t, filepath.Join(twin, "m-2.index"))
	assert.Equal(t, before, files(t, dir))
}

// TestResumeDeletesNothingElsewhere: a state file may name what is another's.
func TestResumeDeletesNothingElsewhere(t *testing.T) {
	folder, elsewhere := t.TempDir(), t.TempDir()
	trained(t, elsewhere, 1, nil)
	require.NoError(t, saver.UpdateCheckpointState(ctx, folder, dir.State{ModelCheckpointPath: filepath.Join(elsewhere, "m-1")}, nil))
	before := files(t, elsewhere)

	g, _, step := model(t)
	s := newSaver(t, g, &saver.Options{MaxToKeep: 1})
	sess := newSession(t, g)
	r, err := s.Resume(ctx, sess, folder, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(elsewhere, "m-1"), r.Path)
	mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: step})
	assert.Equal(t, before, files(t, elsewhere))
}

func TestInitFromCheckpointRefusesWhatIsNothing(t *testing.T) {
	g := tf.NewGraph()
	variable(t, g, "v", float32(1))
	sess := initialized(t, g)
	path := mustSave(t, newSaver(t, g, nil), sess, filepath.Join(t.TempDir(), "m"), nil)
	require.ErrorIs(t, saver.InitFromCheckpoint(ctx, sess, path, nil), saver.ErrArgument)
	var none *tf.Variable
	require.ErrorIs(t, saver.InitFromCheckpoint(ctx, sess, path, map[string]any{"v": none}), saver.ErrVarList)
}
