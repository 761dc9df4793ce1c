package verify_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/verify"
)

// TestLeftoversOfSavesAreTold finds what other saves left beside a checkpoint.
func TestLeftoversOfSavesAreTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := checkpoint.Create(t.Context(), filepath.Join(dir, "m"), nil)
	require.NoError(t, err)
	require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: "v", DType: dtype.Int8, Data: []byte{1}}))
	require.NoError(t, w.Commit(t.Context()))
	put := func(name string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o666))
	}
	put("m.data-00001-of-00003")
	put("m_temp/part-00000-of-00002.index")
	put("m_temp/part-00000-of-00002.data-00000-of-00001")
	put("my_temp/notes.txt")
	found := map[string]string{}
	for report, err := range verify.Path(t.Context(), dir, nil) {
		require.NoError(t, err)
		if report.Kind == verify.Leftover {
			found[filepath.Base(report.Path)] = report.Faults[0].Err.Error()
		}
	}
	assert.Len(t, found, 2)
	assert.Contains(t, found["m.data-00001-of-00003"], "its checkpoint has 1 data files, this is one of 3")
	assert.Contains(t, found["m_temp"], "the folder of a save that did not finish")
}

func TestWorkersVerifyTheSame(t *testing.T) {
	t.Parallel()
	prefix := filepath.Join(t.TempDir(), "m")
	tftest.WriteCheckpoint(t, prefix, nil, []checkpoint.Tensor{{Name: "a", DType: dtype.Int8, Data: []byte{1}}, {Name: "b", DType: dtype.Int8, Data: []byte{2}}})
	for _, workers := range []int{1, 8} {
		for r, err := range verify.Path(t.Context(), prefix, &verify.Options{Workers: workers}) {
			require.NoError(t, err)
			assert.True(t, r.OK())
			assert.Equal(t, 2, r.Tensors)
		}
	}
}
