package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
)

// writeDoc writes the comment of a wrapper: what goes in, what comes out, and what the
// attributes may be.
func (w *wrapper) writeDoc(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n// %s adds an operation of this type.", w.op.Name)
	if w.op.IsStateful {
		b.WriteString(" It is stateful: equal ones are not merged.")
	}
	b.WriteString("\n")
	if d := w.op.Deprecation; d != nil {
		fmt.Fprintf(b, "//\n// TensorFlow refuses it in graphs of version %d and later.\n", d.Version)
	}
	var lines []string
	for _, in := range w.inputs {
		lines = append(lines, fmt.Sprintf("%s: input, %s", in.ident, in.doc))
	}
	for _, a := range w.required {
		lines = append(lines, fmt.Sprintf("%s: attribute, %s", a.ident, attrDoc(a.def)))
	}
	for _, out := range w.outputs {
		lines = append(lines, fmt.Sprintf("%s: output, %s", out.ident, out.doc))
	}
	for _, def := range w.inferred() {
		lines = append(lines, fmt.Sprintf("%s: %s; taken from the inputs", def.Name, attrDoc(def)))
	}
	if len(lines) == 0 {
		return
	}
	b.WriteString("//\n")
	for _, line := range lines {
		b.WriteString("//   - " + line + "\n")
	}
}

// inferred returns the attributes that the inputs decide.
func (w *wrapper) inferred() []*op_def_go_proto.OpDef_AttrDef {
	var defs []*op_def_go_proto.OpDef_AttrDef
	for _, def := range w.op.Attr {
		set := false
		for _, a := range append(w.required, w.optional...) {
			set = set || a.def == def
		}
		if !set {
			defs = append(defs, def)
		}
	}
	return defs
}

// argType describes the type of an input or output, such as "a list of N float32".
func argType(def *op_def_go_proto.OpDef_ArgDef) string {
	typ := dtype.Name(def.Type)
	switch {
	case def.TypeListAttr != "":
		return "a list with the types " + def.TypeListAttr
	case def.TypeAttr != "":
		typ = def.TypeAttr
	}
	if def.IsRef {
		typ = "reference to " + typ
	}
	if def.NumberAttr != "" {
		return "a list of " + def.NumberAttr + " × " + typ
	}
	return typ
}

// attrDoc describes an attribute: its type, its default, and the values that it may have.
func attrDoc(def *op_def_go_proto.OpDef_AttrDef) string {
	text := def.Type
	if list := def.AllowedValues.GetList(); list != nil {
		var values []string
		for _, t := range list.Type {
			values = append(values, dtype.Name(t))
		}
		for _, s := range list.S {
			values = append(values, strconv.Quote(string(s)))
		}
		text += ", one of " + strings.Join(values, ", ")
	}
	if def.HasMinimum {
		if strings.HasPrefix(def.Type, "list(") {
			text += fmt.Sprintf(", at least %d of them", def.Minimum)
		} else {
			text += fmt.Sprintf(", at least %d", def.Minimum)
		}
	}
	if def.DefaultValue != nil {
		text += ", by default " + valueDoc(def.DefaultValue)
	}
	return text
}

func valueDoc(v *graphdef.AttrValue) string {
	switch v := v.Value.(type) {
	case *attr_value_go_proto.AttrValue_S:
		return strconv.Quote(string(v.S))
	case *attr_value_go_proto.AttrValue_I:
		return strconv.FormatInt(v.I, 10)
	case *attr_value_go_proto.AttrValue_F:
		return strconv.FormatFloat(float64(v.F), 'g', -1, 32)
	case *attr_value_go_proto.AttrValue_B:
		return strconv.FormatBool(v.B)
	case *attr_value_go_proto.AttrValue_Type:
		return dtype.Name(v.Type)
	case *attr_value_go_proto.AttrValue_Shape:
		return shapeDoc(v.Shape)
	case *attr_value_go_proto.AttrValue_List:
		return listDoc(v.List)
	case *attr_value_go_proto.AttrValue_Func:
		return "no function"
	case *attr_value_go_proto.AttrValue_Tensor:
		return "a tensor"
	}
	return "nothing"
}

func shapeDoc(s *tensor_shape_go_proto.TensorShapeProto) string {
	if s.GetUnknownRank() {
		return "an unknown shape"
	}
	var dims []string
	for _, d := range s.GetDim() {
		dims = append(dims, strconv.FormatInt(d.Size, 10))
	}
	return "[" + strings.Join(dims, ", ") + "]"
}

func listDoc(l *attr_value_go_proto.AttrValue_ListValue) string {
	var values []string
	for _, v := range l.GetS() {
		values = append(values, strconv.Quote(string(v)))
	}
	for _, v := range l.GetI() {
		values = append(values, strconv.FormatInt(v, 10))
	}
	for _, v := range l.GetF() {
		values = append(values, strconv.FormatFloat(float64(v), 'g', -1, 32))
	}
	for _, v := range l.GetB() {
		values = append(values, strconv.FormatBool(v))
	}
	for _, v := range l.GetType() {
		values = append(values, dtype.Name(v))
	}
	for _, v := range l.GetShape() {
		values = append(values, shapeDoc(v))
	}
	return "[" + strings.Join(values, ", ") + "]"
}
