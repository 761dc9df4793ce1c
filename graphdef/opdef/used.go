package opdef

import (
	"maps"
	"slices"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Used returns the names of the ops that a graph uses, sorted: those of its nodes
// and of the functions that they call, directly or through the "f" attribute of a
// PartitionedCall. Functions themselves are not ops. Functions may call each other,
// and themselves.
func Used(g *graphdef.GraphDef) []string {
	functions := nodedef.Functions(g)
	used := map[string]bool{}
	var pending []*function_go_proto.FunctionDef
	use := func(op string) {
		if f := functions[op]; f != nil && !used[op] {
			pending = append(pending, f)
		}
		used[op] = true
	}
	useAll := func(nodes []*graphdef.NodeDef) {
		for _, n := range nodes {
			use(n.GetOp())
			switch n.GetOp() {
			case "PartitionedCall", "StatefulPartitionedCall":
				use(n.GetAttr()["f"].GetFunc().GetName())
			}
		}
	}
	useAll(g.GetNode())
	for len(pending) > 0 {
		f := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		useAll(f.GetNodeDef())
	}
	var names []string
	for op := range used {
		if functions[op] == nil && op != "" {
			names = append(names, op)
		}
	}
	slices.Sort(names)
	return names
}

// StrippedList returns the definitions of the ops that a graph uses, sorted by name.
// A MetaGraphDef carries this list so that an older reader can tell which attributes
// have their default value. Ops that ops does not have are left out.
func StrippedList(g *graphdef.GraphDef, ops *Set) *graphdef.OpList {
	list := &graphdef.OpList{}
	for _, name := range Used(g) {
		if def := ops.Get(name); def != nil {
			list.Op = append(list.Op, def)
		}
	}
	return list
}

// Unknown returns the names of the ops that ops does not have and that a graph uses,
// in its nodes or in any function of its library, sorted.
func Unknown(g *graphdef.GraphDef, ops *Set) []string {
	functions := nodedef.Functions(g)
	unknown := map[string]bool{}
	for _, n := range nodedef.AllNodes(g) {
		if op := n.GetOp(); functions[op] == nil && ops.Get(op) == nil {
			unknown[op] = true
		}
	}
	return slices.Sorted(maps.Keys(unknown))
}
