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
)

func TestWriteGraphMakesDirectoriesAndReturnsThePath(t *testing.T) {
	g := parse(t, twoPlaceholders)
	dir := t.TempDir()
	for _, c := range []struct {
		dir, name string
		asText    bool
	}{
		{filepath.Join(dir, "l1", "l2"), "g.pb", false},
		{filepath.Join(dir, "l1") + "/", "l3/g.pbtxt", true},
		{"ignored", filepath.Join(dir, "absolute.pb"), false},
	} {
		path, err := graphdef.WriteGraph(g, c.dir, c.name, c.asText)
		require.NoError(t, err)
		want := c.dir + "/" + c.name
		if filepath.IsAbs(c.name) {
			want = c.name
		} else if c.dir[len(c.dir)-1] == '/' {
			want = c.dir + c.name
		}
		assert.Equal(t, want, path)
		back, err := graphdef.ReadGraphDef(path)
		require.NoError(t, err)
		assert.True(t, proto.Equal(g, back))
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, c.asText, string(content) == twoPlaceholders)
	}
}

func TestWriteGraphTakesAnyMessage(t *testing.T) {
	path, err := graphdef.WriteGraph(&graphdef.SaverDef{SaveTensorName: "a"}, t.TempDir(), "saver.pbtxt", true)
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "save_tensor_name: \"a\"\n", string(content))
}

func TestWriteReplacesAFileWholeAndLeavesNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "g.pb")
	require.NoError(t, os.WriteFile(path, make([]byte, 1<<16), 0o666))
	g := parse(t, twoPlaceholders)
	require.NoError(t, graphdef.Write(path, g, nil))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, binary(t, g), content)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestWriteSaysWhichFileItCouldNotWrite(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	_, err := graphdef.WriteGraph(parse(t, twoPlaceholders), file, "g.pb", false)
	var place *tfkeep.Error
	require.ErrorAs(t, err, &place)
	assert.Equal(t, filepath.Join(file, "g.pb"), place.Path)
}
