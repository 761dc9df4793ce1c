package summary_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/signature"
	"github.com/tfkeep/tfkeep/graphdef/summary"
)

func TestSparseInputShowsItsTensors(t *testing.T) {
	t.Parallel()
	sig := signature.New(map[string]*graphdef.TensorInfo{
		"s": signature.Sparse("v:0", "i:0", "d:0", dtype.Float8E5M2, []int64{3, 4}),
	}, nil, "m")
	mg := &graphdef.MetaGraphDef{GraphDef: &graphdef.GraphDef{Node: []*graphdef.NodeDef{
		{Name: "x", Op: "Placeholder"}, {Name: "y", Op: "Neg", Input: []string{"x"}},
		{Name: "assert", Op: "Assert"}, {Name: "enqueue", Op: "QueueEnqueueV2"}, {Name: "close", Op: "QueueCloseV2"},
		{Name: "init", Op: "NoOp"}, {Name: "w/Assign", Op: "AssignVariableOp"}, {Name: "save/SaveV2", Op: "SaveV2"},
	}}, SignatureDef: map[string]*graphdef.SignatureDef{"k": sig}}
	s := summary.Of(mg, nil).MetaGraphs[0]
	require.Len(t, s.Signatures[0].Inputs, 1)
	assert.Equal(t, summary.Tensor{Op: "s", DType: "DT_FLOAT8_E5M2", Shape: []int64{3, 4}, Parts: []string{"v:0", "i:0", "d:0"}}, s.Signatures[0].Inputs[0])
	require.Len(t, s.Graph.Outputs, 1, "sinks are no outputs")
	assert.Equal(t, "y", s.Graph.Outputs[0].Name)
}
