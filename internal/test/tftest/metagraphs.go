package tftest

import (
	_ "embed"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

//go:embed metagraphs.py
var metaGraphs string

// OddMetaGraph is a damaged or odd meta graph, and what TensorFlow says of it.
type OddMetaGraph struct {
	Name string
	Data []byte
	// Error is the exception of import_meta_graph, or "".
	Error string
	// Saver reports whether import_meta_graph returned a Saver.
	Saver bool
}

// MetaGraph returns the parsed meta graph.
func (m *OddMetaGraph) MetaGraph(t testing.TB) *graphdef.MetaGraphDef {
	t.Helper()
	mg, err := graphdef.ParseMetaGraphDef(m.Data)
	require.NoError(t, err, m.Name)
	return mg
}

// OddMetaGraphs returns more than 200 damaged and odd meta graphs, each with the verdict of
// Python's import_meta_graph.
func OddMetaGraphs(t testing.TB) []OddMetaGraph {
	t.Helper()
	all := oracle.Value[[]OddMetaGraph](t, metaGraphs)
	require.Greater(t, len(all), 200)
	return all
}
