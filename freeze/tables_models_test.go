package freeze_test

import (
	_ "embed"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

//go:embed testdata/tables.py
var tableModels string

type tableModel struct {
	Name string `json:"name"`
	Dir  string `json:"dir"`
	X    string `json:"x"`
	Y    string `json:"y"`
	Want string `json:"want"`
}

// Each model's files on the training machine have been rewritten: the model's own count.
func TestEmbeddedTablesEqualTensorFlowsLoader(t *testing.T) {
	t.Parallel()
	var models, frozen []tableModel
	oracle.RunEager(t, tableModels+"\nresult = write(args[0])\n", t.TempDir()).Decode(t, &models)
	refusals := map[string]string{"writes": "it changes a lookup table", "v1_mutable": "init op changes a lookup table"}
	for _, m := range models {
		o := &freeze.Options{Outputs: []string{m.Y}, EmbedTables: true}
		plan, err := freeze.FromSavedModel(t.Context(), filepath.Join(m.Dir, "model"), o)
		if says := refusals[m.Name]; says != "" {
			require.ErrorIs(t, err, tfkeep.ErrUnsupported, m.Name)
			assert.ErrorContains(t, err, says, m.Name)
			continue
		}
		if !assert.NoError(t, err, m.Name) {
			continue
		}
		require.NoError(t, plan.WriteFile(t.Context(), filepath.Join(m.Dir, "frozen.pb"), nil))
		require.NoError(t, plan.Close())
		frozen = append(frozen, m)
	}
	var got []string
	oracle.RunEager(t, tableModels+"\nresult = run(args[0])\n", frozen).Decode(t, &got)
	for i, m := range frozen {
		assert.Equal(t, m.Want, got[i], m.Name)
	}
	for _, m := range models {
		if m.Name == "mutable" || m.Name == "dense" || m.Name == "vectors" {
			_, err := freeze.FromSavedModel(t.Context(), filepath.Join(m.Dir, "model"), &freeze.Options{Outputs: []string{m.Y}})
			require.ErrorIs(t, err, tfkeep.ErrUnsupported, m.Name)
			assert.ErrorContains(t, err, "--embed_tables", m.Name)
		}
		if m.Name == "static_file" {
			checkBadFiles(t, m)
		}
	}
	assert.GreaterOrEqual(t, len(frozen), 18)
}

// checkBadFiles changes the file of a model, which then cannot be frozen.
func checkBadFiles(t *testing.T, m tableModel) {
	t.Helper()
	asset := filepath.Join(m.Dir, "model", "assets", "words.txt")
	elsewhere := filepath.Join(m.Dir, "moved.txt")
	for _, c := range []struct {
		name   string
		change func() error
		says   string
	}{
		{"missing", func() error { return os.Rename(asset, elsewhere) }, "no such file"},
		{"a link", func() error { return os.Symlink(elsewhere, asset) }, "not a regular file"},
		{"a folder", func() error { return os.Mkdir(asset, 0o755) }, "not a regular file"},
		{"too large", func() error {
			if err := os.WriteFile(asset, nil, 0o644); err != nil {
				return err
			}
			return os.Truncate(asset, 1<<30+1)
		}, "1073741825 bytes"},
	} {
		require.NoError(t, c.change(), c.name)
		_, err := freeze.FromSavedModel(t.Context(), filepath.Join(m.Dir, "model"), &freeze.Options{Outputs: []string{m.Y}, EmbedTables: true})
		require.ErrorIs(t, err, tfkeep.ErrUnsupported, c.name)
		assert.ErrorContains(t, err, c.says, c.name)
		assert.ErrorContains(t, err, "InitializeTableFromTextFileV2", "the error names the node")
		assert.ErrorContains(t, err, asset, c.name)
		_ = os.Remove(asset)
	}
}
