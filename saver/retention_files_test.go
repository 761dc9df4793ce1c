package saver_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// untimed returns checkpoints without times.
func untimed(paths ...string) []saver.Checkpoint {
	var list []saver.Checkpoint
	for _, path := range paths {
		list = append(list, saver.Checkpoint{Path: path})
	}
	return list
}

func one(t *testing.T, o *saver.Options) (*saver.Saver, *tf.Session) {
	t.Helper()
	g := tf.NewGraph()
	variable(t, g, "v", float32(10))
	s := newSaver(t, g, o)
	return s, initialized(t, g)
}

func state(t *testing.T, folder string) *dir.State {
	t.Helper()
	s, err := dir.ReadState(t.Context(), folder, nil)
	require.NoError(t, err)
	return s
}

func TestMaxToKeepNonSharded(t *testing.T) {
	for _, version := range []checkpoint.Version{checkpoint.V1, checkpoint.V2} {
		dir := t.TempDir()
		s, sess := one(t, &saver.Options{MaxToKeep: 2, WriteVersion: version})
		p := func(name string) string { return filepath.Join(dir, name) }
		check := func(s *saver.Saver, want ...string) {
			t.Helper()
			paths := make([]string, len(want))
			for i, w := range want {
				paths[i] = p(w)
			}
			assert.Equal(t, paths, kept(s))
			st := state(t, dir)
			assert.Equal(t, paths, st.AllModelCheckpointPaths)
			assert.Equal(t, paths[len(paths)-1], st.ModelCheckpointPath)
			for _, path := range paths {
				assert.True(t, exists(path), path)
				assert.FileExists(t, path+".meta")
			}
		}
		gone := func(name string) {
			t.Helper()
			assert.False(t, exists(p(name)), name)
			assert.NoFileExists(t, p(name)+".meta")
			assert.NoFileExists(t, p(name)+".data-00000-of-00001")
		}
		assert.Empty(t, kept(s))
		mustSave(t, s, sess, p("s1"), nil)
		check(s, "s1")
		mustSave(t, s, sess, p("s2"), nil)
		check(s, "s1", "s2")
		mustSave(t, s, sess, p("s3"), nil)
		check(s, "s2", "s3")
		gone("s1")

		// A second Saver of the SaverDef has the first one's list, a third one has none.
		s2 := newSaver(t, sess.Graph(), &saver.Options{SaverDef: s.SaverDef()})
		s2.SetLastCheckpoints(untimed(kept(s)...))
		s3 := newSaver(t, sess.Graph(), &saver.Options{SaverDef: s.SaverDef()})

		mustSave(t, s, sess, p("s2"), nil) // again: to the end, nothing goes
		check(s, "s3", "s2")
		mustSave(t, s, sess, p("s1"), nil)
		check(s, "s2", "s1")
		gone("s3")

		assert.Equal(t, []string{p("s2"), p("s3")}, kept(s2))
		mustSave(t, s2, sess, p("s2"), nil)
		assert.Equal(t, []string{p("s3"), p("s2")}, kept(s2))
		mustSave(t, s2, sess, p("s1"), nil)
		assert.True(t, exists(p("s2")))

		assert.Empty(t, kept(s3))
		mustSave(t, s3, sess, p("s2"), nil)
		check(s3, "s2")
		mustSave(t, s3, sess, p("s1"), nil)
		check(s3, "s2", "s1")
	}
}

func TestMaxToKeepSharded(t *testing.T) {
	for version, count := range map[checkpoint.Version]int{checkpoint.V1: 2, checkpoint.V2: 3} {
		dir := t.TempDir()
		g := tf.NewGraph()
		goRefs(t, g, "/cpu:0", "/cpu:1")
		s := newSaver(t, g, &saver.Options{MaxToKeep: 2, Sharded: true, WriteVersion: version})
		sess := multiCPU(t, g)
		initialize(t, g, sess)
		paths := []string{}
		for _, name := range []string{"s1", "s2", "s3"} {
			paths = append(paths, mustSave(t, s, sess, filepath.Join(dir, name), nil))
			if name == "s1" {
				matches, err := filepath.Glob(filepath.Join(dir, "s1?*-0000*"))
				require.NoError(t, err)
				assert.Len(t, matches, 2, "data files")
				all, err := filepath.Glob(filepath.Join(dir, "s1*"))
				require.NoError(t, err)
				assert.Len(t, all, count+1, "with meta graph: %v", all)
			}
		}
		if version == checkpoint.V1 {
			assert.Equal(t, filepath.Join(dir, "s3-?????-of-00002"), paths[2])
		}
		assert.Equal(t, paths[1:], kept(s))
		matches, err := filepath.Glob(filepath.Join(dir, "s1*"))
		require.NoError(t, err)
		assert.Empty(t, matches)
		latest, err := latestIn(dir)
		require.NoError(t, err)
		assert.Equal(t, paths[2], latest)
		require.NoError(t, restore(s, sess, latest))
	}
}

