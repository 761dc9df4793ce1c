package freeze_test

import (
	_ "embed"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

//go:embed testdata/vocabularies.py
var vocabularies string

// stricter are files that TensorFlow takes and freezing refuses.
var stricter = []string{"float32 of 'nan(1)'", "float64 of 'nan(1)'"}

// Each file fills the table of the frozen graph as TensorFlow's initializer does, or is
// refused by both.
func TestVocabulariesEqualTensorFlow(t *testing.T) {
	t.Parallel()
	type vocabulary struct {
		Name, Dir, Refused string
		Entries            [][]string
	}
	var cases []vocabulary
	oracle.Run(t, vocabularies+"\nresult = write(args[0])\n", t.TempDir()).Decode(t, &cases)
	var frozen []vocabulary
	var dirs []string
	for _, c := range cases {
		def, err := graphdef.ReadGraphDef(filepath.Join(c.Dir, "graph.pb"))
		if err != nil {
			require.NotEmpty(t, c.Refused, c.Name) // TensorFlow cannot even build it
			continue
		}
		plan, err := freeze.New(t.Context(), def, nil, &freeze.Options{Outputs: []string{"export"}, EmbedTables: true})
		if err != nil {
			if c.Refused == "" {
				assert.Contains(t, stricter, c.Name, err)
			}
			assert.ErrorContains(t, err, "words.txt", c.Name)
			continue
		}
		if !assert.Empty(t, c.Refused, "%s: TensorFlow refuses it", c.Name) {
			continue
		}
		require.NoError(t, plan.WriteFile(t.Context(), filepath.Join(c.Dir, "frozen.pb"), nil))
		require.NoError(t, plan.Close())
		frozen, dirs = append(frozen, c), append(dirs, c.Dir)
	}
	var results []struct {
		Error   string
		Entries [][]string
	}
	oracle.Run(t, vocabularies+"\nresult = run(args[0])\n", dirs).Decode(t, &results)
	for i, r := range results {
		assert.Empty(t, r.Error, frozen[i].Name)
		assert.Equal(t, frozen[i].Entries, r.Entries, frozen[i].Name)
	}
	assert.GreaterOrEqual(t, len(cases), 250)
	t.Logf("%d files: %d frozen", len(cases), len(frozen))
}
