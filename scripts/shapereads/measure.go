//go:build linux

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// result says at which arguments of an op TensorFlow looks.
type result struct {
	op   *graphdef.OpDef
	ok   bool // a graph with the op was imported
	args map[string]bool
}

// String returns a line of the list: the op and the positions of the arguments.
func (r *result) String() string {
	line := r.op.GetName()
	for i, arg := range r.op.GetInputArg() {
		if r.args[arg.GetName()] {
			line += fmt.Sprint(" ", i)
		}
	}
	return line
}

// shapes are those that the inputs get: scalars, sizes and paddings of images, matrices.
var shapes = [][]int64{{}, {1}, {2}, {3}, {4}, {5}, {6}, {1, 1}, {1, 2}, {2, 2}, {3, 2}, {4, 2}, {2, 3}, {2, 2, 2}, {2, 2, 2, 2}, {1, 1, 1, 1}, {4, 4, 4, 4}, {2, 2, 2, 2, 2}}

// measure imports graphs with the op. Each input in turn is the only one whose value is
// known, and has each of the shapes; then all values are known, and the shape of the first
// input differs from the others.
func measure(w *watcher, op *graphdef.OpDef) *result {
	r := &result{op: op, args: map[string]bool{}}
	if strings.HasPrefix(op.GetName(), "_") {
		return r
	}
	for _, types := range typeChoices(op) {
		for _, shape := range shapes {
			for i := range op.GetInputArg() {
				for _, others := range [][]int64{nil, {2}, {2, 2}, {2, 2, 2, 2}} {
					r.try(w, variant{types: types, first: others, rest: others, only: i, shape: shape})
				}
			}
			for _, flags := range []bool{false, true} {
				r.try(w, variant{types: types, first: shape, rest: shape, only: -1, flags: flags})
			}
		}
		for _, first := range shapes {
			for _, rest := range [][]int64{{}, {1}, {2}, {2, 2}} {
				r.try(w, variant{types: types, first: first, rest: rest, only: -1})
			}
		}
	}
	return r
}

// harmless has the shapes of arguments for which an op does not end the process. Package safety
// refuses the others.
var harmless = map[string]map[int][]int64{
	"SplitV": {1: {2}, 2: {}},
	"FakeQuantWithMinMaxVarsPerChannelGradient": {0: {2, 2}, 1: {2, 2}, 2: {2}, 3: {2}},
}

// variant is one graph that is tried.
type variant struct {
	types       map[string]dtype.DataType
	first, rest []int64 // shapes; nil is unknown
	only        int     // the argument whose value is known, -1 for all
	shape       []int64 // of that argument
	flags       bool    // the value of flags
}

// typeChoices returns choices of the op's type attributes.
func typeChoices(op *graphdef.OpDef) []map[string]dtype.DataType {
	var choices []map[string]dtype.DataType
	for _, wanted := range []dtype.DataType{dtype.Int32, dtype.Float32, dtype.String} {
		types := map[string]dtype.DataType{}
		for _, a := range op.GetAttr() {
			if a.GetType() != "type" && a.GetType() != "list(type)" {
				continue
			}
			allowed := a.GetAllowedValues().GetList().GetType()
			types[a.GetName()] = wanted
			if len(allowed) > 0 && !slices.Contains(allowed, wanted) {
				types[a.GetName()] = allowed[0]
			}
		}
		if !slices.ContainsFunc(choices, func(c map[string]dtype.DataType) bool { return maps.Equal(c, types) }) {
			choices = append(choices, types)
		}
	}
	return choices
}

// try imports one graph and notes which files were opened.
func (r *result) try(w *watcher, v variant) {
	g := &graphdef.GraphDef{Library: &function_go_proto.FunctionDefLibrary{Function: []*function_go_proto.FunctionDef{
		{Signature: &op_def_go_proto.OpDef{Name: "f"}},
	}}}
	n := &graphdef.NodeDef{Name: "n", Op: r.op.GetName(), Attr: map[string]*graphdef.AttrValue{}}
	for _, a := range r.op.GetAttr() {
		n.Attr[a.GetName()] = v.attr(a)
		if s, ok := texts[a.GetName()]; ok && a.GetType() == "string" && a.GetDefaultValue() == nil {
			n.Attr[a.GetName()] = &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_S{S: []byte(s)}}
		}
	}
	var owners []int // the argument of each input
	for i, arg := range r.op.GetInputArg() {
		count := 1
		if arg.GetNumberAttr() != "" || arg.GetTypeListAttr() != "" {
			count = int(max(n.Attr[arg.GetNumberAttr()].GetI(), 1))
		}
		dt := arg.GetType()
		if a := arg.GetTypeAttr() + arg.GetTypeListAttr(); a != "" {
			dt = v.types[a]
		}
		shape := v.rest
		switch fixed, ok := harmless[r.op.GetName()][i]; {
		case ok:
			shape = fixed
		case i == v.only:
			shape = v.shape
		case i == 0:
			shape = v.first
		}
		for range count {
			if len(owners) == maxInputs {
				return
			}
			if arg.GetIsRef() {
				n.Input = append(n.Input, addVariable(g, len(owners), dt, shape))
			} else {
				n.Input = append(n.Input, addInput(g, w, len(owners), dt, shape, v.only < 0 || v.only == i))
			}
			owners = append(owners, i)
		}
	}
	g.Node = append(g.Node, n)
	raw, err := graphdef.MarshalBinary(g)
	if err != nil {
		return
	}
	if _, err := capi.Import(tensorflow.NewGraph(), raw, &capi.ImportOptions{}); err == nil {
		r.ok = true
	}
	for i := range w.opened() {
		if i < len(owners) {
			r.args[r.op.GetInputArg()[owners[i]].GetName()] = true
		}
	}
}

