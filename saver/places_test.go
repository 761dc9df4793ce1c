package saver_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// TestSaveUnderPrefixWithSlash makes the files that Python makes, and both read them.
func TestSaveUnderPrefixWithSlash(t *testing.T) {
	for _, driver := range []saver.Driver{saver.Files, saver.Ops} {
		root := t.TempDir()
		want := oracle.Value[map[string]any](t, `
			os.makedirs(args[0] + "/py/run1")
			before = os.getcwd()
			os.chdir(args[0] + "/py")
			v = tf1.get_variable("v", initializer=[1., 2.])
			s = tf1.train.Saver()
			with tf1.Session() as sess:
			    sess.run(v.initializer)
			    s.save(sess, "run1/")
			os.chdir(before)
			result = {"names": sorted(os.listdir(args[0] + "/py/run1")), "state": open(args[0] + "/py/run1/checkpoint").read()}
		`, root)
		g := tf.NewGraph()
		v := variable(t, g, "v", []float32{1, 2})
		sess := initialized(t, g)
		s := newSaver(t, g, &saver.Options{MaxToKeep: 2, Driver: driver})
		before, err := os.Getwd()
		require.NoError(t, err)
		t.Chdir(root)
		require.Equal(t, "run1/", mustSave(t, s, sess, "run1/", nil))
		names := tftest.FileNames(t, "run1")
		for _, name := range want["names"].([]any) {
			assert.Contains(t, names, name)
		}
		state, err := os.ReadFile("run1/checkpoint")
		require.NoError(t, err)
		assert.Equal(t, want["state"], string(state))
		t.Chdir(before)
		assert.Equal(t, []float32{1, 2}, oracle.Value[[]float32](t, `
			v = tf1.get_variable("v", [2])
			with tf1.Session() as sess:
			    tf1.train.Saver().restore(sess, args[0] + "/run1/")
			    result = sess.run(v).tolist()
		`, root))
		t.Chdir(root)

		assign(t, sess, v, []float32{3, 4})
		_, err = s.Restore(ctx, sess, "run1/", nil)
		require.NoError(t, err)
		r, err := s.Resume(ctx, sess, "py/run1", nil)
		require.NoError(t, err)
		assert.Equal(t, "py/run1/", r.Path)

		// The checkpoint without a name is replaced, and removed, like any other.
		fresh := newSaver(t, g, &saver.Options{MaxToKeep: 2, Driver: driver})
		_, err = fresh.Resume(ctx, sess, "run1", nil)
		require.NoError(t, err)
		mustSave(t, fresh, sess, "run1/", nil)
		mustSave(t, fresh, sess, "run1/", &saver.SaveOptions{GlobalStep: saver.Step(1)})
		assert.FileExists(t, "run1/.index")
		mustSave(t, fresh, sess, "run1/", &saver.SaveOptions{GlobalStep: saver.Step(2)})
		assert.NoFileExists(t, "run1/.index")
		assert.NoFileExists(t, "run1/.meta")
		assert.FileExists(t, "run1/-1.index")
		require.NoError(t, fresh.Close())
		require.NoError(t, s.Close())
		t.Chdir(before)
	}
}

// TestRetentionKeepsOtherFolders saves on after a state file that names a neighbor.
func TestRetentionKeepsOtherFolders(t *testing.T) {
	g := tf.NewGraph()
	variable(t, g, "v", []float32{1, 2})
	sess := initialized(t, g)
	root := t.TempDir()
	first := newSaver(t, g, nil)
	mustSave(t, first, sess, filepath.Join(root, "model0"), nil)
	mustSave(t, first, sess, filepath.Join(root, "train/model1"), nil)
	require.NoError(t, first.Close())
	state := "model_checkpoint_path: \"model1\"\nall_model_checkpoint_paths: \"../model0\"\nall_model_checkpoint_paths: \"model1\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(root, "train/checkpoint"), []byte(state), 0o644))
	s := newSaver(t, g, &saver.Options{MaxToKeep: 1})
	_, err := s.Resume(ctx, sess, filepath.Join(root, "train"), nil)
	require.NoError(t, err)
	mustSave(t, s, sess, filepath.Join(root, "train/model2"), nil)
	mustSave(t, s, sess, filepath.Join(root, "train/model3"), nil)
	assert.FileExists(t, filepath.Join(root, "model0.index"))
	assert.NoFileExists(t, filepath.Join(root, "train/model1.index"))
}

// TestResumeListsWhatIsThere names the checkpoints of other names.
func TestResumeListsWhatIsThere(t *testing.T) {
	g := tf.NewGraph()
	variable(t, g, "v", []float32{1, 2})
	sess := initialized(t, g)
	folder := t.TempDir()
	s := newSaver(t, g, nil)
	mustSave(t, s, sess, filepath.Join(folder, "other-3"), nil)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), []byte(`model_checkpoint_path: "/gone/model-9"`), 0o644))
	_, err := s.Resume(ctx, sess, folder, nil)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.ErrorContains(t, err, filepath.Join(folder, "other-3"))
	assert.ErrorContains(t, err, "LatestOptions.Verified")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint"), []byte(`model_checkpoint_path: "."`), 0o644))
	_, err = s.Resume(ctx, sess, folder, nil)
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
}
