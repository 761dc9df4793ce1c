package check

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// checkVariable checks a VariableDef as TensorFlow's RefVariable and ResourceVariable do.
func (c *checker) checkVariable(i int, def *graphdef.VariableDef) {
	what := fmt.Sprintf("variable %q", def.GetVariableName())
	if def.GetVariableName() == "" {
		what = fmt.Sprintf("variable %d, which has no variable_name,", i)
	}
	handle, ok := c.tensor(what, def.GetVariableName())
	if ok && handle != nil {
		c.checkHandle(what, handle, def)
	}
	if _, isTensor, ok := c.element(what, def.GetInitializerName()); ok && isTensor {
		c.addItem("%s has the initializer %q, which is a tensor and not an operation", what, def.GetInitializerName())
	}
	if def.GetInitialValueName() != "" {
		c.tensor(what, def.GetInitialValueName())
	}
	snapshot := def.GetSnapshotName()
	if snapshot == "" && def.GetIsResource() {
		node, _, _ := strings.Cut(def.GetVariableName(), ":")
		snapshot = node + "/Read/ReadVariableOp:0"
	}
	if read, ok := c.tensor(what, snapshot); ok && read != nil && def.GetIsResource() && !c.isRead(read) {
		c.addItem("%s has the snapshot %q, which is not read from a variable", what, snapshot)
	}
	if s := def.GetSynchronization(); s < 0 || s > 3 {
		c.addItem("%s has the unknown synchronization %d", what, s)
	}
	if a := def.GetAggregation(); a < 0 || a > 3 {
		c.addItem("%s has the unknown aggregation %d", what, a)
	}
}

// tensor is element for a name that has to be a tensor's.
func (c *checker) tensor(what, name string) (*graphdef.NodeDef, bool) {
	n, isTensor, ok := c.element(what, name)
	if ok && !isTensor {
		c.addItem("%s names %q, which is an operation and not a tensor; did you mean \"%s:0\"?", what, name, name)
	}
	return n, ok && isTensor
}

// checkHandle checks the node of a variable.
func (c *checker) checkHandle(what string, handle *graphdef.NodeDef, def *graphdef.VariableDef) {
	op := c.lookup(handle.GetOp())
	if op == nil {
		return // the unknown op is reported separately
	}
	outputs := op.GetOutputArg()
	isResource := len(outputs) > 0 && outputs[0].GetType().String() == "DT_RESOURCE"
	if isResource != def.GetIsResource() {
		c.addItem("%s has is_resource %v, but its node is a %s", what, def.GetIsResource(), handle.GetOp())
	}
	for _, attr := range []string{"dtype", "shape"} {
		if isResource && def.GetIsResource() && handle.GetAttr()[attr] == nil {
			c.addItem("%s has a node, a %s, without attribute %s", what, handle.GetOp(), attr)
		}
	}
}

// isRead reports whether a node reads a variable, or a node that it takes its first input
// from does.
func (c *checker) isRead(n *graphdef.NodeDef) bool {
	for range len(c.nodes) + 1 { // the graph may have a cycle
		if n == nil || n.GetOp() == "ReadVariableOp" {
			return n != nil
		}
		inputs := nodedef.DataInputs(n)
		if len(inputs) == 0 {
			return false
		}
		n = c.nodes[nodedef.NodeName(inputs[0])]
	}
	return false
}

// checkNewSaver finds what keeps TensorFlow from making a Saver of all variables, as it does
// for a meta graph without SaverDef.
func (c *checker) checkNewSaver(mg *graphdef.MetaGraphDef) {
	whole, sliced := map[string]int{}, map[string]int{}
	for _, key := range []string{"variables", "saveable_objects"} {
		c.collection = key
		def := mg.GetCollectionDef()[key]
		if len(def.GetInt64List().GetValue())+len(def.GetFloatList().GetValue()) > 0 {
			c.addItem("it has numbers; a Saver cannot be made of them, and the meta graph has no SaverDef")
		}
		for _, name := range def.GetNodeList().GetValue() {
			c.addWhole(name, whole)
		}
		if key == "saveable_objects" {
			continue // its bytes are no variables
		}
		for _, data := range def.GetBytesList().GetValue() {
			v := &graphdef.VariableDef{}
			switch err := proto.Unmarshal(data, v); {
			case err != nil: // reported by checkCollection
			case v.SaveSliceInfoDef != nil && v.GetSaveSliceInfoDef().GetFullName() != "":
				sliced[v.GetSaveSliceInfoDef().GetFullName()]++
				c.checkSlice(v)
			default:
				c.addWhole(v.GetVariableName(), whole)
			}
		}
	}
	c.collection = "variables"
	for name, n := range whole {
		switch {
		case sliced[name] > 0:
			c.addItem("there is a variable %q, and there are slices of one; a Saver needs different names, and the meta graph has no SaverDef", name)
		case n > 1:
			c.addItem("%d items are the variable %q; a Saver needs each once, and the meta graph has no SaverDef", n, name)
		}
	}
	c.collection = ""
}

// addWhole counts a variable that is no slice.
func (c *checker) addWhole(name string, whole map[string]int) {
	node, _, isTensor := strings.Cut(name, ":")
	n := c.nodes[node]
	if n == nil {
		return // reported by checkCollection, or not of this meta graph
	}
	if n.GetOp() == "ReadVariableOp" && len(n.GetInput()) > 0 {
		node = nodedef.NodeName(n.GetInput()[0])
	} else if !nodedef.IsVariableOp(n.GetOp()) && c.lookup(n.GetOp()) != nil || !isTensor {
		c.addItem("%q, a %s, is not a variable; a Saver cannot be made of it, and the meta graph has no SaverDef", name, n.GetOp())
		return
	}
	whole[node]++
}

// checkSlice checks the slice of a partitioned variable as the restore node does that a
// Saver makes for it.
func (c *checker) checkSlice(v *graphdef.VariableDef) {
	what := fmt.Sprintf("the slice %q", v.GetVariableName())
	s := v.GetSaveSliceInfoDef()
	rank := min(len(s.GetVarOffset()), len(s.GetVarShape()))
	if len(s.GetFullShape()) != rank || rank == 0 {
		c.addItem("%s has %d dimensions in full_shape, %d in var_offset and %d in var_shape", what, len(s.GetFullShape()), len(s.GetVarOffset()), len(s.GetVarShape()))
		return
	}
	size := int64(1)
	for i, full := range s.GetFullShape() {
		offset, length := s.GetVarOffset()[i], s.GetVarShape()[i]
		if full < 0 || offset < 0 || length < 0 || offset > math.MaxInt64-length || offset+length > full {
			c.addItem("%s takes %d elements from element %d of dimension %d, which has %d", what, length, offset, i, full)
			return
		}
		if full > 0 && size > math.MaxInt64/full {
			c.addItem("%s is of a variable of the shape %v, which has too many elements", what, s.GetFullShape())
			return
		}
		size *= max(full, 1)
	}
	if n := c.nodes[nodedef.NodeName(v.GetVariableName())]; n != nil {
		dims, ok := nodedef.VariableShape(n)
		if ok && !slices.Contains(dims, -1) && !slices.Equal(dims, s.GetVarShape()[:rank]) {
			c.addItem("%s has the shape %v, but its var_shape is %v", what, dims, s.GetVarShape())
		}
	}
}
