package main

import (
	"bytes"
	"fmt"
	"go/token"
	"slices"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
)

// wrapper is the Go function for one op.
type wrapper struct {
	op                 *graphdef.OpDef
	inputs, outputs    []arg
	required, optional []attr
}

// arg is an input or an output.
type arg struct {
	name, ident, doc string
	list             bool
}

// attr is an attribute.
type attr struct {
	def   *op_def_go_proto.OpDef_AttrDef
	ident string
	typ   attrType
	// camel is the end of the name of the function that sets an optional attribute.
	camel string
}

// attrType is the Go type of an attribute.
type attrType struct {
	text string
	// dataType is set if the type is a type parameter for both kinds of element types.
	dataType bool
}

func newWrapper(op *graphdef.OpDef) (*wrapper, error) {
	w := &wrapper{op: op}
	taken := map[string]bool{"scope": true, "o": true, "r": true, "a": true, "m": true, "D": true, "tf": true, "dtype": true, "optional": true, "results": true, "add": true, "attrs": true, "with": true, "funcs": true, "dataTypes": true}
	inferred := make(map[string]bool)
	for _, in := range op.InputArg {
		w.inputs = append(w.inputs, newArg(in, taken))
		for _, name := range []string{in.TypeAttr, in.TypeListAttr, in.NumberAttr} {
			inferred[name] = true
		}
	}
	for _, def := range op.Attr {
		if inferred[def.Name] {
			continue
		}
		typ, err := goType(def.Type)
		if err != nil {
			return nil, err
		}
		renamed := def.Name
		if to, ok := attrNames[op.Name+"."+def.Name]; ok {
			renamed = to
		}
		a := attr{def: def, typ: typ, camel: camelCase(renamed)}
		if def.DefaultValue == nil {
			a.ident = identifier(def.Name, taken)
			w.required = append(w.required, a)
		} else {
			w.optional = append(w.optional, a)
		}
	}
	for _, out := range op.OutputArg {
		w.outputs = append(w.outputs, newArg(out, taken))
	}
	return w, nil
}

func newArg(def *op_def_go_proto.OpDef_ArgDef, taken map[string]bool) arg {
	return arg{
		name: def.Name, ident: identifier(def.Name, taken), doc: argType(def),
		list: def.NumberAttr != "" || def.TypeListAttr != "",
	}
}

// identifier returns the Go name of an argument, and marks it as taken.
func identifier(name string, taken map[string]bool) string {
	name = camelCase(name)
	if name != "" {
		name = strings.ToLower(name[:1]) + name[1:]
	}
	for taken[name] || token.IsKeyword(name) || name == "" || predeclared[name] {
		name += "_"
	}
	taken[name] = true
	return name
}

// predeclared are the names of Go that the wrappers use.
var predeclared = map[string]bool{"string": true, "bool": true, "int64": true, "float32": true, "nil": true}

