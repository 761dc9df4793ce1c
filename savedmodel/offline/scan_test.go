package offline_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tfkeep/tfkeep/savedmodel/offline"
)

func TestScanFindsOpsInGraphsAndFunctions(t *testing.T) {
	t.Parallel()
	sm := model(t, `
		meta_graphs { meta_info_def { tags: "serve" } graph_def { node { name: "a" op: "ReadFile" } node { name: "b" op: "NoOp" }
			library { function { signature { name: "f" } node_def { name: "c" op: "PrintV2" } } } } }
		meta_graphs { meta_info_def { tags: "train" } graph_def { node { name: "d" op: "WriteFile" } } }`)
	assert.Equal(t, []offline.Finding{
		{Tags: []string{"serve"}, Node: "a", Op: "ReadFile"},
		{Tags: []string{"serve"}, Function: "f", Node: "c", Op: "PrintV2"},
		{Tags: []string{"train"}, Node: "d", Op: "WriteFile"},
	}, offline.Scan(sm, nil))
	assert.Equal(t, []offline.Finding{{Tags: []string{"serve"}, Node: "b", Op: "NoOp"}}, offline.Scan(sm, []string{"NoOp"}))
	assert.Empty(t, offline.Scan(sm, []string{}), "an empty list denies nothing")
	assert.Empty(t, offline.Scan(nil, nil))
}

func TestDefaultDenylistIsACopy(t *testing.T) {
	t.Parallel()
	offline.DefaultDenylist()[0] = "changed"
	assert.Equal(t, []string{"ReadFile", "WriteFile", "PrintV2"}, offline.DefaultDenylist())
}
