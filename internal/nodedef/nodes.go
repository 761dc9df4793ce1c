package nodedef

import (
	"iter"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
)

// AllNodes returns an iterator over the nodes of a graph and of its functions, each
// with the name of its function: "" for the graph's own nodes, which come first.
func AllNodes(g *graph_go_proto.GraphDef) iter.Seq2[string, *node_def_go_proto.NodeDef] {
	return func(yield func(string, *node_def_go_proto.NodeDef) bool) {
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
func Functions(g *graph_go_proto.GraphDef) map[string]*function_go_proto.FunctionDef {
	functions := make(map[string]*function_go_proto.FunctionDef, len(g.GetLibrary().GetFunction()))
	for _, f := range g.GetLibrary().GetFunction() {
		functions[f.GetSignature().GetName()] = f
	}
	return functions
}

// IsVariableOp reports whether an op makes a variable.
func IsVariableOp(op string) bool {
	return op == "Variable" || op == "VariableV2" || op == "VarHandleOp"
}
