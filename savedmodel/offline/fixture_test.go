package offline_test

import (
	"encoding/binary"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// frozenText is a graph without variables: y = -x.
const frozenText = `
	node { name: "x" op: "Placeholder" device: "/gpu:0" attr { key: "dtype" value { type: DT_FLOAT } }
		attr { key: "shape" value { shape { dim { size: -1 } dim { size: 2 } } } } }
	node { name: "y" op: "Neg" input: "x" attr { key: "T" value { type: DT_FLOAT } } }
	node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
		attr { key: "value" value { tensor { dtype: DT_INT32 tensor_shape { dim { size: 3 } } int_val: 1 } } } }
	node { name: "s" op: "Split" input: "c" input: "x" attr { key: "T" value { type: DT_FLOAT } } attr { key: "num_split" value { i: 2 } }
		attr { key: "_output_shapes" value { list { shape { unknown_rank: true } shape { dim { size: 7 } } } } } }`

// names maps each name in a signature to the tensor of the same name.
func names(tensors ...string) map[string]string {
	m := map[string]string{}
	for _, t := range tensors {
		m[t] = t
	}
	return m
}

// model parses a SavedModel.
func model(t *testing.T, text string) *graphdef.SavedModel {
	t.Helper()
	sm, err := graphdef.ParseSavedModel([]byte(text))
	require.NoError(t, err)
	return sm
}

// twoGraphs is a model with the tags {serve} and {serve, gpu}.
const twoGraphs = `saved_model_schema_version: 1
	meta_graphs { meta_info_def { tags: "serve" } graph_def { ` + frozenText + ` }
		signature_def { key: "serving_default" value { method_name: "m" inputs { key: "x" value { name: "x:0" dtype: DT_FLOAT } } } }
		signature_def { key: "other" value { method_name: "m" } } }
	meta_graphs { meta_info_def { tags: "serve" tags: "gpu" } graph_def { node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_INT32 } } } } }`

// writeModel writes a SavedModel as a folder and returns its path.
func writeModel(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, graphdef.Write(filepath.Join(dir, modeldir.FilenamePB), model(t, text), nil))
	return dir
}

// writeCheckpoint writes a checkpoint of the variable w = [1, 2], in V1 or V2, and a meta
// graph with or without a saver beside it. It returns the prefix.
func writeCheckpoint(t *testing.T, version checkpoint.Version, saver *graphdef.SaverDef) string {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "model")
	data := binary.LittleEndian.AppendUint32(nil, math.Float32bits(1))
	data = binary.LittleEndian.AppendUint32(data, math.Float32bits(2))
	w := checkpoint.Tensor{Name: "w", DType: dtype.Float32, Shape: []int64{2}, Data: data}
	if version == checkpoint.V1 {
		out, err := checkpoint.Create(t.Context(), prefix, &checkpoint.WriterOptions{Version: checkpoint.V1})
		require.NoError(t, err)
		defer out.Close()
		require.NoError(t, out.Add(t.Context(), w))
		require.NoError(t, out.Commit(t.Context()))
	} else {
		out, err := checkpoint.Create(t.Context(), prefix, nil)
		require.NoError(t, err)
		defer out.Close()
		require.NoError(t, out.Add(t.Context(), w))
		require.NoError(t, out.Commit(t.Context()))
	}
	meta := &graphdef.MetaGraphDef{SaverDef: saver, GraphDef: tftest.ParseGraph(t, `
		node { name: "w" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape { dim { size: 2 } } } } }
		node { name: "y" op: "Identity" input: "w" attr { key: "T" value { type: DT_FLOAT } } }
		node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }`)}
	require.NoError(t, graphdef.Write(prefix+".meta", meta, nil))
	return prefix
}
