package savergraph

import (
	"iter"

	pb "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Captured is a variable of the graph that a function of a SavedModel captured when it was
// traced.
type Captured struct {
	Variable   string // the node of the variable
	VariableID string // equal for all nodes of one variable, "" if it has none
	Object     int    // the variable's object, an index in the object graph's nodes
	Call       string // the node that passes the variable to the function
}

// Captures yields which objects of a SavedModel the variables of its graph are. TensorFlow
// 2 saves objects; its graph has nodes for the variables that the functions of signatures
// captured, under names of their own. A function takes what it captured as its last
// arguments, and the object graph lists the objects in the same order. TensorFlow's loader
// relies on that too: restore_captures in
// tensorflow/python/saved_model/function_deserialization.py.
//
// It yields nothing for calls that do not fit their function.
func (g *Graph) Captures(objects *pb.SavedObjectGraph) iter.Seq[Captured] {
	return func(yield func(Captured) bool) {
		functions := nodedef.Functions(g.def)
		for _, n := range g.list {
			if n.GetOp() != "PartitionedCall" && n.GetOp() != "StatefulPartitionedCall" {
				continue
			}
			name := n.GetAttr()["f"].GetFunc().GetName()
			bound := objects.GetConcreteFunctions()[name].GetBoundInputs()
			in := nodedef.DataInputs(n)
			if len(in) < len(bound) || len(in) != len(functions[name].GetSignature().GetInputArg()) {
				continue
			}
			for i, id := range bound {
				if id < 0 || int(id) >= len(objects.GetNodes()) || objects.GetNodes()[id].GetVariable() == nil {
					continue
				}
				at := g.variable(in[len(in)-len(bound)+i])
				if at.node == nil {
					continue
				}
				c := Captured{
					Variable: at.node.GetName(), VariableID: nodedef.VariableID(at.node),
					Object: int(id), Call: n.GetName(),
				}
				if !yield(c) {
					return
				}
			}
		}
	}
}
