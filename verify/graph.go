package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
)

// checkGraph looks at a graph by itself. where tells which one it is, for the
// texts.
func checkGraph(item *Item, g *graphdef.GraphDef, where string) {
	item.Nodes += len(g.GetNode())
	err := check.Graph(g, nil)
	var all *check.Error
	if !errors.As(err, &all) {
		if err != nil {
			item.fault(fmt.Errorf("%s%w", where, err))
		}
		return
	}
	// Ops that TensorFlow lacks may come with a library of their own.
	custom := map[string]bool{}
	for _, op := range opdef.Unknown(g, opdef.Builtin()) {
		custom[op] = true
	}
	ops := map[string]string{}
	for _, n := range g.GetNode() {
		ops[n.GetName()] = n.GetOp()
	}
	for _, f := range all.Faults {
		err := fmt.Errorf("%s%s", where, f)
		if f.Function == "" && custom[ops[f.Node]] {
			item.harmless(err)
		} else {
			item.fault(err)
		}
	}
}

// checkMetaGraph looks at a meta graph, and at the checkpoint it belongs to as
// far as its saver needs it.
func checkMetaGraph(ctx context.Context, item *Item, mg *graphdef.MetaGraphDef, prefix string) {
	checkGraph(item, mg.GetGraphDef(), "")
	checkNames(item, mg, "")
	if _, err := graphdef.Variables(mg); err != nil {
		item.fault(err)
	}
	if prefix != "" {
		checkRestores(ctx, item, mg, prefix, "")
	}
}

// checkNames looks for signatures and a saver that name what is not there.
func checkNames(item *Item, mg *graphdef.MetaGraphDef, where string) {
	nodes := map[string]bool{}
	for _, n := range mg.GetGraphDef().GetNode() {
		nodes[n.GetName()] = true
	}
	missing := func(what, tensor string) {
		if tensor == "" {
			return
		}
		if node := graphdef.NodeName(tensor); !nodes[node] {
			item.fault(fmt.Errorf("%s%s names %q, which the graph does not have", where, what, tensor))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(mg.GetSignatureDef())) {
		s := mg.GetSignatureDef()[key]
		for _, name := range slices.Sorted(maps.Keys(s.GetInputs())) {
			for _, tensor := range tensorsOf(s.GetInputs()[name]) {
				missing(fmt.Sprintf("signature %q, input %q,", key, name), tensor)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(s.GetOutputs())) {
			for _, tensor := range tensorsOf(s.GetOutputs()[name]) {
				missing(fmt.Sprintf("signature %q, output %q,", key, name), tensor)
			}
		}
	}
	if saver := mg.GetSaverDef(); saver != nil {
		missing("the saver", saver.GetFilenameTensorName())
		missing("the saver", saver.GetSaveTensorName())
		missing("the saver", saver.GetRestoreOpName())
	}
}

// tensorsOf lists the tensors that make up a signature's value: one of a dense
// one, three of a sparse one, the components' of a composite one.
func tensorsOf(t *graphdef.TensorInfo) []string {
	if sparse := t.GetCooSparse(); sparse != nil {
		return []string{sparse.GetValuesTensorName(), sparse.GetIndicesTensorName(), sparse.GetDenseShapeTensorName()}
	}
	if composite := t.GetCompositeTensor(); composite != nil {
		var all []string
		for _, c := range composite.GetComponents() {
			all = append(all, tensorsOf(c)...)
		}
		return all
	}
	return []string{t.GetName()}
}

// checkRestores checks that the checkpoint has what the graph's saver would read.
func checkRestores(ctx context.Context, item *Item, mg *graphdef.MetaGraphDef, prefix, where string) {
	wanted := restores(mg)
	for _, err := range wanted.unknown {
		item.harmless(fmt.Errorf("%snot checked against the checkpoint %s: %w", where, prefix, err))
	}
	if len(wanted.tensors) == 0 {
		return
	}
	r, err := checkpoint.Open(ctx, prefix, nil)
	if err != nil {
		return // reported with the checkpoint
	}
	defer r.Close()
	for _, w := range wanted.tensors {
		t, ok := r.Lookup(w.Key)
		switch {
		case !ok:
			item.fault(fmt.Errorf("%snode %q restores %q, which the checkpoint %s does not have: %w",
				where, w.Node, w.Key, prefix, tfkeep.ErrNotFound))
		case w.DType != 0 && w.DType != t.DType:
			item.fault(fmt.Errorf("%snode %q restores %q as %s, the checkpoint has %s: %w", where, w.Node, w.Key,
				dtype.Name(w.DType), dtype.Name(t.DType), tfkeep.ErrMismatch))
		}
	}
}

// restored is what a saver's restore nodes read.
type restored struct {
	tensors []savergraph.Restored
	unknown []error // nodes whose keys cannot be read from the graph
}

// restores returns what those restore nodes read that take their file name from the
// saver's own file name tensor.
func restores(mg *graphdef.MetaGraphDef) restored {
	var list restored
	file := graphdef.NodeName(mg.GetSaverDef().GetFilenameTensorName())
	if file == "" {
		return list
	}
	seen := map[string]bool{}
	for t, err := range savergraph.New(mg.GetGraphDef()).AllRestores() {
		switch {
		case t.File != file || t.Output != "" && seen[t.Output]:
		case err != nil:
			list.unknown = append(list.unknown, err)
		default:
			seen[t.Output] = true
			list.tensors = append(list.tensors, t)
		}
	}
	return list
}
