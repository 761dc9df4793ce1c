package graphdef_test

import (
	"testing"

	"github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/graphdef"
)

func TestFindMetaGraphMatchesTagsExactly(t *testing.T) {
	t.Parallel()
	graph := func(tags ...string) *graphdef.MetaGraphDef {
		return &graphdef.MetaGraphDef{MetaInfoDef: &for_core_protos_go_proto.MetaGraphDef_MetaInfoDef{Tags: tags}}
	}
	train, serve, untagged := graph("train"), graph("serve", "gpu"), graph()
	sm := &graphdef.SavedModel{MetaGraphs: []*graphdef.MetaGraphDef{train, serve}}

	find := func(tags ...string) *graphdef.MetaGraphDef {
		mg, err := graphdef.FindMetaGraph(sm, tags)
		if err != nil {
			require.ErrorIs(t, err, tfkeep.ErrNotFound)
			assert.ErrorContains(t, err, "{train}, {gpu, serve}")
		}
		return mg
	}
	assert.Same(t, train, find("train"))
	assert.Same(t, serve, find("gpu", "serve", "gpu"), "their order and number don't count")
	assert.Nil(t, find("serve"), "a part of the tags is not enough")
	assert.Nil(t, find("gpu, serve"), "nor is one that looks like two")
	assert.Nil(t, find())
	only := graph("serve")
	sm.MetaGraphs = append(sm.MetaGraphs, only)
	assert.Same(t, only, find(), "of several graphs that for serving")
	sm.MetaGraphs = sm.MetaGraphs[:2]
	_, err := graphdef.FindMetaGraph(nil, []string{"serve"})
	assert.ErrorContains(t, err, "no graphs")

	sm.MetaGraphs = append(sm.MetaGraphs, untagged)
	assert.Same(t, untagged, find(), "no tags are exactly those of the untagged graph")
	sm.MetaGraphs = sm.MetaGraphs[:1]
	assert.Same(t, train, find(), "without tags the only graph is meant")
}
