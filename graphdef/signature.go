package graphdef

import (
	"fmt"
	"math"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"

	"github.com/tfkeep/tfkeep"
)

// maxPorts bounds the inputs or outputs that one argument of a node may stand
// for. TensorFlow's own limit on a list attribute is far lower in practice; a
// node that claims more is damaged.
const maxPorts = 1 << 20

// portCount gives how many tensors one argument of an op stands for at a node:
// one, or as many as an attribute says.
func portCount(n *NodeDef, op *OpDef, arg *op_def_go_proto.OpDef_ArgDef) (int, error) {
	switch {
	case arg.GetNumberAttr() != "":
		v := attrOrDefault(n, op, arg.GetNumberAttr())
		if v == nil {
			return 0, fmt.Errorf("attribute %s is missing", arg.GetNumberAttr())
		}
		if v.GetI() < 0 || v.GetI() > maxPorts {
			return 0, fmt.Errorf("attribute %s is %d", arg.GetNumberAttr(), v.GetI())
		}
		return int(v.GetI()), nil
	case arg.GetTypeListAttr() != "":
		v := attrOrDefault(n, op, arg.GetTypeListAttr())
		if v == nil {
			return 0, fmt.Errorf("attribute %s is missing", arg.GetTypeListAttr())
		}
		return len(v.GetList().GetType()), nil
	}
	return 1, nil
}

func portsCount(n *NodeDef, op *OpDef, args []*op_def_go_proto.OpDef_ArgDef) (int, error) {
	total := 0
	for _, arg := range args {
		c, err := portCount(n, op, arg)
		if err != nil {
			return 0, err
		}
		if total > math.MaxInt32-c {
			return 0, fmt.Errorf("too many tensors")
		}
		total += c
	}
	return total, nil
}

// outputTypes gives the types of a node's outputs, 0 where an attribute that
// would tell is missing. Reference types are given as what they refer to.
func outputTypes(n *NodeDef, op *OpDef) ([]DataType, error) {
	if op == nil {
		return nil, &tfkeep.Error{Op: "outputs", Item: "node", Name: n.GetName(), Err: tfkeep.ErrUnsupported,
			Detail: fmt.Sprintf("op %q is not known", n.GetOp())}
	}
	return portTypes(n, op, op.GetOutputArg())
}

func portTypes(n *NodeDef, op *OpDef, args []*op_def_go_proto.OpDef_ArgDef) ([]DataType, error) {
	var types []DataType
	for _, arg := range args {
		count, err := portCount(n, op, arg)
		if err != nil {
			return nil, &tfkeep.Error{Op: "signature", Item: "node", Name: n.GetName(), Err: tfkeep.ErrCorrupt, Cause: err}
		}
		if arg.GetTypeListAttr() != "" {
			types = append(types, attrOrDefault(n, op, arg.GetTypeListAttr()).GetList().GetType()...)
			continue
		}
		t := arg.GetType()
		if arg.GetTypeAttr() != "" {
			t = attrOrDefault(n, op, arg.GetTypeAttr()).GetType()
		}
		for range count {
			types = append(types, t)
		}
	}
	return types, nil
}

// OutputTypes gives the types of a node's outputs, in order, as its op's
// definition in ops (nil: BuiltinOps) says. A type that a missing attribute
// would tell is DT_INVALID; outputs that are references are given as the type
// they refer to. An op that ops lacks is tfkeep.ErrUnsupported.
func OutputTypes(n *NodeDef, ops *Ops) ([]DataType, error) {
	return outputTypes(n, ops.orBuiltin().Get(n.GetOp()))
}

// describeInputs lists the types of a node's inputs as TensorFlow does in its
// messages, "float, int32".
func describeInputs(n *NodeDef, op *OpDef) string {
	types, err := portTypes(n, op, op.GetInputArg())
	if err != nil {
		return "?"
	}
	var names []string
	for i, t := range types {
		if i == 20 {
			names = append(names, "…")
			break
		}
		names = append(names, strings.ToLower(strings.TrimPrefix(t.String(), "DT_")))
	}
	return strings.Join(names, ", ")
}

func attrOrDefault(n *NodeDef, op *OpDef, name string) *AttrValue {
	if v, ok := n.GetAttr()[name]; ok && v.GetValue() != nil {
		return v
	}
	return attrDef(op, name).GetDefaultValue()
}
