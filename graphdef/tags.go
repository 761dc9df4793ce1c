package graphdef

import (
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// FindMetaGraph returns the graph of a SavedModel that has exactly the given tags, in any
// order. Without tags it returns the only graph; of several, the one without tags, or else
// the one with the tag "serve" alone. Everything that reads a SavedModel by tags follows this
// rule. If there is no such graph, the error is a tfkeep.ErrNotFound that lists the tags of
// all graphs.
func FindMetaGraph(sm *SavedModel, tags []string) (*MetaGraphDef, error) {
	if graphs := sm.GetMetaGraphs(); len(tags) == 0 && len(graphs) == 1 {
		return graphs[0], nil
	}
	if mg := taggedExactly(sm, tags); mg != nil {
		return mg, nil
	}
	what := "no graph with exactly the tags " + modeldir.TagSet(tags)
	if len(tags) == 0 {
		if mg := taggedExactly(sm, []string{modeldir.ServingTag}); mg != nil {
			return mg, nil
		}
		what = "no tags are given, and no graph is without tags or has only the tag " + modeldir.ServingTag
	}
	var sets []string
	for _, mg := range sm.GetMetaGraphs() {
		sets = append(sets, modeldir.TagSet(mg.GetMetaInfoDef().GetTags()))
	}
	have := "the SavedModel has no graphs"
	if len(sets) > 0 {
		have = "the SavedModel has " + strings.Join(sets, ", ")
	}
	return nil, &tfkeep.Error{Op: "find graph", Err: tfkeep.ErrNotFound, Detail: what + "; " + have}
}

func taggedExactly(sm *SavedModel, tags []string) *MetaGraphDef {
	want := modeldir.DistinctTags(tags)
	for _, mg := range sm.GetMetaGraphs() {
		if slices.Equal(modeldir.DistinctTags(mg.GetMetaInfoDef().GetTags()), want) {
			return mg
		}
	}
	return nil
}
