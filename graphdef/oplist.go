package graphdef

import "sort"

// UsedOps gives the names of the ops that a graph uses, sorted: those of its
// nodes and of the functions that they call, directly or through the "f"
// attribute of a PartitionedCall. Functions themselves are not ops. Functions
// may call one another, or themselves.
func UsedOps(g *GraphDef) []string {
	functions := libraryFunctions(g)
	used := map[string]bool{}
	var pending []*FunctionDef
	use := func(op string) {
		if f := functions[op]; f != nil && !used[op] {
			pending = append(pending, f)
		}
		used[op] = true
	}
	visit := func(n *NodeDef) {
		use(n.GetOp())
		switch n.GetOp() {
		case "PartitionedCall", "StatefulPartitionedCall":
			use(n.GetAttr()["f"].GetFunc().GetName())
		}
	}
	for _, n := range g.GetNode() {
		visit(n)
	}
	for len(pending) > 0 {
		f := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		for _, n := range f.GetNodeDef() {
			visit(n)
		}
	}
	var names []string
	for op := range used {
		if functions[op] == nil && op != "" {
			names = append(names, op)
		}
	}
	sort.Strings(names)
	return names
}

// StrippedOpList gives the definitions of the ops that a graph uses, sorted by
// name: what a MetaGraphDef carries so that an older reader can tell which
// attributes had their default value. Ops that ops (nil: BuiltinOps) lacks are
// left out.
func StrippedOpList(g *GraphDef, ops *Ops) *OpList {
	ops = ops.orBuiltin()
	list := &OpList{}
	for _, name := range UsedOps(g) {
		if def := ops.Get(name); def != nil {
			list.Op = append(list.Op, def)
		}
	}
	return list
}

// UnknownOps gives the names of the ops that a graph uses, in its nodes and in
// every function of its library, and that ops (nil: BuiltinOps) lacks, sorted.
func UnknownOps(g *GraphDef, ops *Ops) []string {
	ops = ops.orBuiltin()
	functions := libraryFunctions(g)
	unknown := map[string]bool{}
	visit := func(nodes []*NodeDef) {
		for _, n := range nodes {
			if op := n.GetOp(); functions[op] == nil && !ops.Has(op) {
				unknown[op] = true
			}
		}
	}
	visit(g.GetNode())
	for _, f := range g.GetLibrary().GetFunction() {
		visit(f.GetNodeDef())
	}
	names := make([]string, 0, len(unknown))
	for op := range unknown {
		names = append(names, op)
	}
	sort.Strings(names)
	return names
}

func libraryFunctions(g *GraphDef) map[string]*FunctionDef {
	functions := make(map[string]*FunctionDef, len(g.GetLibrary().GetFunction()))
	for _, f := range g.GetLibrary().GetFunction() {
		functions[f.GetSignature().GetName()] = f
	}
	return functions
}

// allNodes calls visit for every node of the graph and of its functions.
func allNodes(g *GraphDef, visit func(*NodeDef)) {
	for _, n := range g.GetNode() {
		visit(n)
	}
	for _, f := range g.GetLibrary().GetFunction() {
		for _, n := range f.GetNodeDef() {
			visit(n)
		}
	}
}
