package verify

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tfkeep/tfkeep/checkpoint"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
)

// checkGraph looks at a graph by itself. where tells which one it is, for the
// texts.
func checkGraph(item *Item, g *graphdef.GraphDef, where string) {
	item.Nodes += len(g.GetNode())
	err := graphdef.Check(g, nil)
	var all *graphdef.CheckError
	if !errors.As(err, &all) {
		if err != nil {
			item.fault(fmt.Errorf("%s%w", where, err))
		}
		return
	}
	// Ops that TensorFlow lacks may come with a library of their own.
	custom := map[string]bool{}
	for _, op := range graphdef.UnknownOps(g, graphdef.BuiltinOps()) {
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
func checkMetaGraph(item *Item, mg *graphdef.MetaGraphDef, prefix string) {
	checkGraph(item, mg.GetGraphDef(), "")
	checkNames(item, mg, "")
	if _, err := graphdef.Variables(mg); err != nil {
		item.fault(err)
	}
	if prefix != "" {
		checkRestores(item, mg, prefix, "")
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

// checkRestores looks whether the checkpoint has what the graph's saver would
// ask of it.
func checkRestores(item *Item, mg *graphdef.MetaGraphDef, prefix, where string) {
	wanted := restores(mg)
	if len(wanted) == 0 {
		return
	}
	r, err := checkpoint.Open(prefix, nil)
	if err != nil {
		return // told with the checkpoint
	}
	defer r.Close()
	for _, w := range wanted {
		t, ok := r.Lookup(w.name)
		switch {
		case !ok:
			item.fault(fmt.Errorf("%snode %q restores %q, which the checkpoint %s does not have: %w",
				where, w.node, w.name, prefix, checkpoint.ErrNotFound))
		case w.dtype != 0 && w.dtype != t.DType:
			item.fault(fmt.Errorf("%snode %q restores %q as %s, the checkpoint has %s: %w", where, w.node, w.name,
				dtype.Name(w.dtype), dtype.Name(t.DType), checkpoint.ErrMismatch))
		}
	}
}

// restored is a tensor that a node asks of the checkpoint.
type restored struct {
	node, name string
	dtype      dtype.DataType // 0 where the node does not tell
}

// restores lists what the saver's restore ops ask for: those that read from
// the saver's own file name.
func restores(mg *graphdef.MetaGraphDef) []restored {
	file := graphdef.NodeName(mg.GetSaverDef().GetFilenameTensorName())
	if file == "" {
		return nil
	}
	constants := map[string][][]byte{}
	for _, n := range mg.GetGraphDef().GetNode() {
		if n.GetOp() == "Const" {
			constants[n.GetName()] = n.GetAttr()["value"].GetTensor().GetStringVal()
		}
	}
	var list []restored
	for _, n := range mg.GetGraphDef().GetNode() {
		in := n.GetInput()
		if len(in) < 2 || graphdef.NodeName(in[0]) != file {
			continue
		}
		names := constants[graphdef.NodeName(in[1])]
		switch n.GetOp() {
		case "RestoreV2":
			types := n.GetAttr()["dtypes"].GetList().GetType()
			for i, name := range names {
				w := restored{node: n.GetName(), name: string(name)}
				if i < len(types) {
					w.dtype = types[i]
				}
				list = append(list, w)
			}
		case "Restore", "RestoreSlice":
			if len(names) == 1 {
				list = append(list, restored{n.GetName(), string(names[0]), n.GetAttr()["dt"].GetType()})
			}
		}
	}
	return list
}
