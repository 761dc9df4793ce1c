package verify_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/verify"
)

func TestModelsAreHeldAgainstTheirManifest(t *testing.T) {
	dir := t.TempDir()
	sm := &graphdef.SavedModel{SavedModelSchemaVersion: 1, MetaGraphs: []*graphdef.MetaGraphDef{{GraphDef: &graphdef.GraphDef{}}}}
	require.NoError(t, graphdef.Write(filepath.Join(dir, graphdef.SavedModelFile), sm, nil))
	extra := filepath.Join(dir, "assets.extra")
	require.NoError(t, os.WriteFile(extra, []byte("one"), 0o644))
	require.NoError(t, modeldir.WriteManifest(context.Background(), dir))
	faults := func() (texts []string) {
		require.NoError(t, verify.Path(context.Background(), dir, nil, func(i *verify.Item) error {
			for _, f := range i.Faults {
				texts = append(texts, f.Err.Error())
			}
			return nil
		}))
		return texts
	}
	before := faults()
	require.NoError(t, os.WriteFile(extra, []byte("two"), 0o644))
	assert.Equal(t, append(before, "it differs from its manifest: the content of assets.extra has changed"), faults())
}
