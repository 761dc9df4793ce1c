package saver

import (
	"cmp"
	"slices"
	"strings"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef/savergraph"
	"github.com/tfkeep/tfkeep/tf"
)

// A meta graph does not carry the saveables that are no variables: only the nodes of the
// Saver that it was written with show that a table or an iterator has state. This file finds
// that state, so that a Saver without a list saves it, or refuses to leave it out.

// restoredState returns Saveables for the tables that restore nodes of the graph fill and that
// list lacks. It fails for other state that is restored and is no variable.
func restoredState(g *tf.Graph, list []Saveable) ([]Saveable, error) {
	var found []Saveable
	calls := false
	for _, o := range g.Operations() {
		calls = calls || o.Type() == "PartitionedCall" || o.Type() == "StatefulPartitionedCall"
		if o.Type() != "RestoreV2" && o.Type() != "Restore" && o.Type() != "RestoreSlice" {
			continue
		}
		for i := range o.NumOutputs() {
			for _, c := range takers(o.Output(i)) {
				if c.Op.Type() == "Assign" || c.Op.Type() == "AssignVariableOp" || covers(list, c.Op) || covers(found, c.Op) {
					continue
				}
				t, err := importedTable(c.Op)
				if err != nil {
					return nil, err
				}
				found = append(found, t)
			}
		}
	}
	if !calls {
		return found, nil
	}
	return found, checkFunctions(g, slices.Concat(list, found))
}

// checkFunctions fails for state that functions restore and that none of the Saveables saves.
func checkFunctions(g *tf.Graph, list []Saveable) error {
	def, err := g.GraphDef()
	if err != nil {
		return err
	}
	for _, st := range savergraph.New(def).FunctionStates() {
		covered := slices.ContainsFunc(list, func(s Saveable) bool {
			t, ok := s.(*table)
			return ok && t.handle.Op != nil && t.handle.Op.Name() == st.Handle
		})
		if !covered {
			return fault(tfkeep.ErrUnsupported, "operation %s (%s) of function %s restores state that is no variable, %q, and a new Saver would leave it out; "+
				"save with the Saver of the meta graph (Options.SaverDef), or list a Saveable for it", st.Node, st.Op, st.Func, cmp.Or(st.Handle, st.Key))
		}
	}
	return nil
}

// takers returns the operations that keep a restored tensor, behind those that only change
// its form.
func takers(out tf.Output) []tensorflow.Consumer {
	var keep []tensorflow.Consumer
	seen := map[string]bool{}
	queue := out.Consumers()
	for len(queue) > 0 {
		c := queue[0]
		queue = queue[1:]
		if seen[c.Op.Name()] {
			continue
		}
		seen[c.Op.Name()] = true
		typ := c.Op.Type()
		switch {
		case typ == "Assign" || typ == "AssignVariableOp" || strings.HasPrefix(typ, "CudnnRNN") || takesHandle(c.Op):
			keep = append(keep, c)
		default:
			for i := range c.Op.NumOutputs() {
				queue = append(queue, c.Op.Output(i).Consumers()...)
			}
		}
	}
	return keep
}

// takesHandle reports whether an operation changes something: the first input is a
// reference or a resource.
func takesHandle(o *tf.Operation) bool {
	in := inputs(o)
	return len(in) > 1 && (dtype.IsRef(in[0].DataType()) || dtype.DataType(in[0].DataType()) == dtype.Resource)
}

// covers reports whether one of the Saveables saves the table that o fills.
func covers(list []Saveable, o *tf.Operation) bool {
	in := inputs(o)
	return slices.ContainsFunc(list, func(s Saveable) bool {
		t, ok := s.(*table)
		if !ok || t.handle.Op == nil || len(in) == 0 {
			_, variable := s.(*source)
			// Another type: it is known by its name, with which its nodes begin.
			return !ok && !variable && s != nil && len(in) > 0 && in[0].Op.Name() == s.Name()
		}
		return t.handle.Op.Name() == in[0].Op.Name() && t.handle.Index == in[0].Index
	})
}

// importedTable returns the table that a node fills with restored keys and values.
func importedTable(o *tf.Operation) (Saveable, error) {
	refuse := func(why string) error {
		return fault(tfkeep.ErrUnsupported, "operation %s (%s) restores state that is no variable, and a new Saver would leave it out: %s; "+
			"save with the Saver of the meta graph (Options.SaverDef), or list a Saveable for it", o.Name(), o.Type(), why)
	}
	if o.Type() != "LookupTableImportV2" {
		return nil, refuse("how it is saved is not known")
	}
	in := inputs(o)
	keys, values := restoredName(in[1]), restoredName(in[2])
	name, ok := strings.CutSuffix(keys, "-keys")
	if !ok || values != name+"-values" {
		return nil, refuse("its names in the checkpoint are not known")
	}
	return NewTable(name, in[0], dtype.DataType(in[1].DataType()), dtype.DataType(in[2].DataType())), nil
}

// restoredName returns the name in the checkpoint of an output of a restore node, "" if it is
// not known.
func restoredName(out tf.Output) string {
	for out.Op.Type() == "Identity" {
		out = inputs(out.Op)[0]
	}
	if out.Op.Type() != "RestoreV2" {
		return ""
	}
	from := inputs(out.Op)[1].Op
	if from.Type() != "Const" {
		return ""
	}
	value, err := from.Attr("value")
	if err != nil {
		return ""
	}
	t, ok := value.(*tf.Tensor)
	if !ok {
		return ""
	}
	names, ok := t.Value().([]string)
	if !ok || out.Index >= len(names) {
		return ""
	}
	return names[out.Index]
}
