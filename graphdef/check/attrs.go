package check

import (
	"maps"
	"slices"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/devicename"
)

// checkAttrs finds attributes that are missing, of the wrong type, or not allowed. As in
// TensorFlow an attribute that the op does not have is no fault.
func (c *checker) checkAttrs(n *graphdef.NodeDef, op *graphdef.OpDef) {
	if _, err := devicename.Parse(n.GetDevice()); err != nil && c.devices {
		c.addFault(n.GetName(), "%v; clear the devices of the graph (ClearDevices) or correct it", err)
	}
	if class, ok := n.GetAttr()["_class"]; ok && class.GetList() == nil {
		c.addFault(n.GetName(), "the attribute _class is not a list")
	}
	for _, attr := range op.GetAttr() {
		v, ok := n.GetAttr()[attr.GetName()]
		if !ok {
			if attr.GetDefaultValue() == nil {
				c.addFault(n.GetName(), "NodeDef missing attr '%s' of op %s", attr.GetName(), op.GetName())
			}
			continue
		}
		if why := c.wrongAttr(attr, v); why != "" {
			c.addFault(n.GetName(), "%s for attr '%s' of op %s", why, attr.GetName(), op.GetName())
		}
	}
}

// wrongAttr says what is wrong with the value of an attribute, in TensorFlow's words, or "".
func (c *checker) wrongAttr(def *op_def_go_proto.OpDef_AttrDef, v *graphdef.AttrValue) string {
	has := kindOf(v)
	switch {
	case has == placeholder && c.function != "":
		return "" // the caller of the function gives the value
	case has == "":
		return "AttrValue missing value with expected type '" + def.GetType() + "'"
	case has != def.GetType() && !(has == "list" && strings.HasPrefix(def.GetType(), "list(")):
		return "AttrValue had value with type '" + has + "' when '" + def.GetType() + "' expected"
	}
	types := v.GetList().GetType()
	if def.GetType() == "type" {
		types = []dtype.DataType{v.GetType()}
	}
	for _, t := range types {
		switch {
		case t == 0:
			return "AttrValue has invalid DataType"
		case !dtype.Known(dtype.Base(t)):
			return "AttrValue has invalid DataType enum: " + fmtInt(int64(t))
		case dtype.IsRef(t):
			return "AttrValue must not have reference type value of " + dtype.CName(t)
		}
	}
	for _, shape := range append(slices.Clone(v.GetList().GetShape()), v.GetShape()) {
		for _, d := range shape.GetDim() {
			if d.GetSize() < -1 {
				return "a shape has a dimension of " + fmtInt(d.GetSize())
			}
		}
	}
	if def.GetHasMinimum() {
		got, what := v.GetI(), "Value"
		if v.GetList() != nil {
			got, what = int64(listLen(v.GetList())), "Length"
		}
		if got < def.GetMinimum() {
			return what + " " + fmtInt(got) + ", which must be at least " + fmtInt(def.GetMinimum())
		}
	}
	return notAllowed(def, v, types)
}

// notAllowed says which value is not in the list of those that the op allows, or "".
func notAllowed(def *op_def_go_proto.OpDef_AttrDef, v *graphdef.AttrValue, types []dtype.DataType) string {
	allowed := def.GetAllowedValues().GetList()
	if len(allowed.GetType()) > 0 {
		for _, t := range types {
			if !slices.Contains(allowed.GetType(), t) {
				return "Value of " + dtype.CName(t) + ", which is not in the list of allowed values,"
			}
		}
	}
	if len(allowed.GetS()) > 0 {
		texts := v.GetList().GetS()
		if v.GetList() == nil {
			texts = [][]byte{v.GetS()}
		}
		for _, s := range texts {
			if !slices.ContainsFunc(allowed.GetS(), func(a []byte) bool { return string(a) == string(s) }) {
				return "Value \"" + string(s) + "\", which is not in the list of allowed values,"
			}
		}
	}
	return ""
}

const placeholder = "placeholder"

// kindOf returns the type of an attribute's value in the words of op definitions: "type",
// "list(int)"; "list" for a list without items, "" for no value.
func kindOf(v *graphdef.AttrValue) string {
	switch v.GetValue().(type) {
	case *attr_value_go_proto.AttrValue_S:
		return "string"
	case *attr_value_go_proto.AttrValue_I:
		return "int"
	case *attr_value_go_proto.AttrValue_F:
		return "float"
	case *attr_value_go_proto.AttrValue_B:
		return "bool"
	case *attr_value_go_proto.AttrValue_Type:
		return "type"
	case *attr_value_go_proto.AttrValue_Shape:
		return "shape"
	case *attr_value_go_proto.AttrValue_Tensor:
		return "tensor"
	case *attr_value_go_proto.AttrValue_Func:
		return "func"
	case *attr_value_go_proto.AttrValue_Placeholder:
		return placeholder
	case *attr_value_go_proto.AttrValue_List:
		kinds := slices.Sorted(maps.Keys(listKinds(v.GetList())))
		if len(kinds) == 0 {
			return "list"
		}
		return "list(" + strings.Join(kinds, ", ") + ")"
	}
	return ""
}

// listKinds returns the number of items of each kind that a list has.
func listKinds(l *attr_value_go_proto.AttrValue_ListValue) map[string]int {
	all := map[string]int{
		"string": len(l.GetS()), "int": len(l.GetI()), "float": len(l.GetF()), "bool": len(l.GetB()), "type": len(l.GetType()),
		"shape": len(l.GetShape()), "tensor": len(l.GetTensor()), "func": len(l.GetFunc()),
	}
	maps.DeleteFunc(all, func(_ string, n int) bool { return n == 0 })
	return all
}

func listLen(l *attr_value_go_proto.AttrValue_ListValue) int {
	n := 0
	for _, items := range listKinds(l) {
		n += items
	}
	return n
}
