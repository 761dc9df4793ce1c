package command

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every verb tells what a folder has that can be named instead of it.
func TestWrongFolderNamesWhatIsThere(t *testing.T) {
	inFixture(t, "m", fixture()[:2])
	files := map[string]string{
		"versions/1/saved_model.pb": "", "versions/2/saved_model.pb": "", "graphs/frozen.pb": "", "graphs/other.pbtxt": "",
		"checkpoint": `model_checkpoint_path: "/other/machine/model_9"`,
	}
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	for _, c := range []struct{ verb, folder, want string }{
		{"ls", "versions", "this is a folder of versions of a model: 1, 2; name one of them"},
		{"show", "versions", "this is a folder of versions of a model: 1, 2; name one of them"},
		{"ls", "graphs", `it has graph files: "frozen.pb", "other.pbtxt"; name one of them`},
		{"show", "graphs", `it has graph files: "frozen.pb", "other.pbtxt"; name one of them`},
		{"verify", "graphs", `it has graph files: "frozen.pb", "other.pbtxt"; name one of them`},
		{"ls", ".", "Couldn't match files for checkpoint /other/machine/model_9; there are ./m"},
		{"show", ".", "Couldn't match files for checkpoint /other/machine/model_9; there are ./m"},
	} {
		t.Run(c.verb+" "+c.folder, func(t *testing.T) {
			_, _, errs := execute(t, c.verb, c.folder)
			assert.Contains(t, errs, c.want)
		})
	}
}
