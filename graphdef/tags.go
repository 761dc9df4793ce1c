package graphdef

import (
	"slices"
	"strings"
)

// TagSet writes the tags of a SavedModel's graph as "{gpu, serve}": sorted, each
// once, so that it is the same for two lists that hold the same tags.
func TagSet(tags []string) string {
	return "{" + strings.Join(distinct(tags), ", ") + "}"
}

// Tagged finds the graph of a SavedModel that has exactly the given tags, in any
// order; it is nil where there is none.
func Tagged(sm *SavedModel, tags []string) *MetaGraphDef {
	want := distinct(tags)
	for _, mg := range sm.GetMetaGraphs() {
		if slices.Equal(distinct(mg.GetMetaInfoDef().GetTags()), want) {
			return mg
		}
	}
	return nil
}

// TagSets are the tag sets of a SavedModel's graphs, in the order of the file.
func TagSets(sm *SavedModel) []string {
	var sets []string
	for _, mg := range sm.GetMetaGraphs() {
		sets = append(sets, TagSet(mg.GetMetaInfoDef().GetTags()))
	}
	return sets
}

func distinct(tags []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(tags)))
}
