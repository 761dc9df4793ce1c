package ports

import (
	"fmt"
	"math"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
)

// Arg is an argument in the definition of an op.
type Arg = op_def_go_proto.OpDef_ArgDef

// maxPorts bounds the inputs or outputs that one argument of a node may stand for.
// TensorFlow's own limit on a list attribute is far lower in practice; a node that
// claims more is damaged.
const maxPorts = 1 << 20

// Count returns the number of tensors that args stand for at a node.
func Count(n *graphdef.NodeDef, op *graphdef.OpDef, args []*Arg) (int, error) {
	total := 0
	for _, arg := range args {
		c, err := count(n, op, arg)
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

// count returns the number of tensors of one argument: one, or as many as an
// attribute says.
func count(n *graphdef.NodeDef, op *graphdef.OpDef, arg *Arg) (int, error) {
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

// Types returns the types of the tensors that args stand for at a node. A type is
// DT_INVALID if the attribute that names it is missing.
func Types(n *graphdef.NodeDef, op *graphdef.OpDef, args []*Arg) ([]dtype.DataType, error) {
	return typesOf(n, op, args, func(_ *Arg, t dtype.DataType) dtype.DataType { return t })
}

// RefTypes is Types with the types of references, float_ref, where args are references.
func RefTypes(n *graphdef.NodeDef, op *graphdef.OpDef, args []*Arg) ([]dtype.DataType, error) {
	return typesOf(n, op, args, func(arg *Arg, t dtype.DataType) dtype.DataType {
		if arg.GetIsRef() && t != 0 {
			return dtype.Ref(t)
		}
		return t
	})
}

func typesOf(n *graphdef.NodeDef, op *graphdef.OpDef, args []*Arg, as func(*Arg, dtype.DataType) dtype.DataType) ([]dtype.DataType, error) {
	var types []dtype.DataType
	for _, arg := range args {
		c, err := count(n, op, arg)
		if err != nil {
			return nil, err
		}
		if arg.GetTypeListAttr() != "" {
			types = append(types, attrOrDefault(n, op, arg.GetTypeListAttr()).GetList().GetType()...)
			continue
		}
		t := arg.GetType()
		if arg.GetTypeAttr() != "" {
			t = attrOrDefault(n, op, arg.GetTypeAttr()).GetType()
		}
		t = as(arg, t)
		for range c {
			types = append(types, t)
		}
	}
	return types, nil
}

// AttrDef returns an op's definition of an attribute, or nil.
func AttrDef(op *graphdef.OpDef, name string) *op_def_go_proto.OpDef_AttrDef {
	for _, attr := range op.GetAttr() {
		if attr.GetName() == name {
			return attr
		}
	}
	return nil
}

func attrOrDefault(n *graphdef.NodeDef, op *graphdef.OpDef, name string) *graphdef.AttrValue {
	if v, ok := n.GetAttr()[name]; ok && v.GetValue() != nil {
		return v
	}
	return AttrDef(op, name).GetDefaultValue()
}
