package offline

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/diff"
	"github.com/tfkeep/tfkeep/internal/collectiondef"
	"github.com/tfkeep/tfkeep/internal/modeldir"
)

// Difference is one way in which two models differ.
type Difference struct {
	Tags string // of the graphs, "{serve}"; "" for the model as a whole
	What string // "signature serving_default", "node y", …
	A, B string // what the first and the second model have, "" for nothing
}

// Diff compares the graphs, signatures and collections of two models. Their variables are
// checkpoints, which package checkpoint/diff compares.
func Diff(a, b *graphdef.SavedModel) []Difference {
	inA, inB := byTags(a), byTags(b)
	var found []Difference
	for _, tags := range sortedKeys(inA, inB) {
		switch {
		case inB[tags] == nil:
			found = append(found, Difference{What: "graph", A: tags})
		case inA[tags] == nil:
			found = append(found, Difference{What: "graph", B: tags})
		default:
			found = append(found, diffGraphs(tags, inA[tags], inB[tags])...)
		}
	}
	return found
}

func byTags(sm *graphdef.SavedModel) map[string]*graphdef.MetaGraphDef {
	m := map[string]*graphdef.MetaGraphDef{}
	for _, mg := range sm.GetMetaGraphs() {
		m[modeldir.TagSet(mg.GetMetaInfoDef().GetTags())] = mg
	}
	return m
}

// sortedKeys returns the keys of both maps, each once.
func sortedKeys[V any](a, b map[string]V) []string {
	return slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for _, m := range []map[string]V{a, b} {
			for key := range m {
				if !yield(key) {
					return
				}
			}
		}
	}))
}

func diffGraphs(tags string, a, b *graphdef.MetaGraphDef) []Difference {
	found := diffSignatures(tags, a.SignatureDef, b.SignatureDef)
	for _, key := range sortedKeys(a.CollectionDef, b.CollectionDef) {
		if na, nb := collectiondef.Len(a.CollectionDef[key]), collectiondef.Len(b.CollectionDef[key]); na != nb {
			found = append(found, Difference{Tags: tags, What: "collection " + key, A: fmt.Sprintf("%d items", na), B: fmt.Sprintf("%d items", nb)})
		}
	}
	for _, d := range diff.Graphs(a.GetGraphDef(), b.GetGraphDef(), &diff.Options{NaNEqual: true}) {
		what := "graph"
		if d.Node != "" {
			what = "node " + d.Node
		}
		if d.Function != "" {
			what += " of function " + d.Function
		}
		if d.What != "" {
			what += ", " + d.What
		}
		found = append(found, Difference{Tags: tags, What: what, A: d.A, B: d.B})
	}
	return found
}

func diffSignatures(tags string, a, b map[string]*graphdef.SignatureDef) []Difference {
	var found []Difference
	for _, key := range sortedKeys(a, b) {
		if proto.Equal(a[key], b[key]) {
			continue
		}
		d := Difference{Tags: tags, What: "signature " + key, A: signatureText(a[key]), B: signatureText(b[key])}
		if d.A == d.B { // the names are the same, so it is a tensor, a type, a shape or the method
			d.A, d.B = d.A+" (differs within)", d.B+" (differs within)"
		}
		found = append(found, d)
	}
	return found
}

func signatureText(s *graphdef.SignatureDef) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%v → %v", slices.Sorted(maps.Keys(s.Inputs)), slices.Sorted(maps.Keys(s.Outputs)))
}
