package savedmodel_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/internal/test/oracle"
	"github.com/tfkeep/tfkeep/saver"
	"github.com/tfkeep/tfkeep/tf"
)

// The default limits of an import refuse no training: recurrent nets, attention, detection,
// large vocabularies, pipelines of images and text. It tries all of testdata/trainings.py if
// TFKEEP_TRAININGS is set.
func TestSoundTrainingsImport(t *testing.T) {
	root := t.TempDir()
	some := []string{"rnn_lstm_constant", "rnn_gru_unknown", "rnn_lengths_fed", "library_rnn_fed", "accumulate_rows", "bucket_one_hot", "case", "computed_constants", "conditional",
		"conv_constant", "large_initializers", "multi_hot", "patches", "positional", "ragged", "random_ops", "resize_constant", "roi_align",
		"scatter_dense", "segments", "space_batch", "sparse_matmul", "tensor_arrays", "text_constants"}
	if os.Getenv("TFKEEP_TRAININGS") != "" {
		some = nil
	}
	script, err := os.ReadFile("testdata/trainings.py")
	require.NoError(t, err)
	var made struct {
		Made   []string
		Broken map[string]string
	}
	oracle.Run(t, string(script), root, some).Decode(t, &made)
	require.Empty(t, made.Broken)
	require.GreaterOrEqual(t, len(made.Made), len(some))
	files, err := filepath.Glob(filepath.Join(root, "*.meta"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	// TensorFlow computes these constants while it imports the graph; the error names the ops.
	allow := map[string][]string{"ragged.meta": {"RaggedRange", "RaggedTensorToTensor"}, "space_batch.meta": {"SpaceToBatchND", "SpaceToDepth", "DepthToSpace"}}
	for _, path := range files {
		name := filepath.Base(path)
		s, err := saver.ImportMetaGraph(ctx, tf.NewGraph(), path, &tf.ImportMetaGraphOptions{AllowOps: allow[name]})
		if assert.NoError(t, err, name) {
			assert.NoError(t, s.Close())
		}
	}
}
