package freeze_test

import (
	_ "embed"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/freeze"
	"github.com/tfkeep/tfkeep/internal/test/oracle"
)

//go:embed testdata/exports.py
var exports string

// exported is a SavedModel of TensorFlow 2, and what became of it.
type exported struct {
	Name, Dir, Error string
	Outputs          []string
}

// Every value has to be in its own variable: all have different ones, and TensorFlow's
// loader computes the same outputs.
func TestExportsEqualTensorFlowsLoader(t *testing.T) {
	t.Parallel()
	var models []exported
	oracle.RunEager(t, exports+"\nresult = write(args[0])\n", t.TempDir()).Decode(t, &models)
	var frozen []exported
	var dirs []string
	refused := map[string]string{}
	for _, m := range models {
		if !assert.Empty(t, m.Error, m.Name) {
			continue
		}
		err := freezeExport(t, m)
		if err != nil {
			refused[m.Name] = err.Error()
			continue
		}
		frozen, dirs = append(frozen, m), append(dirs, m.Dir)
	}
	var results []struct {
		Error string
		Worst float64
	}
	oracle.RunEager(t, exports+"\nresult = run(args[0])\n", dirs).Decode(t, &results)
	equal, different := 0, 0
	for i, r := range results {
		switch {
		case r.Error != "":
			refused[frozen[i].Name] = "it does not run: " + r.Error
		case r.Worst > 1e-5:
			different++
			t.Errorf("%s: the outputs differ by %g", frozen[i].Name, r.Worst)
		default:
			equal++
		}
	}
	for name, why := range refused {
		t.Errorf("%s: %s", name, strings.ReplaceAll(why, "\n", " "))
	}
	t.Logf("%d exports: %d equal, %d refused, %d different", len(models), equal, len(refused), different)
	assert.Len(t, models, 62)
	assert.GreaterOrEqual(t, equal, 58)
	assert.Zero(t, different)
}

func freezeExport(t *testing.T, m exported) error {
	t.Helper()
	plan, err := freeze.FromSavedModel(t.Context(), m.Dir, &freeze.Options{Outputs: m.Outputs, EmbedTables: true})
	if err != nil {
		return err
	}
	defer plan.Close()
	return plan.WriteFile(t.Context(), filepath.Join(m.Dir, "frozen.pb"), nil)
}
