//go:build unix

package saver_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/checkpoint/dir"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// A planted link or pipe under any name that a save writes leads nowhere: the file behind it
// stays as it is, nothing appears elsewhere, and nothing waits.
func TestSaveFollowsNoPlantedName(t *testing.T) {
	g := tf.NewGraph()
	_, err := tf.NewVariable(g, "v", tf.Value(float32(1)), nil)
	require.NoError(t, err)
	sess := newSession(t, g)
	initialize(t, g, sess)
	var savers []*saver.Saver
	for _, o := range []*saver.Options{nil, {WriteVersion: checkpoint.V1}, {Driver: saver.Ops}, {Driver: saver.Ops, WriteVersion: checkpoint.V1}} {
		savers = append(savers, newSaver(t, g, o))
	}
	for _, name := range []string{
		"checkpoint", "checkpoint.tfkeep-lock", "checkpoint.tfkeep-tmp", "m-1.meta", "m-1.meta.tfkeep-tmp", "m-1.index", "m-1.index.tfkeep-tmp",
		"m-1.data-00000-of-00001", "m-1.data-00000-of-00001.tfkeep-tmp", "m-1", "m-1.tfkeep-tmp",
	} {
		for kind, plant := range map[string]func(victim, path string) error{
			"link":          os.Symlink,
			"dangling link": func(victim, path string) error { return os.Symlink(victim+"-new", path) },
			"hard link":     os.Link,
			"pipe":          func(_, path string) error { return syscall.Mkfifo(path, 0o644) },
		} {
			for _, s := range savers {
				folder, home := t.TempDir(), t.TempDir()
				victim := filepath.Join(home, "victim")
				require.NoError(t, os.WriteFile(victim, []byte("mine"), 0o644))
				require.NoError(t, plant(victim, filepath.Join(folder, name)))
				_, _ = s.Save(ctx, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(1)})
				_, _ = s.Resume(ctx, sess, folder, nil)
				content, err := os.ReadFile(victim)
				require.NoError(t, err)
				assert.Equal(t, "mine", string(content), "%s, %s", name, kind)
				assert.NoFileExists(t, victim+"-new", "%s, %s", name, kind)
			}
		}
	}
}

// The nodes of a sharded save write into a folder beside the checkpoint, and then the index.
func TestNodesFollowNoPlantedFolder(t *testing.T) {
	g := tf.NewGraph()
	goRefs(t, g, "/cpu:0", "/cpu:1")
	s := newSaver(t, g, &saver.Options{Sharded: true, Driver: saver.Ops})
	sess := multiCPU(t, g)
	initialize(t, g, sess)
	for name, to := range map[string]string{"m_temp": ".", "m.index": "part-00000-of-00002.index"} {
		folder, home := t.TempDir(), t.TempDir()
		victim := filepath.Join(home, "part-00000-of-00002.index")
		require.NoError(t, os.WriteFile(victim, []byte("mine"), 0o644))
		require.NoError(t, os.Symlink(filepath.Join(home, to), filepath.Join(folder, name)))
		_, err := s.Save(ctx, sess, filepath.Join(folder, "m"), nil)
		require.ErrorIs(t, err, tfkeep.ErrUnsafe, name)
		assert.Equal(t, "mine", read(t, victim), name)
		assert.Len(t, files(t, home), 1, name)
	}
}

// A state file may name any file of the folder as a V1 checkpoint that is to be removed.
func TestForgedStateRemovesNoOtherFile(t *testing.T) {
	for _, version := range []checkpoint.Version{checkpoint.V1, checkpoint.V2} {
		folder := t.TempDir()
		s, sess := one(t, &saver.Options{WriteVersion: version, MaxToKeep: 1})
		path := mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(1)})
		require.NoError(t, s.Close())
		others := []string{"notes.txt", "m", "m.meta", "m.data-00000-of-00001", "m-00000-of-00001"}
		for _, name := range others {
			require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("mine"), 0o644))
		}
		require.NoError(t, dir.UpdateState(ctx, folder, dir.State{ModelCheckpointPath: path, AllModelCheckpointPaths: []string{
			filepath.Join(folder, "notes.txt"), filepath.Join(folder, "m"), filepath.Join(folder, "m-?????-of-00001"), path,
		}}, nil))
		s = newSaver(t, sess.Graph(), &saver.Options{WriteVersion: version, MaxToKeep: 1})
		_, err := s.Resume(ctx, sess, folder, nil)
		require.NoError(t, err)
		for i := range 3 {
			mustSave(t, s, sess, filepath.Join(folder, "m"), &saver.SaveOptions{GlobalStep: saver.Step(2 + i)})
		}
		assert.False(t, exists(path))
		for _, name := range others {
			assert.FileExists(t, filepath.Join(folder, name), version)
		}
	}
}

// TensorFlow would wait for the other end of a pipe.
func TestNodesOpenNoPipe(t *testing.T) {
	s, sess := one(t, &saver.Options{Driver: saver.Ops})
	folder := t.TempDir()
	path := mustSave(t, s, sess, filepath.Join(folder, "m"), nil)
	data := path + ".data-00000-of-00001"
	require.NoError(t, os.Remove(data))
	require.NoError(t, syscall.Mkfifo(data, 0o644))
	_, err := s.Restore(ctx, sess, path, nil)
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
	assert.ErrorContains(t, err, "named pipe")
	_, err = s.Resume(ctx, sess, folder, nil)
	require.ErrorIs(t, err, tfkeep.ErrCorrupt)
}
