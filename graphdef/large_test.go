package graphdef_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
)

func TestReadRefusesMoreThanTwoGiB(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		read func(path string) error
	}{
		{"graph.pb", func(path string) error { _, err := graphdef.ReadGraphDef(path); return err }},
		{"graph.pbtxt", func(path string) error { _, err := graphdef.ReadGraphDef(path); return err }},
		{"model.meta", func(path string) error { _, err := graphdef.ReadMetaGraphDef(path, nil); return err }},
		{"saved_model.pb", func(path string) error { _, err := graphdef.ReadSavedModel(filepath.Dir(path)); return err }},
		{"any", func(path string) error { _, err := graphdef.Read(path); return err }},
	} {
		path := filepath.Join(dir, c.name)
		f, err := os.Create(path)
		require.NoError(t, err)
		require.NoError(t, f.Truncate(3<<30)) // a hole: it takes no disk
		require.NoError(t, f.Close())
		err = c.read(path)
		require.ErrorIs(t, err, tfkeep.ErrTooLarge, c.name)
		for _, part := range []string{path, "3221225472 bytes", "2 GiB", "in a checkpoint beside the graph"} {
			assert.ErrorContains(t, err, part)
		}
	}
}
