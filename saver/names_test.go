package saver_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Names with the characters of patterns, and with other odd ones, are taken as they are:
// the newest checkpoint is found, and retention removes nothing of a folder or of a
// checkpoint that such a name would match as a pattern.
func TestOddNamesAreLiteral(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	for _, name := range []struct{ odd, matched string }{
		{"run[1]", "run1"}, {"a*b", "axxb"}, {"q?", "qq"}, {`back\slash`, "backslash"}, {"[", "x"}, {"[a-z]", "m"},
		{"two words", "two"}, {"new\nline", "new"}, {"-dash", "dash"}, {"ünï", "uni"}, {`quo'te"`, "quote"}, {"m-1-?????-of-00001", "m-1-00000-of-00001"},
	} {
		for _, o := range []saver.Options{
			{MaxToKeep: 1}, {MaxToKeep: 1, WriteVersion: checkpoint.V1}, {MaxToKeep: 1, WriteVersion: checkpoint.V1, Sharded: true}, {MaxToKeep: 1, Sharded: true},
		} {
			for _, where := range []string{"folder", "prefix"} {
				root := t.TempDir()
				odd, matched := filepath.Join(root, name.odd, "m"), filepath.Join(root, name.matched, "m")
				if where == "prefix" {
					odd, matched = filepath.Join(root, "odd", name.odd), filepath.Join(root, "odd", name.matched)
					if o.WriteVersion == checkpoint.V1 && name.odd == "m-1-?????-of-00001" {
						continue // the name of a sharded V1 checkpoint is a pattern
					}
				}
				neighbor := neighborCheckpoint(t, matched, o.WriteVersion)
				saveAndResume(t, odd, &o)
				for file, content := range neighbor {
					now, err := os.ReadFile(file)
					require.NoError(t, err, "%q %s", name.odd, where)
					require.Equal(t, content, string(now))
				}
			}
		}
	}
}

// neighborCheckpoint makes a checkpoint with the steps of the one under test, and returns
// its files.
func neighborCheckpoint(t *testing.T, prefix string, version checkpoint.Version) map[string]string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(prefix), 0o755))
	tensor := []checkpoint.Tensor{tftest.RandomTensor(7, "v", 1, 2)}
	for _, step := range []string{"-1", "-2"} {
		if version == checkpoint.V1 {
			tftest.WriteCheckpointV1(t, prefix+step, nil, tensor)
		} else {
			tftest.WriteCheckpoint(t, prefix+step, nil, tensor)
		}
	}
	files := make(map[string]string)
	for name, content := range tftest.ReadFiles(t, filepath.Dir(prefix)) {
		files[filepath.Join(filepath.Dir(prefix), name)] = string(content)
	}
	return files
}

// saveAndResume saves two steps, of which one is kept, and resumes from it.
func saveAndResume(t *testing.T, prefix string, o *saver.Options) {
	t.Helper()
	g := tf.NewGraph()
	_, err := tf.NewVariable(g, "v", tf.Value(float32(1)), nil)
	require.NoError(t, err)
	sess := newSession(t, g)
	initialize(t, g, sess)
	s := newSaver(t, g, o)
	for step := range int64(2) {
		_, err := s.Save(ctx, sess, prefix, &saver.SaveOptions{GlobalStep: saver.Step(step + 1)})
		require.NoError(t, err, "%q", prefix)
	}
	require.NoError(t, s.Close())
	latest, err := dir.Latest(ctx, filepath.Dir(prefix), nil)
	require.NoError(t, err, "%q", prefix)
	assert.True(t, dir.Exists(ctx, latest))
	report, err := checkpoint.Verify(ctx, latest, nil)
	require.NoError(t, err, "%q", latest)
	assert.Empty(t, report.Faults)

	g = tf.NewGraph()
	_, err = tf.NewVariable(g, "v", tf.Value(float32(0)), nil)
	require.NoError(t, err)
	sess = newSession(t, g)
	s = newSaver(t, g, o)
	r, err := s.Resume(ctx, sess, filepath.Dir(prefix), nil)
	require.NoError(t, err, "%q", prefix)
	assert.False(t, r.Fresh, "%q", prefix)
	assert.Equal(t, int64(2), r.Step, "%q", prefix)
	assert.Equal(t, latest, r.Path)
	require.NoError(t, s.Close())
}
