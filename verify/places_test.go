package verify_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
	"github.com/tfkeep/tfkeep/verify"
)

func reportsOf(t *testing.T, path string) map[string]*verify.Report {
	t.Helper()
	all := map[string]*verify.Report{}
	for report, err := range verify.Path(t.Context(), path, nil) {
		require.NoError(t, err)
		all[report.Path] = report
	}
	return all
}

// TestVerifyPrefixWithSlash checks the checkpoint without a name, by each of its names.
func TestVerifyPrefixWithSlash(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "run1")
	tftest.WriteCheckpoint(t, folder+"/", nil, []checkpoint.Tensor{{Name: "v", DType: dtype.Int8, Data: []byte{1}}})
	put := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
	}
	put("checkpoint", `model_checkpoint_path: "."`)
	put("checkpoint.tfkeep-lock", `{"owner":"process 7"}`)
	put("empty.tfkeep-lock", "")
	for _, path := range []string{folder, folder + "/", folder + "/.index"} {
		all := reportsOf(t, path)
		require.Contains(t, all, folder+"/", path)
		for _, report := range all {
			assert.Empty(t, report.Faults, "%s: %s", path, report.Path)
		}
	}
	put("checkpoint.tfkeep-lock", `{"writing":{"path":"m"}}`)
	put("other.tfkeep-lock", `{"remove":[{"path":"m"}]}`)
	all := reportsOf(t, folder)
	assert.Len(t, all[filepath.Join(folder, "checkpoint.tfkeep-lock")].Faults, 1)
	assert.Len(t, all[filepath.Join(folder, "other.tfkeep-lock")].Faults, 1)
}

// TestVerifyFileJudgesThatFile does not look at the model beside the file.
func TestVerifyFileJudgesThatFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "saved_model.pb"), []byte{0xff}, 0o644))
	marker := filepath.Join(folder, "tfhub_module.pb")
	require.NoError(t, os.WriteFile(marker, []byte{8, 3}, 0o644))
	for _, err := range verify.Path(t.Context(), marker, nil) {
		require.ErrorIs(t, err, tfkeep.ErrNotFound)
		assert.ErrorContains(t, err, marker)
	}
}
