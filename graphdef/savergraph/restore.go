package savergraph

import (
	"iter"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
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

	Assign   string // the operation that takes the tensor, "" without one
	Variable string // the node of the variable that Assign sets

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

// AllRestores yields what every restore node of the graph restores, whichever Saver it
// belongs to. First come the assignments of restored tensors to variables, in the order
// of the assigning nodes, then the tensors that no variable takes. Index is not set.
//
// A restore node of an unknown form is yielded once, as a Restored that has Node, Device
// and File only, with an error of kind [ErrUnknownForm].
func (g *Graph) AllRestores() iter.Seq2[Restored, error] {
	return func(yield func(Restored, error) bool) {
		read := map[string][]Restored{} // restore node → its outputs
		failed := map[string]error{}
		for _, n := range g.def.GetNode() {
			if !isRestore(n) {
				continue
			}
			outputs, err := g.restoredBy(n)
			if err != nil {
				failed[n.GetName()] = err
			}
			read[n.GetName()] = outputs
		}
		assigned := map[string]bool{}
		for _, n := range g.def.GetNode() {
			node, port, reshapes, ok := g.origin(n)
			if !ok || port >= len(read[node]) {
				continue
			}
			t := read[node][port]
			t.Assign, t.Reshapes = n.GetName(), reshapes
			g.target(&t, n)
			assigned[t.Output] = true
			if !yield(t, nil) {
				return
			}
		}
		for _, n := range g.def.GetNode() {
			if !isRestore(n) {
				continue
			}
			if err := failed[n.GetName()]; err != nil {
				if !yield(Restored{Node: n.GetName(), Device: n.GetDevice(), File: g.file(n)}, err) {
					return
				}
			}
			for _, t := range read[n.GetName()] {
				if !assigned[t.Output] && !yield(t, nil) {
					return
				}
			}
		}
	}
}

// restoredBy returns the outputs of a restore node, without what takes them.
func (g *Graph) restoredBy(n *graphdef.NodeDef) ([]Restored, error) {
	dtypes := n.GetAttr()["dtypes"].GetList().GetType()
	if n.GetOp() != "RestoreV2" {
		dtypes = []dtype.DataType{n.GetAttr()["dt"].GetType()}
	}
	keys, err := g.strings(n, 1, len(dtypes))
	if err != nil {
		return nil, err
	}
	specs := make([]string, len(dtypes))
	if n.GetOp() != "Restore" {
		if specs, err = g.strings(n, 2, len(dtypes)); err != nil {
			return nil, err
		}
	}
	file := g.file(n)
	out := make([]Restored, len(dtypes))
	for i := range out {
		out[i] = Restored{
			Key: keys[i], Slice: specs[i], DType: dtypes[i], Node: n.GetName(),
			Output: nodedef.TensorName(n.GetName(), i), Port: i, Device: n.GetDevice(), File: file,
		}
	}
	return out, nil
}

// file returns the node that holds the name of the file that a restore node reads.
func (g *Graph) file(n *graphdef.NodeDef) string {
	in := nodedef.DataInputs(n)
	if len(in) == 0 {
		return ""
	}
	name, _ := input(in[0])
	return name
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

// origin returns the output of a restore node that an assignment stores, and whether
// it is reshaped on the way.
func (g *Graph) origin(assign *graphdef.NodeDef) (node string, port int, reshapes, ok bool) {
	in := nodedef.DataInputs(assign)
	if !assigns(assign.GetOp()) || len(in) < 2 {
		return "", 0, false, false
	}
	from := in[1]
	for range maxHops {
		name, i := input(from)
		n := g.nodes[name]
		switch {
		case isRestore(n):
			return name, i, reshapes, true
		case !passes(n.GetOp()) || len(nodedef.DataInputs(n)) == 0:
			return "", 0, false, false
		}
		reshapes = reshapes || n.GetOp() == "Reshape"
		from = n.Input[0]
	}
	return "", 0, false, false
}

// target notes which variable an assignment sets, and the shape that the variable has.
func (g *Graph) target(t *Restored, assign *graphdef.NodeDef) {
	in := nodedef.DataInputs(assign)
	if len(in) == 0 {
		return
	}
	t.Variable, _ = input(in[0])
	// A reference that does not validate shapes takes any.
	if validate, ok := assign.GetAttr()["validate_shape"]; ok && !validate.GetB() && assign.GetOp() == "Assign" && !t.Reshapes {
		return
	}
	t.Shape, t.HasShape = nodedef.VariableShape(g.nodes[t.Variable])
}