func camelCase(snake string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(snake, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

func goType(typ string) (attrType, error) {
	element, list := strings.CutPrefix(strings.TrimSuffix(typ, ")"), "list(")
	t, ok := map[string]attrType{
		"int": {text: "int64"}, "float": {text: "float32"}, "bool": {text: "bool"}, "string": {text: "string"},
		"type": {text: "D", dataType: true}, "shape": {text: "tf.Shape"}, "tensor": {text: "tf.Tensor"}, "func": {text: "tf.Func"},
	}[element]
	if !ok {
		return attrType{}, fmt.Errorf("unknown type of attribute: %s", typ)
	}
	if list {
		t.text = "[]" + t.text
	}
	return t, nil
}

func (w *wrapper) write(b *bytes.Buffer) {
	name := w.op.Name
	if len(w.optional) > 0 {
		fmt.Fprintf(b, "\n// %sAttr is an optional attribute of %s.\ntype %[1]sAttr func(attrs)\n", name, name)
		for _, a := range w.optional {
			generic := ""
			if a.typ.dataType {
				generic = "[D tf.AnyDataType]"
			}
			value := a.typ.value("value")
			fmt.Fprintf(b, "\n// %s%s sets %s: %s.\n", name, a.camel, a.def.Name, attrDoc(a.def))
			fmt.Fprintf(b, "func %s%s%s(value %s) %[1]sAttr {\n\treturn option(%[5]q, %[6]s)\n}\n", name, a.camel, generic, a.typ.text, a.def.Name, value)
		}
	}
	w.writeDoc(b)
	w.writeFunc(b)
}

// value returns the expression of a value of the type as AddOp takes it.
func (t attrType) value(ident string) string {
	switch t.text {
	case "D":
		return "dtype.DataType(" + ident + ")"
	case "[]D":
		return "dataTypes(" + ident + ")"
	case "tf.Func":
		return ident + ".AttrValue()"
	case "[]tf.Func":
		return "funcs(" + ident + ")"
	case "tf.Tensor":
		return "&" + ident
	}
	return ident
}

func (w *wrapper) writeFunc(b *bytes.Buffer) {
	generic := ""
	var params []string
	for _, p := range w.inputs {
		params = append(params, p.ident+" "+p.goType())
	}
	types := 0
	var values []string
	for _, a := range w.required {
		text := a.typ.text
		if a.typ.dataType {
			types++
			param := "D"
			if types > 1 {
				param = fmt.Sprint("D", types)
			}
			text = strings.Replace(text, "D", param, 1)
			if generic != "" {
				generic += ", "
			}
			generic += param
		}
		params = append(params, a.ident+" "+text)
		values = append(values, fmt.Sprintf("%q: %s", a.def.Name, a.typ.value(a.ident)))
	}
	if generic != "" {
		generic = "[" + generic + " tf.AnyDataType]"
	}
	if len(w.optional) > 0 {
		params = append(params, "optional ..."+w.op.Name+"Attr")
	}
	attrs := "nil"
	if len(w.required)+len(w.optional) > 0 {
		attrs = "attrs{" + strings.Join(values, ", ") + "}"
	}
	if len(w.optional) > 0 {
		attrs = "with(" + attrs + ", optional)"
	}
	call := fmt.Sprintf("add(scope, %q, %s", w.op.Name, attrs)
	for _, in := range w.inputs {
		if in.list {
			call += ", tf.OutputList(" + in.ident + ")"
		} else {
			call += ", " + in.ident
		}
	}
	call += ")"
	fmt.Fprintf(b, "func %s%s(%s) (%s) {\n%s}\n", w.op.Name, generic, strings.Join(append([]string{"scope *Scope"}, params...), ", "), w.results(), w.body(call))
}

func (a arg) goType() string {
	if a.list {
		return "[]tf.Output"
	}
	return "tf.Output"
}

func (w *wrapper) results() string {
	if len(w.outputs) == 0 {
		return "o *tf.Operation"
	}
	var results []string
	for _, out := range w.outputs {
		results = append(results, out.ident+" "+out.goType())
	}
	return strings.Join(results, ", ")
}

// body returns the statements of the function, whose operation is added by call.
func (w *wrapper) body(call string) string {
	if len(w.outputs) == 0 {
		return "\treturn " + call + "\n"
	}
	if !slices.ContainsFunc(w.outputs, func(a arg) bool { return a.list }) {
		if len(w.outputs) == 1 {
			return "\treturn tf.Out(" + call + ", 0)\n"
		}
		var values []string
		for i := range w.outputs {
			values = append(values, fmt.Sprintf("tf.Out(o, %d)", i))
		}
		return "\to := " + call + "\n\treturn " + strings.Join(values, ", ") + "\n"
	}
	text := "\tr := results{scope: scope, o: " + call + "}\n"
	for _, out := range w.outputs {
		if out.list {
			text += fmt.Sprintf("\t%s = r.list(%q)\n", out.ident, out.name)
		} else {
			text += fmt.Sprintf("\t%s = r.one()\n", out.ident)
		}
	}
	return text + "\treturn\n"
}
