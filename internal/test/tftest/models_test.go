package tftest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// The script beside the models makes these models.
func TestModelsAreThoseOfTheScript(t *testing.T) {
	testdata := filepath.Join(tftest.ModuleRoot(t), "testdata")
	made := t.TempDir()
	script, err := os.ReadFile(filepath.Join(testdata, "models.py"))
	require.NoError(t, err)
	oracle.Run(t, string(script)+"\nmake_models(tf, args[0])\n", made)

	files := 0
	require.NoError(t, fs.WalkDir(os.DirFS(made), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		want, err := os.ReadFile(filepath.Join(made, path))
		require.NoError(t, err)
		have, err := os.ReadFile(filepath.Join(testdata, path))
		require.NoError(t, err)
		switch filepath.Ext(path) {
		case ".pb": // the order of maps in a file is not fixed
			assert.True(t, proto.Equal(parse(t, graphdef.ParseSavedModel, want), parse(t, graphdef.ParseSavedModel, have)), path)
		case ".meta":
			assert.True(t, proto.Equal(parse(t, graphdef.ParseMetaGraphDef, want), parse(t, graphdef.ParseMetaGraphDef, have)), path)
		default:
			assert.Equal(t, want, have, path)
		}
		return nil
	}))
	assert.Equal(t, 14, files)
}

func parse[M proto.Message](t *testing.T, parse func([]byte) (M, error), data []byte) M {
	t.Helper()
	m, err := parse(data)
	require.NoError(t, err)
	return m
}
