package graphdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// FindMetaGraph returns the graph of a SavedModel that has exactly the given tags, in any
// order. If no tags are given, it returns the only graph, or else the graph without tags.
// If there is no such graph, the error is a tfkeep.ErrNotFound that lists the tags of all
// graphs.
func FindMetaGraph(sm *SavedModel, tags []string) (*MetaGraphDef, error) {
	if graphs := sm.GetMetaGraphs(); len(tags) == 0 && len(graphs) == 1 {
		return graphs[0], nil
	}
	want := modeldir.DistinctTags(tags)
	var sets []string
	for _, mg := range sm.GetMetaGraphs() {
		if slices.Equal(modeldir.DistinctTags(mg.GetMetaInfoDef().GetTags()), want) {
			return mg, nil
		}
		sets = append(sets, modeldir.TagSet(mg.GetMetaInfoDef().GetTags()))
	}
	have := "the SavedModel has no graphs"
	if len(sets) > 0 {
		have = "the SavedModel has " + strings.Join(sets, ", ")
	}
	return nil, &tfkeep.Error{Op: "find graph", Err: tfkeep.ErrNotFound,
		Detail: fmt.Sprintf("no graph with exactly the tags %s; %s", modeldir.TagSet(tags), have)}
}
