package checkpoint_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/filenames"
)

// TestWrongFileIsCalledWhatItIs opens and verifies files that are no checkpoint.
func TestWrongFileIsCalledWhatItIs(t *testing.T) {
	t.Parallel()
	const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n"
	for _, c := range []struct{ name, file, content, says string }{
		{"LFS index", "m.index", pointer, "git lfs pull"},
		{"LFS V1 file", "m", pointer, "git lfs pull"},
		{"HDF5", "m", "\x89HDF\r\n\x1a\n\x00\x00", "HDF5"},
		{"state file", "checkpoint", "model_checkpoint_path: \"m\"\r\n", "state file"},
		{"zip", "m", "PK\x03\x04\x00", "zip archive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), c.file)
			require.NoError(t, os.WriteFile(path, []byte(c.content), 0o666))
			_, err := checkpoint.Open(t.Context(), path, nil)
			require.ErrorIs(t, err, tfkeep.ErrCorrupt)
			assert.ErrorContains(t, err, c.says)
			report, err := checkpoint.Verify(t.Context(), path, nil)
			require.NoError(t, err)
			require.NotEmpty(t, report.Faults)
			assert.ErrorContains(t, report.Faults[0].Err, c.says)
		})
	}
	prefix := filepath.Join(t.TempDir(), "m")
	w, err := checkpoint.Create(t.Context(), prefix, nil)
	require.NoError(t, err)
	require.NoError(t, w.Add(t.Context(), checkpoint.Tensor{Name: "v", DType: dtype.Float32, Shape: []int64{100}, Data: make([]byte, 400)}))
	require.NoError(t, w.Commit(t.Context()))
	require.NoError(t, os.WriteFile(filenames.Data(prefix, 0, 1), []byte(pointer), 0o666))
	r, err := checkpoint.Open(t.Context(), prefix, nil)
	require.NoError(t, err)
	defer r.Close()
	_, err = r.ReadBytes(t.Context(), "v", nil)
	assert.ErrorContains(t, err, "git lfs pull")
}
