package check_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/internal/test/tftest"
)

// stricter are the meta graphs that TensorFlow imports and check refuses; the doc of
// check.MetaGraph says why.
var stricter = map[string]bool{
	"collection of ref:-1": true, "collection of ref: 0": true, "collection of ref:+0": true, "collection of ref:00": true,
	"ref:0 variable_name an operation":      true,
	"ref:0 initial_value_name an operation": true, "res:0 initial_value_name an operation": true,
	"ref:0 snapshot_name an operation": true, "ref:0 initializer_name another tensor": true, "res:0 initializer_name another tensor": true,
	"res:0 variable_name another tensor": true, "resource said to be ref": true,
	"SaverDef's filename_tensor_name empty": true, "SaverDef's filename_tensor_name gone": true, "SaverDef's save_tensor_name gone": true, "SaverDef's restore_op_name gone": true,
}

// inferred are the meta graphs that only shape inference finds to be damaged.
var inferred = map[string]bool{
	"_output_shapes that do not fit": true, "a shape of dimension -1": true, "a shape that the shape function refuses": true,
}

func TestMetaGraphAgreesWithTensorFlow(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, odd := range tftest.OddMetaGraphs(t) {
		seen[odd.Name] = true
		err := check.MetaGraph(odd.MetaGraph(t), nil)
		refused := odd.Error != "" && !inferred[odd.Name] || stricter[odd.Name]
		if !refused {
			assert.NoError(t, err, "%s: TensorFlow says %q", odd.Name, odd.Error)
			continue
		}
		var faults *check.Error
		if assert.ErrorAs(t, err, &faults, "%s: TensorFlow says %q", odd.Name, odd.Error) {
			kind := tfkeep.ErrCorrupt
			if odd.Name == "an op that nobody knows" {
				kind = tfkeep.ErrUnsupported
			}
			assert.ErrorIs(t, err, kind, odd.Name)
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(stricter)), slices.Collect(maps.Keys(inferred))) {
		require.True(t, seen[name], "no meta graph is called %s", name)
	}
}

func TestMetaGraphNamesCollectionAndNode(t *testing.T) {
	t.Parallel()
	mg, err := graphdef.ParseMetaGraphDef([]byte(`collection_def { key: "losses" value { node_list { value: "gone:0" } } }`))
	require.NoError(t, err)
	assert.EqualError(t, check.MetaGraph(mg, nil), `check graph: 1 fault: collection "losses": an item names "gone:0", but the graph has no node "gone"`)
}
