//go:build unix

package saver_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
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
	savers := []*saver.Saver{newSaver(t, g, nil), newSaver(t, g, &saver.Options{WriteVersion: checkpoint.V1})}
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
