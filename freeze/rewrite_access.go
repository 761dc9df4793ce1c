package freeze

import (
	"cmp"
	"slices"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"

	"github.com/tfkeep/tfkeep"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// rewriteRead rewrites an operation that takes a handle and returns a value. in are its
// inputs that carry variables.
func (w *rewriting) rewriteRead(i int, in map[int]carrier) error {
	value := in[0].dtype
	switch n := w.nodes[i]; n.Op {
	case "ReadVariableOp":
		turnInto(w.mutable(i), "Identity", attrs{"T": nodedef.TypeAttr(value)})
		w.renamed[n.Name+":value"] = n.Name + ":output"
	case "ResourceGather":
		w.rewriteGather(w.mutable(i), value)
	case "ResourceGatherNd":
		turnInto(w.mutable(i), "GatherNd", attrs{"Tparams": nodedef.TypeAttr(value), "Tindices": nodedef.TypeAttr(n.Attr["Tindices"].GetType())})
	case "VariableShape":
		out := cmp.Or(n.Attr["out_type"].GetType(), dtype.Int32)
		turnInto(w.mutable(i), "Shape", attrs{"T": nodedef.TypeAttr(value), "out_type": nodedef.TypeAttr(out)})
	case "VarIsInitializedOp", "IsVariableInitialized":
		n = w.mutable(i)
		n.Input = controlInputs(n)
		yes := &tensorpb.TensorProto{Dtype: dtype.Bool, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}, BoolVal: []bool{true}}
		turnInto(n, "Const", attrs{"dtype": nodedef.TypeAttr(dtype.Bool), "value": nodedef.TensorAttr(yes)})
		w.renamed[n.Name+":is_initialized"] = n.Name + ":output"
	default:
		return w.checkPlainRead(n, in)
	}
	w.report.Converted++
	return nil
}

// checkPlainRead refuses an operation that takes a handle. A reference is read like any
// value.
func (w *rewriting) checkPlainRead(n *graphdef.NodeDef, in map[int]carrier) error {
	for k, c := range in {
		if c.resource || isReference(n.Op, k) {
			return nodeError(w.body, n, tfkeep.ErrUnsupported,
				"it takes a variable itself and has no counterpart for a value; put the variable on the denylist, or choose outputs that do not need the node")
		}
	}
	return nil
}

// rewriteGather turns a ResourceGather into a GatherV2, which takes the axis as a third
// input.
func (w *rewriting) rewriteGather(n *graphdef.NodeDef, value dtype.DataType) {
	batchDims, index := n.Attr["batch_dims"].GetI(), n.Attr["Tindices"].GetType()
	axis := nodedef.Const(n.Name+"/axis", intScalar(index, batchDims))
	if from := w.parse(n.Input[0]); !w.isConst(from.node) {
		// Inside a loop a constant must be told which frame it lives in.
		axis.Input = []string{"^" + from.node}
	}
	set := attrs{"Tparams": nodedef.TypeAttr(value), "Tindices": nodedef.TypeAttr(index), "Taxis": nodedef.TypeAttr(index)}
	if batchDims != 0 {
		set["batch_dims"] = intAttr(batchDims)
	}
	turnInto(n, "GatherV2", set)
	axisInput := axis.Name
	if w.fn != nil {
		axisInput += ":output:0"
	}
	n.Input = slices.Concat(nodedef.DataInputs(n), []string{axisInput}, controlInputs(n))
	w.added = append(w.added, axis)
}

// rewriteWrite removes a node that changes a frozen variable, or turns it into
// arithmetic where its result is used.
func (w *rewriting) rewriteWrite(i int, in map[int]carrier) error {
	n := w.nodes[i]
	target, ok := in[0]
	if !ok {
		return w.checkWriteElsewhere(n, in)
	}
	if w.uses[n.Name] == 0 && !w.keep[n.Name] {
		w.repaired(n, "")
		w.dead[n.Name] = true
		return nil
	}
	to := writeOps[n.Op]
	if to == "" || target.resource {
		return nodeError(w.body, n, tfkeep.ErrUnsupported,
			"it changes a frozen variable, and its result is used; choose outputs that do not need the node, or put the variable on the denylist")
	}
	n = w.mutable(i)
	w.repaired(n, to)
	turnInto(n, to, attrs{"T": nodedef.TypeAttr(target.dtype)})
	if to == "Identity" { // Assign returns what it assigns
		n.Input = append([]string{n.Input[1]}, controlInputs(n)...)
		w.renamed[n.Name+":output_ref"] = n.Name + ":output"
	} else {
		w.renamed[n.Name+":output_ref"] = n.Name + ":z"
	}
	return nil
}

// checkWriteElsewhere refuses an update of another variable that needs a frozen one as
// a variable. It may read a frozen one.
func (w *rewriting) checkWriteElsewhere(n *graphdef.NodeDef, in map[int]carrier) error {
	for k, c := range in {
		if c.resource || isReference(n.Op, k) {
			return nodeError(w.body, n, tfkeep.ErrUnsupported,
				"it updates a variable that stays with the help of one that is frozen; freeze both or neither")
		}
	}
	return nil
}

func (w *rewriting) repaired(n *graphdef.NodeDef, to string) {
	w.report.Repairs = append(w.report.Repairs, Repair{Node: n.Name, Func: w.funcName(), From: n.Op, To: to})
}
