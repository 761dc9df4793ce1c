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

func TestVerifyTakesLimits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "graph.pbtxt")
	require.NoError(t, os.WriteFile(path, []byte(`node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value { tensor {
		dtype: DT_FLOAT tensor_shape { dim { size: 1073741824 } } float_val: 1 } } } }`), 0o600))
	faults := func(o *verify.Options) (all []error) {
		for r, err := range verify.Path(t.Context(), path, o) {
			require.NoError(t, err)
			for _, f := range r.Faults {
				all = append(all, f.Err)
			}
		}
		return all
	}
	if got := faults(nil); assert.Len(t, got, 1) {
		assert.ErrorContains(t, got[0], "Limits.Bytes")
	}
	assert.Empty(t, faults(&verify.Options{Limits: &check.Limits{Bytes: 8 << 30}}))
}
