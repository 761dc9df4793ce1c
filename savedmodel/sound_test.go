package savedmodel_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// What package safety refuses must not stop models that do nothing wrong: with tables
// from assets, loops, functions and the layers of Keras; and the graphs of trainings that
// read files.
func TestSoundModelsLoad(t *testing.T) {
	root := t.TempDir()
	script, err := os.ReadFile("testdata/sound.py")
	require.NoError(t, err)
	made := oracle.RunEager(t, string(script), root)
	var names []string
	made.Decode(t, &names)
	require.Greater(t, len(names), 30)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(root, name)
			if strings.HasSuffix(name, ".meta") {
				g := tf.NewGraph()
				s, err := saver.ImportMetaGraph(ctx, g, path, nil)
				require.NoError(t, err)
				defer s.Close()
				sess, err := tf.NewSession(g, nil)
				require.NoError(t, err)
				defer sess.Close()
				_, err = s.Restore(ctx, sess, strings.TrimSuffix(path, ".meta"), nil)
				require.NoError(t, err)
				return
			}
			m, err := savedmodel.Open(ctx, path, &savedmodel.OpenOptions{LoadOptions: savedmodel.LoadOptions{CheckSignatures: true}})
			require.NoError(t, err)
			assert.NoError(t, m.Close())
		})
	}
}
