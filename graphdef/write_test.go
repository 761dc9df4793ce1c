package graphdef_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestWriteMakesDirectories(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, twoPlaceholders)
	dir := t.TempDir()
	for _, c := range []struct {
		path string
		text bool
	}{
		{filepath.Join(dir, "l1", "l2", "g.pb"), false},
		{filepath.Join(dir, "l1", "l3", "g.pbtxt"), true},
		{filepath.Join(dir, "g.pb"), false},
	} {
		require.NoError(t, graphdef.Write(c.path, g, &graphdef.WriteOptions{Text: c.text}))
		back, err := graphdef.ReadGraphDef(c.path)
		require.NoError(t, err)
		assert.True(t, proto.Equal(g, back))
		content, err := os.ReadFile(c.path)
		require.NoError(t, err)
		assert.Equal(t, c.text, string(content) == twoPlaceholders)
	}
}

func TestWriteTakesAnyMessage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "saver.pbtxt")
	require.NoError(t, graphdef.Write(path, &graphdef.SaverDef{SaveTensorName: "a"}, &graphdef.WriteOptions{Text: true}))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "save_tensor_name: \"a\"\n", string(content))
}

func TestWriteReplacesFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "g.pb")
	require.NoError(t, os.WriteFile(path, make([]byte, 1<<16), 0o666))
	g := tftest.ParseGraph(t, twoPlaceholders)
	require.NoError(t, graphdef.Write(path, g, nil))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, tftest.Marshal(t, g), content)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestWriteErrorNamesFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	err := graphdef.Write(filepath.Join(file, "g.pb"), tftest.ParseGraph(t, twoPlaceholders), nil)
	var place *tfkeep.Error
	require.ErrorAs(t, err, &place)
	assert.Equal(t, filepath.Join(file, "g.pb"), place.Path)
}
