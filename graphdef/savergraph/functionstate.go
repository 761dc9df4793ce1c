package savergraph

import (
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// FunctionState is something other than a variable that a function of the graph restores, such
// as a table.
type FunctionState struct {
	Func, Node, Op string // the node that takes the restored tensor
	Key            string // of that tensor in the checkpoint, "" if it is not known
	Handle         string // the node of the graph that is filled, "" if it is not known
}

// FunctionStates returns the state that functions restore and that is not in variables. Nodes
// change something if they take the restored tensor behind another input, its handle.
func (g *Graph) FunctionStates() []FunctionState {
	var found []FunctionState
	scopes, _ := g.scopes(functionsWith(nodedef.Functions(g.def), isRestore))
	for _, s := range scopes {
		if s.fn == nil {
			continue
		}
		for _, n := range s.list {
			if assigns(n.GetOp()) || passes(n.GetOp()) || isRestore(n) {
				continue
			}
			if key, ok := s.restoredInput(n); ok {
				st := FunctionState{Func: s.function(), Node: n.GetName(), Op: n.GetOp(), Key: key}
				if at := s.tensor(nodedef.DataInputs(n)[0]); at.node != nil && at.scope.fn == nil {
					st.Handle = at.node.GetName()
				}
				found = append(found, st)
			}
		}
	}
	return found
}

// restoredInput returns the key of a restored tensor that a node takes behind its first input.
func (s *scope) restoredInput(n *graphdef.NodeDef) (key string, ok bool) {
	in := nodedef.DataInputs(n)
	for i := 1; i < len(in); i++ {
		at := s.tensor(in[i]).behind(passes)
		if !isRestore(at.node) {
			continue
		}
		if outputs, err := at.scope.restoredBy(at.node); err == nil && at.port < len(outputs) {
			key = outputs[at.port].Key
		}
		return key, true
	}
	return "", false
}
