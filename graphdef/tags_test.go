package graphdef_test

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/tfkeep/tfkeep/graphdef"
)

func TestGraphsAreFoundByExactlyTheirTags(t *testing.T) {
	graph := func(tags ...string) *graphdef.MetaGraphDef {
		return &graphdef.MetaGraphDef{MetaInfoDef: &for_core_protos_go_proto.MetaGraphDef_MetaInfoDef{Tags: tags}}
	}
	train, serve, untagged := graph("train"), graph("serve", "gpu"), graph()
	sm := &graphdef.SavedModel{MetaGraphs: []*graphdef.MetaGraphDef{train, serve}}

	assert.Same(t, train, graphdef.Tagged(sm, []string{"train"}))
	assert.Same(t, serve, graphdef.Tagged(sm, []string{"gpu", "serve", "gpu"}), "their order and number don't count")
	assert.Nil(t, graphdef.Tagged(sm, []string{"serve"}), "a part of the tags is not enough")
	assert.Nil(t, graphdef.Tagged(sm, []string{"gpu, serve"}), "nor is one that looks like two")
	assert.Nil(t, graphdef.Tagged(sm, nil))
	assert.Nil(t, graphdef.Tagged(nil, []string{"serve"}))
	assert.Equal(t, []string{"{train}", "{gpu, serve}"}, graphdef.TagSets(sm))

	sm.MetaGraphs = append(sm.MetaGraphs, untagged)
	assert.Same(t, untagged, graphdef.Tagged(sm, nil))
}
