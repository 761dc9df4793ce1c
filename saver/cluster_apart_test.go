package saver_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/status"
	"github.com/tfkeep/tfkeep/tf"
)

// apart is a model on servers that share no disk with each other or with this process: a
// relative path is a different folder for each. The folder "ckpt" exists where the test
// makes it.
type apart struct {
	g    *tf.Graph
	sess *tf.Session
	dir  string // this process's own
}

func newApart(t *testing.T, prefix string, folders ...string) *apart {
	t.Helper()
	runningCluster(t)
	a := &apart{g: tf.NewGraph(), dir: t.TempDir()}
	clusterModel(t, a.g, prefix)
	t.Chdir(a.dir)
	for _, machine := range folders {
		dir := filepath.Join(sharedCluster.dirs, machine, "ckpt")
		require.NoError(t, os.MkdirAll(dir, 0o755))
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	}
	return a
}

func (a *apart) initialize(t *testing.T) {
	t.Helper()
	a.sess = clusterSession(t, runningCluster(t), a.g)
	initialize(t, a.g, a.sess)
}

// TensorFlow's nodes leave shards on several machines. The error names the shard and the
// machine, the state file does not change, and Files saves.
func TestShardsOnSeparateDisks(t *testing.T) {
	for _, test := range []struct {
		name    string
		o       saver.Options
		folders []string
		want    saver.ShardError
	}{
		{
			"the shards can't be merged", saver.Options{Sharded: true}, []string{"ps0", "ps1"},
			saver.ShardError{Shard: 0, Shards: 2, Writer: "/job:ps/task:0", Reader: "/job:ps/task:1", File: "ckpt/m-1_temp/part-00000-of-00002"},
		},
		{
			"the folder is missing", saver.Options{Sharded: true}, []string{"ps0"},
			saver.ShardError{Shard: -1, Shards: 2, Reader: "/job:ps/task:1", File: "the folder ckpt"},
		},
		{
			"V1 is not merged", saver.Options{Sharded: true, WriteVersion: checkpoint.V1}, []string{"ps0", "ps1"},
			saver.ShardError{Shard: 0, Shards: 2, Writer: "/job:ps/task:0", File: "ckpt/m-1-00000-of-00002"},
		},
		{
			"one file on the worker", saver.Options{}, []string{"worker0"},
			saver.ShardError{Shard: 0, Shards: 1, Writer: "the session's server", File: "ckpt/m-1.data-00000-of-00001"},
		},
		{
			"V1 in one file on the worker", saver.Options{WriteVersion: checkpoint.V1}, []string{"worker0"},
			saver.ShardError{Shard: 0, Shards: 1, Writer: "the session's server", File: "ckpt/m-1"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newApart(t, "apart", test.folders...)
			o := test.o
			o.Driver, o.Name, o.SharedWait = saver.Auto, "ops", 50*time.Millisecond
			ops := newSaver(t, a.g, &o)
			o.Driver, o.Name, o.WriteVersion = saver.Files, "files", checkpoint.V2
			here := newSaver(t, a.g, &o)
			a.initialize(t)
			previous := mustSave(t, here, a.sess, "ckpt/m", &saver.SaveOptions{GlobalStep: saver.Step(0)})
			before := files(t, "ckpt")

			_, err := ops.Save(ctx, a.sess, "ckpt/m", &saver.SaveOptions{GlobalStep: saver.Step(1)})
			require.ErrorIs(t, err, saver.ErrNotShared)
			var got *saver.ShardError
			require.ErrorAs(t, err, &got)
			test.want.Op, test.want.Path = "save", "ckpt/m-1"
			if test.want.Writer == "the session's server" {
				test.want.Writer = a.sess.Target()
			}
			assert.Equal(t, test.want.Reader == "", got.Err == nil, "what TensorFlow said")
			got.Err = nil
			assert.Equal(t, test.want, *got)
			assert.ErrorContains(t, err, "saver.Files")
			assert.Equal(t, before, files(t, "ckpt"), "nothing of it is here")
			latest, err := latestIn("ckpt")
			require.NoError(t, err)
			assert.Equal(t, previous, latest)

			// The values are gathered instead.
			path := mustSave(t, here, a.sess, "ckpt/m", &saver.SaveOptions{GlobalStep: saver.Step(2)})
			zero(t, a.g, a.sess)
			require.NoError(t, restore(here, a.sess, path))
			again := mustSave(t, here, a.sess, "again/m", nil)
			equalCheckpoints(t, path, again)

			// The files are here only: the nodes do not find them, which is not damage.
			err = restore(ops, a.sess, path)
			require.ErrorIs(t, err, saver.ErrNotShared)
			require.ErrorAs(t, err, &got)
			assert.Equal(t, "restore", got.Op)
			assert.NotEmpty(t, got.Reader)
			_, err = ops.Resume(ctx, a.sess, "ckpt", nil)
			require.ErrorIs(t, err, saver.ErrNotShared)
		})
	}
}

