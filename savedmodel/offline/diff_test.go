package offline_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/savedmodel/offline"
)

func TestDiffOfEqualModels(t *testing.T) {
	t.Parallel()
	sm := model(t, twoGraphs)
	assert.Empty(t, offline.Diff(sm, proto.Clone(sm).(*graphdef.SavedModel)))
	assert.Empty(t, offline.Diff(nil, nil))
	nan := `meta_graphs { graph_def { node { name: "n" op: "Const" attr { key: "value" value { f: nan } } } } }`
	assert.Empty(t, offline.Diff(model(t, nan), model(t, nan)), "a NaN equals itself")
	swapped := proto.Clone(sm).(*graphdef.SavedModel)
	swapped.MetaGraphs[0], swapped.MetaGraphs[1] = swapped.MetaGraphs[1], swapped.MetaGraphs[0]
	assert.Empty(t, offline.Diff(sm, swapped), "the order of graphs does not matter")
}

func TestDiffListsEveryDifference(t *testing.T) {
	t.Parallel()
	a := model(t, `
		meta_graphs { meta_info_def { tags: "only a" } graph_def { node { name: "n" op: "NoOp" } } }
		meta_graphs { meta_info_def { tags: "serve" }
			graph_def { node { name: "gone" op: "NoOp" } node { name: "n" op: "Neg" }
				library { function { signature { name: "f" } node_def { name: "m" op: "A" } } } versions { producer: 1 } }
			collection_def { key: "c" value { int64_list { value: 1 } } }
			signature_def { key: "changed" value { inputs { key: "x" value { name: "x:0" } } outputs { key: "y" value { name: "y:0" } } } }
			signature_def { key: "gone" value { outputs { key: "y" value { name: "y:0" } } } } }`)
	b := model(t, `
		meta_graphs { meta_info_def { tags: "only b" } graph_def { node { name: "n" op: "NoOp" } } }
		meta_graphs { meta_info_def { tags: "serve" }
			graph_def { node { name: "n" op: "Abs" } library { function { signature { name: "f" } node_def { name: "m" op: "B" } } } versions { producer: 2 } }
			collection_def { key: "c" value { int64_list { value: 1 value: 2 } } }
			signature_def { key: "changed" value { inputs { key: "x" value { name: "other:0" } } outputs { key: "y" value { name: "y:0" } } } }
			signature_def { key: "new" value { inputs { key: "z" value { name: "z:0" } } } } }`)
	assert.Equal(t, []offline.Difference{
		{What: "graph", A: "{only a}"},
		{What: "graph", B: "{only b}"},
		{Tags: "{serve}", What: "signature changed", A: "[x] → [y] (differs within)", B: "[x] → [y] (differs within)"},
		{Tags: "{serve}", What: "signature gone", A: "[] → [y]"},
		{Tags: "{serve}", What: "signature new", B: "[z] → []"},
		{Tags: "{serve}", What: "collection c", A: "1 items", B: "2 items"},
		{Tags: "{serve}", What: "graph, versions", A: "producer: 1", B: "producer: 2"},
		{Tags: "{serve}", What: "node gone", A: "NoOp"},
		{Tags: "{serve}", What: "node n, op", A: "Neg", B: "Abs"},
		{Tags: "{serve}", What: "node m of function f, op", A: "A", B: "B"},
	}, offline.Diff(a, b))
}
