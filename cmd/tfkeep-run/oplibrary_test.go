package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/cmd/internal/cli"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

func TestRunLoadsLibraryOfOps(t *testing.T) {
	library, dir := tftest.OpLibrary(t), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "saved_model.pbtxt"), []byte(`
saved_model_schema_version: 1
meta_graphs {
  meta_info_def { tags: "serve" }
  graph_def {
    node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
    node { name: "y" op: "TfkeepTriple" input: "x" }
  }
  signature_def { key: "serving_default" value {
    inputs { key: "x" value { name: "x:0" dtype: DT_FLOAT tensor_shape { unknown_rank: true } } }
    outputs { key: "y" value { name: "y:0" dtype: DT_FLOAT tensor_shape { unknown_rank: true } } }
    method_name: "tensorflow/serving/predict" } }
}`), 0o644))
	code, _, errs := tfkeepRun(t, "", dir, "--input", "x=[1,2]")
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, errs, "needs ops of another library: TfkeepTriple")
	assert.Contains(t, errs, "--op_library")

	code, out, errs := tfkeepRun(t, "", dir, "--input", "x=[1,2]", "--op_library", library)
	require.Zero(t, code, errs)
	assert.Equal(t, "Result for output key y:\n[3. 6.]\n", out)

	code, _, errs = tfkeepRun(t, "", dir, "--input", "x=[1,2]", "--op_library", filepath.Join(dir, "gone.so"))
	assert.Equal(t, cli.ExitFailed, code)
	assert.Contains(t, errs, "gone.so")
}