// This process is on the machine of one server. The error names that server's shard as
// found.
func TestOneShardIsVisible(t *testing.T) {
	a := newApart(t, "onehere", "ps0", "ps1")
	require.NoError(t, os.Symlink(filepath.Join(sharedCluster.dirs, "ps0", "ckpt"), "ckpt"))
	s := newSaver(t, a.g, &saver.Options{Sharded: true, WriteVersion: checkpoint.V1, SharedWait: 50 * time.Millisecond})
	a.initialize(t)
	_, err := s.Save(ctx, a.sess, "ckpt/m", nil)
	var got *saver.ShardError
	require.ErrorAs(t, err, &got)
	assert.Equal(t, saver.ShardError{
		Op: "save", Path: "ckpt/m", Shard: 1, Shards: 2, Writer: "/job:ps/task:1",
		File: "ckpt/m-00001-of-00002", Found: []string{"m-00000-of-00002"},
	}, *got)
	assert.ErrorContains(t, err, "though m-00000-of-00002 is here")
	assert.Empty(t, files(t, "ckpt"), "and it is removed")
}

// Without state file and meta graph, this process does not look for the files.
func TestUnwatchedFilesMayBeElsewhere(t *testing.T) {
	a := newApart(t, "elsewhere", "worker0")
	s := newSaver(t, a.g, nil)
	a.initialize(t)
	_, err := s.Save(ctx, a.sess, "ckpt/m", &saver.SaveOptions{NoState: true, NoMetaGraph: true})
	require.NoError(t, err)
	assert.NoDirExists(t, "ckpt")
	require.FileExists(t, filepath.Join(sharedCluster.dirs, "worker0", "ckpt", "m.index"))
	require.NoError(t, restore(s, a.sess, "ckpt/m"))

	err = restore(s, a.sess, "ckpt/other")
	require.ErrorIs(t, err, tfkeep.ErrNotFound)
	assert.ErrorContains(t, err, a.sess.Target())
}

// This process's own folder has an older checkpoint of the same name as the one that the
// servers have written into theirs.
func TestOldIndexDoesNotCountAsNew(t *testing.T) {
	a := newApart(t, "older", "worker0")
	here := newSaver(t, a.g, &saver.Options{Driver: saver.Files, Name: "files"})
	ops := newSaver(t, a.g, &saver.Options{Driver: saver.Ops, Name: "ops", SharedWait: 50 * time.Millisecond})
	a.initialize(t)
	mustSave(t, here, a.sess, "ckpt/m", nil)
	_, err := ops.Save(ctx, a.sess, "ckpt/m", nil)
	require.ErrorIs(t, err, saver.ErrNotShared)
}

// Files show up late, as on network file systems.
func TestConfirmWaitsForLateFiles(t *testing.T) {
	a := newApart(t, "late", "worker0")
	s := newSaver(t, a.g, &saver.Options{SharedWait: 20 * time.Second})
	a.initialize(t)
	there := filepath.Join(sharedCluster.dirs, "worker0", "ckpt")
	done := make(chan error)
	go func() {
		for {
			if _, err := os.Stat(filepath.Join(there, "m.index")); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		for _, name := range []string{"m.data-00000-of-00001", "m.index"} {
			if err := os.Rename(filepath.Join(there, name), filepath.Join(a.dir, "ckpt", name)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	path := mustSave(t, s, a.sess, "ckpt/m", nil)
	require.NoError(t, <-done)
	latest, err := latestIn("ckpt")
	require.NoError(t, err)
	assert.Equal(t, path, latest)
}

// Shards that were not merged are removed where this process sees them, also those that a
// server writes after the save has failed.
func TestUnmergedShardsAreRemoved(t *testing.T) {
	c := startCluster(t, t.TempDir())
	t.Cleanup(c.Stop)
	g := tf.NewGraph()
	clusterModel(t, g, "unmerged")
	s := newSaver(t, g, &saver.Options{Sharded: true})
	sess := clusterSession(t, c, g)
	initialize(t, g, sess)
	dir := t.TempDir()
	require.NoError(t, c.Kill("ps", 1))
	_, err := s.Save(ctx, sess, filepath.Join(dir, "m"), nil)
	require.ErrorIs(t, err, status.Unavailable)
	late := filepath.Join(dir, "m_temp")
	require.NoError(t, os.MkdirAll(late, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(late, "part-00000-of-00002.index"), nil, 0o644))
	_, err = s.Resume(ctx, sess, dir, nil)
	require.NoError(t, err)
	assert.Empty(t, files(t, dir))
}

// A checkpoint that only this process sees initializes variables of a cluster.
func TestInitFromCheckpointOnCluster(t *testing.T) {
	a := newApart(t, "initfrom")
	s := newSaver(t, a.g, &saver.Options{Driver: saver.Files})
	a.initialize(t)
	path := mustSave(t, s, a.sess, "ckpt/m", nil)
	zero(t, a.g, a.sess)
	require.NoError(t, saver.InitFromCheckpoint(ctx, a.sess, path, map[string]string{"/": "/"}))
	equalCheckpoints(t, path, mustSave(t, s, a.sess, "again/m", nil))
}
