package savergraph

import (
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/argcheck"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// Restored is one output of a restore node, and where it goes.
type Restored struct {
	Key    string         // name in the checkpoint
	Slice  string         // full shape and slice, as in "4 2 0,2:-", "" for a whole tensor
	DType  dtype.DataType // of the output
	Node   string         // the restore node
	Output string         // "node:1"
	Port   int            // number of the output
	Device string         // of the restore node: where the file is read
	File   string         // the node that holds the file's name
	Index  int            // position in the list that Graph.Restore returns

	// Func is the function that has Node and Assign, "" for the graph, and Call the node of
	// the graph that calls it. Only Graph.AllRestores looks into functions.
	Func string
	Call string

	Assign   string // the operation that takes the tensor, "" without one
	Variable string // the node of the variable that Assign sets, in the graph if it has one
	// VariableID identifies the variable, as other nodes may stand for it too. It is "" for
	// anything else.
	VariableID string

	// Shape is what the variable needs, where dimensions of -1 are free. It is valid
	// only if HasShape is true: some variables take any shape. Reshapes reports that
	// any shape with as many elements will do.
	Shape    []int64
	HasShape bool
	Reshapes bool
}

// Restore returns what the operation restoreOp ("save/restore_all") restores, in an
// order that depends on the graph alone. Its errors are of kind [ErrUnknownForm].
func (g *Graph) Restore(restoreOp string) ([]Restored, error) {
	if g == nil || g.scope == nil {
		return nil, argcheck.Nil("read the restore nodes", "", "Graph")
	}
	nodes := g.needed(restoreOp, isRestore)
	takers := map[string]*graphdef.NodeDef{} // "node:index" → the first node that takes it
	for _, n := range nodes {
		if isRestore(n) {
			continue
		}
		for _, in := range nodedef.DataInputs(n) {
			name, i := input(in)
			if key := nodedef.TensorName(name, i); takers[key] == nil {
				takers[key] = n
			}
		}
	}
	var plan []Restored
	for _, n := range nodes {
		if !isRestore(n) {
			continue
		}
		outputs, err := g.restoredBy(n)
		if err != nil {
			return nil, err
		}
		for _, t := range outputs {
			g.follow(&t, takers)
			if t.Assign != "" {
				t.Index = len(plan)
				plan = append(plan, t)
			}
		}
	}
	if len(plan) == 0 {
		return nil, unknown(nil, "operation %q needs no restore node", restoreOp)
	}
	return plan, nil
}

// restoredBy returns the outputs of a restore node, without what takes them.
func (s *scope) restoredBy(n *graphdef.NodeDef) ([]Restored, error) {
	dtypes := n.GetAttr()["dtypes"].GetList().GetType()
	if n.GetOp() != "RestoreV2" {
		dtypes = []dtype.DataType{n.GetAttr()["dt"].GetType()}
	}
	keys, err := s.strings(n, 1, len(dtypes))
	if err != nil {
		return nil, err
	}
	specs := make([]string, len(dtypes))
	if n.GetOp() != "Restore" {
		if specs, err = s.strings(n, 2, len(dtypes)); err != nil {
			return nil, err
		}
	}
	file := s.file(n)
	out := make([]Restored, len(dtypes))
	for i := range out {
		out[i] = Restored{
			Key: keys[i], Slice: specs[i], DType: dtypes[i], Node: n.GetName(),
			Output: nodedef.TensorName(n.GetName(), i), Port: i, Device: n.GetDevice(), File: file,
			Func: s.function(), Call: s.outermost(),
		}
	}
	return out, nil
}

// file returns the node that holds the name of the file that a restore node reads.
func (s *scope) file(n *graphdef.NodeDef) string {
	in := nodedef.DataInputs(n)
	if len(in) == 0 {
		return ""
	}
	at := s.tensor(in[0]).behind(isIdentity)
	if at.node == nil && s.fn == nil {
		name, _ := input(in[0])
		return name
	}
	return at.node.GetName()
}

// follow finds the node that finally takes a restored tensor.
func (g *Graph) follow(t *Restored, takers map[string]*graphdef.NodeDef) {
	at := t.Output
	for range maxHops {
		n := takers[at]
		if n == nil {
			return
		}
		t.Assign = n.GetName()
		switch {
		case passes(n.GetOp()):
			t.Reshapes = t.Reshapes || n.GetOp() == "Reshape"
		case assigns(n.GetOp()):
			g.target(t, n)
			return
		default: // part of a saveable object, such as a lookup table
			t.Variable = n.GetName()
			return
		}
		at = nodedef.TensorName(n.GetName(), 0)
	}
}

// assigns reports whether an operation stores its input 1 in the variable at input 0.
func assigns(op string) bool { return op == "Assign" || op == "AssignVariableOp" }

// origin returns the output of a restore node that an assignment stores, and whether it
// is reshaped on the way.
func (s *scope) origin(assign *graphdef.NodeDef) (from tensor, reshapes, ok bool) {
	in := nodedef.DataInputs(assign)
	if !assigns(assign.GetOp()) || len(in) < 2 {
		return tensor{}, false, false
	}
	from = s.tensor(in[1])
	for range maxHops {
		switch {
		case isRestore(from.node):
			return from, reshapes, true
		case !passes(from.node.GetOp()) || len(nodedef.DataInputs(from.node)) == 0:
			return tensor{}, false, false
		}
		reshapes = reshapes || from.node.GetOp() == "Reshape"
		from = from.scope.tensor(from.node.Input[0])
	}
	return tensor{}, false, false
}

// target notes which variable an assignment sets, and the shape that the variable has.
func (s *scope) target(t *Restored, assign *graphdef.NodeDef) {
	in := nodedef.DataInputs(assign)
	if len(in) == 0 {
		return
	}
	if s.fn == nil {
		t.Variable, _ = input(in[0])
	}
	handle := s.variable(in[0])
	if handle.node == nil {
		return
	}
	if s.fn != nil {
		t.Variable = handle.node.GetName()
	}
	t.VariableID = nodedef.VariableID(handle.node)
	// A reference that does not validate shapes takes any.
	if validate, ok := assign.GetAttr()["validate_shape"]; ok && !validate.GetB() && assign.GetOp() == "Assign" && !t.Reshapes {
		return
	}
	t.Shape, t.HasShape = nodedef.VariableShape(handle.node)
}

// variable returns the variable that an input of a node means, which may pass an Identity.
func (s *scope) variable(in string) tensor {
	at := s.tensor(in).behind(isIdentity)
	if !nodedef.IsVariableOp(at.node.GetOp()) {
		return tensor{}
	}
	return at
}
