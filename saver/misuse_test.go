package saver_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest/tfgraph"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

func TestNilArgumentsAreNamed(t *testing.T) {
	_, err := saver.New(nil, nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)

	g := tf.NewGraph()
	v := variable(t, g, "v", float32(1))
	var none *tf.Variable
	var nothing saver.Saveable
	for _, test := range []named[*saver.Options]{
		{"variable", &saver.Options{VarList: saver.Vars(none)}},
		{"part", &saver.Options{VarList: saver.Vars([]*tf.Variable{v, nil})}},
		{"output", &saver.Options{VarList: saver.Vars(tf.Output{})}},
		{"saveable", &saver.Options{VarList: []saver.Saveable{nothing}}},
		{"mapped saveable", &saver.Options{VarMap: map[string]saver.Saveable{"v": nothing}}},
		{"mapped variable", &saver.Options{VarMap: map[string]saver.Saveable{"v": saver.Var(none)}}},
		{"mapped part", &saver.Options{VarMap: map[string]saver.Saveable{"v": saver.Var([]*tf.Variable{nil})}}},
		{"mapped output", &saver.Options{VarMap: map[string]saver.Saveable{"v": saver.Var(tf.Output{})}}},
	} {
		name, o := test.name, test.v
		t.Run(name, func(t *testing.T) {
			_, err := saver.New(g, o)
			require.ErrorIs(t, err, tfkeep.ErrArgument)
			assert.Regexp(t, "nil|empty", err.Error())
		})
	}

	var step *tf.Variable
	path := filepath.Join(t.TempDir(), "m")
	_, err = newSaver(t, g, nil).Save(ctx, initialized(t, g), path, &saver.SaveOptions{GlobalStep: saver.Step(step)})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, "nil")

	_, err = saver.FromImported(g, nil, nil)
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	_, err = saver.New(g, &saver.Options{VarList: []saver.Saveable{saver.NewTable("table", tf.Output{}, dtype.Int64, dtype.Float32)}})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
}

// The Saver of a meta graph without variables is empty: it saves the meta graph only, and
// restores nothing.
func TestSaverWithoutVariablesIsEmpty(t *testing.T) {
	g := tf.NewGraph()
	file := filepath.Join(t.TempDir(), "empty.meta")
	_, err := tf.ExportMetaGraph(g, &tf.ExportMetaGraphOptions{Filename: file})
	require.NoError(t, err)
	s, err := saver.ImportMetaGraph(ctx, g, file, nil)
	require.NoError(t, err)
	sess := newSession(t, g)
	path := filepath.Join(t.TempDir(), "m")
	_, err = s.Save(ctx, sess, path, nil)
	require.NoError(t, err)
	pending, err := s.SaveAsync(ctx, sess, path, nil)
	require.NoError(t, err)
	_, err = pending.Wait(ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{"m.meta"}, files(t, filepath.Dir(path)))
	require.NoError(t, restore(s, sess, path))
	r, err := s.Resume(ctx, sess, path, nil)
	require.NoError(t, err)
	assert.True(t, r.Fresh)
	assert.Nil(t, s.SaverDef())
	require.NoError(t, s.Close())
}

func TestGlobalStepMustFit63Bits(t *testing.T) {
	g := tf.NewGraph()
	step := variable(t, g, "step", uint64(math.MaxInt64)+1)
	s := newSaver(t, g, nil)
	_, err := s.Save(ctx, initialized(t, g), filepath.Join(t.TempDir(), "m"), &saver.SaveOptions{GlobalStep: saver.Step(step)})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
}

// The error for a closed session does not say that variables are uninitialized.
func TestClosedSessionIsNamed(t *testing.T) {
	g := tf.NewGraph()
	variable(t, g, "v", float32(1))
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	require.NoError(t, sess.Close())
	path := filepath.Join(t.TempDir(), "m")
	_, err := s.Save(ctx, sess, path, nil)
	assert.ErrorContains(t, err, "session is closed")
	require.NotErrorIs(t, err, tfkeep.ErrUninitialized)
	_, err = s.SaveAsync(ctx, sess, path, nil)
	assert.ErrorContains(t, err, "session is closed")
}

func TestLatestFilenameMustNotCollide(t *testing.T) {
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
			require.ErrorIs(t, err, tfkeep.ErrArgument)
		})
	}
	_, err := s.Save(ctx, sess, path, &saver.SaveOptions{LatestFilename: "m-5.index", GlobalStep: saver.Step(5)})
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assign(t, sess, v, float32(2))
	require.NoError(t, restore(s, sess, path))
	assert.Equal(t, float32(1), tfgraph.Value(t, sess, v.Value()))
}

// A Saver that resumes in a copy of a folder does not change the original.
func TestResumeInCopy(t *testing.T) {
	dir := t.TempDir()
	trained(t, dir, 2)
	twin := filepath.Join(t.TempDir(), "twin")
	require.NoError(t, os.CopyFS(twin, os.DirFS(dir)))
	trained(t, dir, 4) // the original went on
	before := files(t, dir)

	g, v, step := model(t)
	s := newSaver(t, g, &saver.Options{MaxToKeep: 1})
	sess := newSession(t, g)
	r, err := s.Resume(ctx, sess, twin, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(twin, "m-2"), r.Path)
	assert.Equal(t, float32(20), tfgraph.Value(t, sess, v.Value()))
	assign(t, sess, step, int64(3))
	mustSave(t, s, sess, filepath.Join(twin, "m"), &saver.SaveOptions{GlobalStep: saver.Step(step)})
	assert.Equal(t, []string{filepath.Join(twin, "m-3")}, kept(s))
	assert.NoFileExists(t, filepath.Join(twin, "m-2.index"))
	assert.Equal(t, before, files(t, dir))
}

// A state file may name checkpoints in another folder. These are not deleted.
func TestResumeDeletesNothingElsewhere(t *testing.T) {
	folder, elsewhere := t.TempDir(), t.TempDir()
	trained(t, elsewhere, 1)
	require.NoError(t, updateState(folder, filepath.Join(elsewhere, "m-1")))
	before := files(t, elsewhere)

	g, _, step := model(t)
	s := newSaver(t, g, &saver.Options{MaxToKeep: 1})
	sess := newSession(t, g)
	r, err := s.Resume(ctx, sess, folder, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(elsewhere, "m-1"), r.Path)
	mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(step)})
	assert.Equal(t, before, files(t, elsewhere))
}

func TestInitFromCheckpointRefusesEmptyMap(t *testing.T) {
	g := tf.NewGraph()
	variable(t, g, "v", float32(1))
	sess := initialized(t, g)
	path := mustSave(t, newSaver(t, g, nil), sess, filepath.Join(t.TempDir(), "m"), nil)
	require.ErrorIs(t, saver.InitFromCheckpoint(ctx, sess, path, nil), tfkeep.ErrArgument)
}
