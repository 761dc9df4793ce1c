package tensorboard_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/tensorboard"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

func TestTensorBoardReadsTheGraph(t *testing.T) {
	t.Parallel()
	g, err := graphdef.ParseGraphDef([]byte(`node { name: "a" op: "Const" } node { name: "b" op: "Neg" input: "a" }`))
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "logs")
	path, err := tensorboard.WriteGraph(dir, g)
	require.NoError(t, err)
	second, err := tensorboard.WriteGraph(dir, g)
	require.NoError(t, err)
	assert.NotEqual(t, path, second)
	require.Equal(t, dir, filepath.Dir(path))

	got := oracle.Value[struct {
		Versions []string
		Names    []string
		Wall     float64
	}](t, `
from tensorboard.backend.event_processing import event_file_loader, io_wrapper
assert io_wrapper.IsTensorFlowEventsFile(args[0])
events = list(event_file_loader.LegacyEventFileLoader(args[0]).Load())
graph = [tf1.GraphDef.FromString(e.graph_def) for e in events if e.HasField("graph_def")]
result = dict(Versions=[e.file_version for e in events if e.HasField("file_version")],
              Names=[n.name for g in graph for n in g.node], Wall=events[0].wall_time)
`, path)
	assert.Equal(t, []string{"brain.Event:2"}, got.Versions)
	assert.Equal(t, []string{"a", "b"}, got.Names)
	assert.Greater(t, got.Wall, 1.5e9)
}
