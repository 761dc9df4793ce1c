package offline

import (
	"fmt"
	"maps"
	"slices"
	"sort"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/diff"
)

// DefaultDenylist are the operations that saved_model_cli scan looks for: they
// read or write files of the machine, or its output.
var DefaultDenylist = []string{"ReadFile", "WriteFile", "PrintV2"}

// Finding is an operation of a denylist in a model.
type Finding struct {
	Tags     []string // of the graph
	Function string   // the library function that holds it, "" for the graph
	Node, Op string
}

// Scan finds the operations of a denylist (nil: DefaultDenylist) in all graphs
// of a model and in their functions.
func Scan(sm *graphdef.SavedModel, deny []string) []Finding {
	if deny == nil {
		deny = DefaultDenylist
	}
	denied := map[string]bool{}
	for _, op := range deny {
		denied[op] = true
	}
	var found []Finding
	for _, mg := range sm.GetMetaGraphs() {
		look := func(function string, nodes []*graphdef.NodeDef) {
			for _, n := range nodes {
				if denied[n.GetOp()] {
					found = append(found, Finding{Tags: mg.GetMetaInfoDef().GetTags(), Function: function, Node: n.Name, Op: n.Op})
				}
			}
		}
		look("", mg.GetGraphDef().GetNode())
		for _, f := range mg.GetGraphDef().GetLibrary().GetFunction() {
			look(f.GetSignature().GetName(), f.GetNodeDef())
		}
	}
	return found
}

// Difference is one way in which two models differ.
type Difference struct {
	Tags string // of the graphs, "{serve}"; "" for the model as a whole
	What string // "signature serving_default", "node y", …
	A, B string // what the one and the other have, "" for nothing
}

// Diff tells the graphs and signatures of two models apart. Their variables
// are checkpoints; package checkpoint/diff compares those.
func Diff(a, b *graphdef.SavedModel) []Difference {
	inA, inB := byTags(a), byTags(b)
	var found []Difference
	for _, tags := range slices.Sorted(maps.Keys(inA)) {
		if inB[tags] == nil {
			found = append(found, Difference{What: "graph", A: tags})
		}
	}
	for _, tags := range slices.Sorted(maps.Keys(inB)) {
		if inA[tags] == nil {
			found = append(found, Difference{What: "graph", B: tags})
			continue
		}
		found = append(found, diffGraphs(tags, inA[tags], inB[tags])...)
	}
	return found
}

func byTags(sm *graphdef.SavedModel) map[string]*graphdef.MetaGraphDef {
	m := map[string]*graphdef.MetaGraphDef{}
	for _, mg := range sm.GetMetaGraphs() {
		m[graphdef.TagSet(mg.GetMetaInfoDef().GetTags())] = mg
	}
	return m
}

func diffGraphs(tags string, a, b *graphdef.MetaGraphDef) []Difference {
	var found []Difference
	keys := map[string]bool{}
	for k := range a.SignatureDef {
		keys[k] = true
	}
	for k := range b.SignatureDef {
		keys[k] = true
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if sa, sb := a.SignatureDef[key], b.SignatureDef[key]; !same(sa, sb) {
			d := Difference{Tags: tags, What: "signature " + key}
			if sa != nil {
				d.A = sigText(slices.Sorted(maps.Keys(sa.Inputs)), slices.Sorted(maps.Keys(sa.Outputs)))
			}
			if sb != nil {
				d.B = sigText(slices.Sorted(maps.Keys(sb.Inputs)), slices.Sorted(maps.Keys(sb.Outputs)))
			}
			if d.A == d.B { // the names are alike, so it is a tensor, a type, a shape or the method
				d.A, d.B = d.A+" (differs within)", d.B+" (differs within)"
			}
			found = append(found, d)
		}
	}
	collections := map[string]bool{}
	for k := range a.CollectionDef {
		collections[k] = true
	}
	for k := range b.CollectionDef {
		collections[k] = true
	}
	for _, key := range slices.Sorted(maps.Keys(collections)) {
		if na, nb := graphdef.CollectionLen(a.CollectionDef[key]), graphdef.CollectionLen(b.CollectionDef[key]); na != nb {
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
	sort.SliceStable(found, func(i, j int) bool { return found[i].Tags < found[j].Tags })
	return found
}

func sigText(inputs, outputs []string) string { return fmt.Sprintf("%v → %v", inputs, outputs) }
