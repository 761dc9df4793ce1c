package verify_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/verify"
)

func TestLimitsOfOptions(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "g.pbtxt")
	require.NoError(t, os.WriteFile(path, []byte(`
node { name: "a" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "b" op: "Neg" input: "a" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "c" op: "Neg" input: "b" attr { key: "T" value { type: DT_FLOAT } } }
versions { producer: 2474 }`), 0o600))
	for _, limits := range []*check.Limits{nil, {Depth: 1}} {
		for r, err := range verify.Path(t.Context(), path, &verify.Options{Limits: limits}) {
			require.NoError(t, err)
			assert.Equal(t, limits == nil, r.OK(), r.Faults)
		}
	}
}
