package edit_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef/diff"
	"github.com/tfkeep/tfkeep/graphdef/edit"
	"github.com/tfkeep/tfkeep/internal/nodedef"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestRenameScope(t *testing.T) {
	t.Parallel()
	text := `
		node { name: "h" op: "A" } node { name: "h/a" op: "A" input: "x:0" input: "^h/b" } node { name: "h2/b" op: "A" input: "h/a:1" }
		node { name: "h/e" op: "Enter" input: "h/a" attr { key: "frame_name" value { s: "h/while" } } attr { key: "_class" value { list { s: "loc:@h/a" s: "loc:@x" } } } }
		node { name: "x" op: "A" }`
	g := tftest.ParseGraph(t, text)
	require.NoError(t, edit.RenameScope(g, "h", "deep/er"))
	assert.Equal(t, []string{"deep/er", "deep/er/a", "h2/b", "deep/er/e", "x"}, tftest.NodeNames(g))
	assert.Equal(t, []string{"x:0", "^deep/er/b"}, g.Node[1].Input)
	assert.Equal(t, []string{"deep/er/a:1"}, g.Node[2].Input)
	assert.Equal(t, "deep/er/while", string(g.Node[3].Attr["frame_name"].GetS()))
	assert.Equal(t, []string{"deep/er/a", "x"}, nodedef.Colocations(g.Node[3]))
	require.NoError(t, edit.RenameScope(g, "deep/er/", "h/"))
	assert.Empty(t, diff.Graphs(tftest.ParseGraph(t, text), g, nil), "and back")

	require.NoError(t, edit.RenameScope(g, "", "all"))
	assert.Equal(t, "all/h", g.Node[0].Name)
	require.NoError(t, edit.RenameScope(g, "all", "all2"))

	err := edit.RenameScope(g, "nothing", "x")
	assert.ErrorIs(t, err, tfkeep.ErrNotFound)
	clash := tftest.ParseGraph(t, `node { name: "a/x" op: "A" } node { name: "x" op: "A" }`)
	err = edit.RenameScope(clash, "a", "")
	require.ErrorIs(t, err, tfkeep.ErrArgument)
	assert.ErrorContains(t, err, `a/x → "x"`)
	assert.Equal(t, []string{"a/x", "x"}, tftest.NodeNames(clash), "nothing was changed")
}

func TestClearDevices(t *testing.T) {
	t.Parallel()
	g := tftest.ParseGraph(t, `node { name: "a" op: "A" device: "/gpu:0" } library { function { signature { name: "f" } node_def { name: "b" op: "B" device: "/gpu:0" } } }`)
	edit.ClearDevices(g)
	assert.Empty(t, g.Node[0].Device)
	assert.Equal(t, "/gpu:0", g.Library.Function[0].NodeDef[0].Device)
}