// attr returns a value for an attribute.
func (v variant) attr(a *op_def_go_proto.OpDef_AttrDef) *graphdef.AttrValue {
	list := &attr_value_go_proto.AttrValue_ListValue{}
	switch a.GetType() {
	case "type":
		return nodedef.TypeAttr(v.types[a.GetName()])
	case "list(type)":
		list.Type = []dtype.DataType{v.types[a.GetName()]}
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: list}}
	case "bool":
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_B{B: v.flags}}
	}
	if a.GetDefaultValue() != nil {
		return a.GetDefaultValue()
	}
	switch a.GetType() {
	case "int":
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_I{I: max(a.GetMinimum(), 2)}}
	case "float":
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_F{F: 1}}
	case "string":
		var s []byte
		if allowed := a.GetAllowedValues().GetList().GetS(); len(allowed) > 0 {
			s = allowed[0]
		}
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_S{S: s}}
	case "shape":
		if v.flags { // some ops take only a shape that is known
			return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_Shape{Shape: nodedef.ShapeProto(v.rest)}}
		}
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_Shape{Shape: &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true}}}
	case "tensor":
		return nodedef.TensorAttr(&tensor_go_proto.TensorProto{Dtype: dtype.Int32, TensorShape: nodedef.ShapeProto(nil), IntVal: []int32{1}})
	case "func":
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_Func{Func: &attr_value_go_proto.NameAttrList{Name: "f"}}}
	case "list(int)":
		list.I = slices.Repeat([]int64{1}, max(4, len(v.rest), int(a.GetMinimum())))
	case "list(float)":
		list.F = slices.Repeat([]float32{1}, max(1, int(a.GetMinimum())))
	case "list(string)":
		list.S = [][]byte{[]byte("a")}
		if s, ok := texts[a.GetName()]; ok {
			list.S = [][]byte{[]byte(s), []byte(s)} // as many as there are inputs
		}
	case "list(shape)":
		list.Shape = []*tensor_shape_go_proto.TensorShapeProto{{UnknownRank: true}}
	case "list(func)":
		list.Func = []*attr_value_go_proto.NameAttrList{{Name: "f"}}
	}
	return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: list}}
}

// texts has values for attributes that must not be just any text.
var texts = map[string]string{"equation": "...,...->...", "row_partition_types": "ROW_SPLITS", "communication_hint": "auto"}

// addVariable adds a variable, for an input that takes a reference.
func addVariable(g *graphdef.GraphDef, input int, dt dtype.DataType, shape []int64) string {
	dims := nodedef.ShapeProto(shape)
	dims.UnknownRank = shape == nil
	n := &graphdef.NodeDef{Name: fmt.Sprint("v", input), Op: "VariableV2", Attr: map[string]*graphdef.AttrValue{
		"dtype": nodedef.TypeAttr(dt), "shape": {Value: &attr_value_go_proto.AttrValue_Shape{Shape: dims}}}}
	g.Node = append(g.Node, n)
	return n.GetName()
}

// addInput adds the nodes that compute an input from the content of its file. An input that
// is not known is a placeholder.
func addInput(g *graphdef.GraphDef, w *watcher, input int, dt dtype.DataType, shape []int64, known bool) string {
	name := func(s string) string { return fmt.Sprint(s, input) }
	add := func(n *graphdef.NodeDef) string {
		g.Node = append(g.Node, n)
		return n.GetName()
	}
	if !known || dt == dtype.Resource || dt == dtype.Variant {
		dims := nodedef.ShapeProto(shape)
		dims.UnknownRank = shape == nil
		return add(&graphdef.NodeDef{Name: name("p"), Op: "Placeholder", Attr: map[string]*graphdef.AttrValue{
			"dtype": nodedef.TypeAttr(dt), "shape": {Value: &attr_value_go_proto.AttrValue_Shape{Shape: dims}}}})
	}
	path := add(nodedef.Const(name("path"), &tensor_go_proto.TensorProto{Dtype: dtype.String, TensorShape: nodedef.ShapeProto(nil), StringVal: [][]byte{[]byte(w.file(input))}}))
	value := add(&graphdef.NodeDef{Name: name("file"), Op: "ReadFile", Input: []string{path}})
	if dt != dtype.String {
		value = add(&graphdef.NodeDef{Name: name("raw"), Op: "DecodeRaw", Input: []string{value}, Attr: map[string]*graphdef.AttrValue{"out_type": nodedef.TypeAttr(dtype.Int32)}})
		value = add(&graphdef.NodeDef{Name: name("cast"), Op: "Cast", Input: []string{value}, Attr: map[string]*graphdef.AttrValue{"SrcT": nodedef.TypeAttr(dtype.Int32), "DstT": nodedef.TypeAttr(dt)}})
	}
	sizes := &tensor_go_proto.TensorProto{Dtype: dtype.Int32, TensorShape: nodedef.ShapeProto([]int64{int64(len(shape))})}
	for _, size := range shape {
		sizes.IntVal = append(sizes.IntVal, int32(size))
	}
	to := add(nodedef.Const(name("shape"), sizes))
	return add(&graphdef.NodeDef{Name: name("input"), Op: "Reshape", Input: []string{value, to}, Attr: map[string]*graphdef.AttrValue{"T": nodedef.TypeAttr(dt), "Tshape": nodedef.TypeAttr(dtype.Int32)}})
}
