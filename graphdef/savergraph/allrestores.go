package savergraph

import (
	"iter"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// AllRestores yields what every restore node of the graph restores, whichever Saver it
// belongs to, and what functions restore that the graph calls. First come the assignments
// of restored tensors to variables, in the order of the assigning nodes, then the tensors
// that no variable takes. Index is not set.
//
// A restore node of an unknown form is yielded with an error of kind [ErrUnknownForm], once
// for each variable that takes a tensor of it, and once if none does. Its Restored has what
// does not depend on the constants of the node: Node, Device, File, Func, Call, Assign and
// the variable. A call that restores in a branch or a loop is such a node too; it may
// restore each variable among its inputs.
func (g *Graph) AllRestores() iter.Seq2[Restored, error] {
	return func(yield func(Restored, error) bool) {
		if g == nil || g.scope == nil {
			yield(Restored{}, argcheck.Nil("read the restore nodes", "", "Graph"))
			return
		}
		scopes, opaque := g.scopes(functionsWith(nodedef.Functions(g.def), isRestore))
		all := &restores{outputs: map[node][]Restored{}, failed: map[node]error{}, taken: map[tensor]bool{}}
		for _, s := range scopes {
			all.read(s)
		}
		for _, s := range scopes {
			for _, n := range s.list {
				if t, err, ok := all.assigned(s, n); ok && !yield(t, err) {
					return
				}
			}
		}
		for _, s := range scopes {
			for _, n := range s.list {
				if !all.yieldRest(s, n, yield) {
					return
				}
			}
		}
		for _, call := range opaque {
			if !yieldOpaque(call, yield) {
				return
			}
		}
	}
}

// node is a node in one call of its function.
type node struct {
	scope *scope
	node  *graphdef.NodeDef
}

// restores has what the restore nodes of a graph and its functions return.
type restores struct {
	outputs map[node][]Restored
	failed  map[node]error  // nodes of an unknown form
	taken   map[tensor]bool // outputs that a variable takes; output 0 stands for a failed node
}

// read reads the restore nodes of a scope.
func (r *restores) read(s *scope) {
	for _, n := range s.list {
		if !isRestore(n) {
			continue
		}
		outputs, err := s.restoredBy(n)
		if err != nil {
			r.failed[node{s, n}] = err
		}
		r.outputs[node{s, n}] = outputs
	}
}

// assigned returns what an assignment takes from a restore node. It returns false for
// other nodes.
func (r *restores) assigned(s *scope, n *graphdef.NodeDef) (t Restored, err error, ok bool) { //nolint:revive // the error is part of what is yielded
	from, reshapes, ok := s.origin(n)
	if !ok {
		return t, nil, false
	}
	at := node{from.scope, from.node}
	if err = r.failed[at]; err != nil {
		t = from.scope.unread(from.node)
		from.port = 0
	} else if from.port < len(r.outputs[at]) {
		t = r.outputs[at][from.port]
	} else {
		return t, nil, false
	}
	t.Assign, t.Reshapes = n.GetName(), reshapes
	s.target(&t, n)
	r.taken[from] = true
	return t, err, true
}

// yieldRest yields the tensors of a restore node that no variable takes.
func (r *restores) yieldRest(s *scope, n *graphdef.NodeDef, yield func(Restored, error) bool) bool {
	at := node{s, n}
	if err := r.failed[at]; err != nil {
		return r.taken[tensor{s, n, 0}] || yield(s.unread(n), err)
	}
	for i, t := range r.outputs[at] {
		if !r.taken[tensor{s, n, i}] && !yield(t, nil) {
			return false
		}
	}
	return true
}

// unread describes a restore node whose constants cannot be read.
func (s *scope) unread(n *graphdef.NodeDef) Restored {
	return Restored{Node: n.GetName(), Device: n.GetDevice(), File: s.file(n), Func: s.function(), Call: s.outermost()}
}

// yieldOpaque yields the variables that a call takes whose functions restore by an unknown
// form.
func yieldOpaque(call tensor, yield func(Restored, error) bool) bool {
	err := unknown(call.node, "it restores in functions that cannot be followed")
	t := Restored{Node: call.node.GetName(), Device: call.node.GetDevice(), Func: call.scope.function(), Call: call.scope.outermost()}
	found := false
	for _, in := range nodedef.DataInputs(call.node) {
		at := call.scope.variable(in)
		if at.node == nil {
			continue
		}
		found = true
		t.Variable, t.VariableID = at.node.GetName(), nodedef.VariableID(at.node)
		if !yield(t, err) {
			return false
		}
	}
	return found || yield(t, err)
}
