package saver_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// Each name of a state file has its own lock and its own list of checkpoints.
func TestStateFilesOfOptions(t *testing.T) {
	folder := t.TempDir()
	trained(t, folder, 3)
	g, _, step := model(t)
	s := newSaver(t, g, nil)
	sess := initialized(t, g)
	mustSave(t, s, sess, filepath.Join(folder, "other"), &saver.SaveOptions{GlobalStep: saver.Step(step), LatestFilename: "newest"})
	r, err := s.Resume(ctx, sess, folder, &saver.ResumeOptions{LatestFilename: "newest"})
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(folder, "other-0"), r.Path)
	r, err = s.Resume(ctx, sess, folder, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(folder, "m-3"), r.Path)

	require.NoError(t, s.Lock(ctx, folder, &saver.LockOptions{LatestFilename: "third"}))
	require.FileExists(t, filepath.Join(folder, "third.tfkeep-lock"))
}

// A restore that would run an op which reaches out of the program is refused unless AllowOps
// names the op.
func TestRestoreRunsAllowedOps(t *testing.T) {
	dir := t.TempDir()
	oracle.Run(t, `
v = tf1.get_variable("v", initializer=[1., 2.])
saver = tf1.train.Saver()
with tf1.Session() as s:
    s.run(tf1.global_variables_initializer())
    saver.save(s, args[0] + "/m", write_meta_graph=False)
write = tf1.raw_ops.WriteFile(filename=args[0] + "/written", contents="x")
d = saver.as_saver_def()
with tf1.control_dependencies([write, tf1.get_default_graph().get_operation_by_name(d.restore_op_name)]):
    d.restore_op_name = tf1.no_op("restore_and_write").name
tf1.train.export_meta_graph(args[0] + "/m.meta", saver_def=d)`, dir)
	for _, allow := range [][]string{nil, {"WriteFile"}} {
		g := tf.NewGraph()
		im, err := tf.ImportMetaGraphFile(ctx, g, filepath.Join(dir, "m.meta"), &tf.ImportMetaGraphOptions{AllowOps: []string{"WriteFile"}})
		require.NoError(t, err)
		s, err := saver.FromImported(g, im, &saver.Options{AllowOps: allow})
		require.NoError(t, err)
		_, err = s.Restore(ctx, newSession(t, g), filepath.Join(dir, "m"), nil)
		if allow == nil {
			require.ErrorIs(t, err, tfkeep.ErrUnsafe)
			require.NoFileExists(t, filepath.Join(dir, "written"))
		} else {
			require.NoError(t, err)
			require.FileExists(t, filepath.Join(dir, "written"))
		}
		require.NoError(t, s.Close())
	}
}
