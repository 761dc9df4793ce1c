package verify_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

func TestSavedModelAgainstManifest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sm := &graphdef.SavedModel{SavedModelSchemaVersion: 1, MetaGraphs: []*graphdef.MetaGraphDef{{GraphDef: &graphdef.GraphDef{}}}}
	require.NoError(t, graphdef.Write(filepath.Join(dir, modeldir.FilenamePB), sm, nil))
	extra := filepath.Join(dir, "assets.extra")
	require.NoError(t, os.WriteFile(extra, []byte("one"), 0o644))
	require.NoError(t, modeldir.WriteManifest(t.Context(), dir))
	faults := func() (texts []string) {
		for _, r := range reports(t, dir) {
			for _, f := range r.Faults {
				texts = append(texts, f.Err.Error())
			}
		}
		return texts
	}
	before := faults()
	require.NoError(t, os.WriteFile(extra, []byte("two"), 0o644))
	assert.Equal(t, append(before, "it differs from its manifest: the content of assets.extra has changed"), faults())
}
