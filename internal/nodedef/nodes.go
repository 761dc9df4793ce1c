package nodedef

import (
	"cmp"
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

// VariableID identifies the variable that a node makes or makes a handle of: nodes of a
// graph and its functions that have the same ID are one variable of a session. It is "" if
// op is not that of a variable, or if each run makes another one.
func VariableID(n *node_def_go_proto.NodeDef) string {
	if !IsVariableOp(n.GetOp()) {
		return ""
	}
	name := string(n.GetAttr()["shared_name"].GetS())
	kind := "resource"
	if n.GetOp() != "VarHandleOp" {
		// A resource without a shared name has the empty name, and a reference its node's.
		kind, name = "ref", cmp.Or(name, n.GetName())
	} else if name == anonymousResource {
		return ""
	}
	return kind + "\x00" + string(n.GetAttr()["container"].GetS()) + "\x00" + name
}

// anonymousResource is the shared name that stands for none: ResourceHandle::ANONYMOUS_NAME
// in tensorflow/core/framework/resource_handle.h.
const anonymousResource = "cd2c89b7-88b7-44c8-ad83-06c2a9158347"
