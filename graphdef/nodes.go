package graphdef

import "iter"

// AllNodes returns an iterator over the nodes of a graph and of its functions, each
// with the name of its function: "" for the graph's own nodes, which come first.
func AllNodes(g *GraphDef) iter.Seq2[string, *NodeDef] {
	return func(yield func(string, *NodeDef) bool) {
		for _, n := range g.GetNode() {
			if !yield("", n) {
				return
			}
		}
		for _, f := range g.GetLibrary().GetFunction() {
			for _, n := range f.GetNodeDef() {
				if !yield(f.GetSignature().GetName(), n) {
					return
				}
			}
		}
	}
}

// Functions returns the functions in a graph's library by name.
func Functions(g *GraphDef) map[string]*FunctionDef {
	functions := make(map[string]*FunctionDef, len(g.GetLibrary().GetFunction()))
	for _, f := range g.GetLibrary().GetFunction() {
		functions[f.GetSignature().GetName()] = f
	}
	return functions
}

// IsVariableOp reports whether an op makes a variable.
func IsVariableOp(op string) bool {
	return op == "Variable" || op == "VariableV2" || op == "VarHandleOp"
}
