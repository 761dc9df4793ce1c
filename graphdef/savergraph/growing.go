package savergraph

import (
	"slices"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Growing returns the VariableIDs of the resource variables to which an operation of the graph
// may assign a value of another shape than their nodes declare. TensorFlow allows that for
// variables that are made with validate_shape=False. Assignments of restored values do not
// count, and in branches and loops every variable counts that they take.
//
// static returns the shape that is known of a tensor of the graph, or false.
func (g *Graph) Growing(static func(tensor string) ([]int64, bool)) map[string]bool {
	functions := nodedef.Functions(g.def)
	growing := map[string]bool{}
	scopes, opaque := g.scopes(functionsWith(functions, unchecked))
	for _, s := range scopes {
		for _, n := range s.list {
			if !unchecked(n) {
				continue
			}
			if _, _, restores := s.origin(n); restores {
				continue
			}
			in := nodedef.DataInputs(n)
			if len(in) < 2 {
				continue
			}
			handle := s.handle(in[0])
			if handle.node == nil {
				continue
			}
			declared, ok := nodedef.VariableShape(handle.node)
			if value, known := s.shape(in[1], static); ok && (!known || !slices.Equal(value, declared)) {
				growing[nodedef.VariableID(handle.node)] = true
			}
		}
	}
	for _, call := range opaque {
		for _, in := range nodedef.DataInputs(call.node) {
			if at := call.scope.handle(in); at.node.GetOp() == "VarHandleOp" {
				growing[nodedef.VariableID(at.node)] = true
			}
		}
	}
	return growing
}

// unchecked reports whether an operation assigns a value to a resource variable without
// comparing its shape.
func unchecked(n *graphdef.NodeDef) bool {
	return n.GetOp() == "AssignVariableOp" && !n.GetAttr()["validate_shape"].GetB()
}

// handle returns the variable whose handle an input is, which may pass branches and loops of
// TensorFlow 1.
func (s *scope) handle(in string) tensor {
	at := s.tensor(in)
	for range maxHops {
		switch at.node.GetOp() {
		case "VarHandleOp":
			return at
		case "Identity", "Switch", "Enter", "Merge", "NextIteration", "Exit":
		default:
			return tensor{}
		}
		inputs := nodedef.DataInputs(at.node)
		if len(inputs) == 0 {
			return tensor{}
		}
		at = at.scope.tensor(inputs[0])
	}
	return tensor{}
}

// shape returns the shape that is known of an input of a node.
func (s *scope) shape(in string, static func(string) ([]int64, bool)) ([]int64, bool) {
	at := s.tensor(in)
	switch {
	case at.node == nil:
		return nil, false
	case at.scope.fn == nil:
		dims, ok := static(nodedef.TensorName(at.node.GetName(), at.port))
		return dims, ok && !slices.ContainsFunc(dims, func(d int64) bool { return d < 0 })
	case at.node.GetOp() == "Const":
		return nodedef.Dims(at.node.GetAttr()["value"].GetTensor().GetTensorShape())
	}
	return nil, false
}