func TestKeepEvery(t *testing.T) {
	dir := t.TempDir()
	start := time.Unix(1_000_000, 0)
	now := start
	s, sess := one(t, &saver.Options{MaxToKeep: 2, KeepEvery: 700 * time.Millisecond, Clock: func() time.Time { return now }})
	now = start.Add(time.Second)
	for _, name := range []string{"s1", "s2", "s3", "s4"} {
		mustSave(t, s, sess, filepath.Join(dir, name), nil)
	}
	assert.True(t, exists(filepath.Join(dir, "s1")), "kept for good")
	assert.False(t, exists(filepath.Join(dir, "s2")))
	assert.True(t, exists(filepath.Join(dir, "s3")))
	assert.True(t, exists(filepath.Join(dir, "s4")))
}

func TestRecoverLastCheckpoints(t *testing.T) {
	dir := t.TempDir()
	s, sess := one(t, &saver.Options{MaxToKeep: 10})
	var paths []string
	for i := range 3 {
		paths = append(paths, mustSave(t, s, sess, filepath.Join(dir, "s"), &saver.SaveOptions{GlobalStep: saver.Step(i)}))
	}
	s2 := newSaver(t, sess.Graph(), &saver.Options{SaverDef: s.SaverDef()})
	s2.RecoverLastCheckpoints(paths)
	assert.Equal(t, paths, kept(s2))

	require.NoError(t, remove(paths[0]))
	s3 := newSaver(t, sess.Graph(), &saver.Options{SaverDef: s.SaverDef()})
	s3.RecoverLastCheckpoints(paths)
	assert.Equal(t, paths[1:], kept(s3))
	last := mustSave(t, s3, sess, filepath.Join(dir, "s"), &saver.SaveOptions{GlobalStep: saver.Step(3)})
	assert.Equal(t, append(paths[1:], last), state(t, dir).AllModelCheckpointPaths)
}

func TestKeepAllRecordsNewestOnly(t *testing.T) {
	dir := t.TempDir()
	s, sess := one(t, &saver.Options{MaxToKeep: saver.KeepAll})
	for i := range 7 {
		mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(i), NoMetaGraph: true})
	}
	assert.Empty(t, kept(s))
	assert.Equal(t, []string{filepath.Join(dir, "m-6")}, state(t, dir).AllModelCheckpointPaths)
	assert.Len(t, files(t, dir), 1+7*2)
}

func TestSetLastCheckpointsWithoutTimes(t *testing.T) {
	dir := t.TempDir()
	s, sess := one(t, &saver.Options{MaxToKeep: 1})
	old := mustSave(t, s, sess, filepath.Join(dir, "old"), nil)
	s2 := newSaver(t, sess.Graph(), &saver.Options{SaverDef: s.SaverDef()})
	s2.SetLastCheckpoints(untimed(old))
	a := mustSave(t, s2, sess, filepath.Join(dir, "a"), nil)
	mustSave(t, s2, sess, filepath.Join(dir, "b"), nil)
	assert.True(t, exists(old))
	assert.False(t, exists(a))

	s3 := newSaver(t, sess.Graph(), &saver.Options{SaverDef: s.SaverDef()})
	s3.SetLastCheckpoints([]saver.Checkpoint{{Path: old, Time: time.Now()}})
	mustSave(t, s3, sess, filepath.Join(dir, "c"), nil)
	assert.False(t, exists(old))
}

func TestFailedSaveLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s, sess := one(t, nil)
	first := mustSave(t, s, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(1)})
	before := files(t, dir)

	// The save is canceled in the middle of the data.
	canceled, cancel := context.WithCancel(ctx)
	_, err := s.Save(canceled, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(2), Progress: func(done, total int64) {
		assert.LessOrEqual(t, done, total)
		cancel()
	}})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, before, files(t, dir))

	// The checkpoint is complete, but its state file cannot be written.
	require.NoError(t, os.Rename(filepath.Join(dir, "checkpoint"), filepath.Join(dir, "aside")))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "checkpoint", "x"), 0o755))
	_, err = s.Save(ctx, sess, filepath.Join(dir, "m"), &saver.SaveOptions{GlobalStep: saver.Step(2)})
	require.Error(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "checkpoint")))
	require.NoError(t, os.Rename(filepath.Join(dir, "aside"), filepath.Join(dir, "checkpoint")))
	assert.Equal(t, before, files(t, dir))
	assert.Equal(t, []string{first}, kept(s))
	latest, err := latestIn(dir)
	require.NoError(t, err)
	assert.Equal(t, first, latest)
}
