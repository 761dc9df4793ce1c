//go:build linux

package main

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"

	tensorflow "github.com/galeone/tensorflow/tensorflow/go"

	"github.com/tfkeep/tfkeep/capi"
	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/graphdef/check"
	"github.com/tfkeep/tfkeep/graphdef/opdef"
	"github.com/tfkeep/tfkeep/graphdef/safety"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// tries reports whether an op is fuzzed.
func (o *options) tries(op string) bool {
	if o.only != "" {
		for name := range strings.SplitSeq(o.only, ",") {
			if name == op {
				return true
			}
		}
		return false
	}
	return true
}

// fuzzer imports graphs with one op.
type fuzzer struct {
	ops       *opdef.Set
	op        *graphdef.OpDef
	checked   bool
	r         *rand.Rand
	tame      bool // numbers are small ones
	g         *graphdef.GraphDef
	imported  int
	lastError string
	slow      time.Duration
	slowest   string
}

// try imports the graph of a number.
func (f *fuzzer) try(seed uint64, number int, out *bufio.Writer) error {
	f.seed(seed, number)
	f.build()
	if f.checked {
		if err := check.Graph(f.g, &check.Options{Ops: f.ops, GraphVersion: -1}); err != nil {
			f.lastError = err.Error()
			return nil
		}
		if err := safety.CheckImport(f.g, &safety.ImportOptions{Ops: f.ops}); err != nil {
			f.lastError = err.Error()
			return nil
		}
	}
	raw, err := graphdef.MarshalBinary(f.g)
	if err != nil {
		return err
	}
	id := fmt.Sprintf("%s:%d", f.op.GetName(), number)
	fmt.Fprintf(out, "begin %s\n", id)
	if err := out.Flush(); err != nil {
		return err
	}
	begin := time.Now()
	_, err = capi.Import(tensorflow.NewGraph(), raw, &capi.ImportOptions{})
	if took := time.Since(begin); took > f.slow {
		f.slow, f.slowest = took, id
	}
	if err != nil {
		f.lastError = err.Error()
	} else {
		f.imported++
	}
	return nil
}

// seed makes the random numbers of a graph.
func (f *fuzzer) seed(seed uint64, number int) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(f.op.GetName()))
	f.r = rand.New(rand.NewPCG(seed^h.Sum64(), uint64(number)))
	f.tame = f.r.IntN(2) == 0
}

// build makes a graph of one node with the op, its inputs, and sometimes a node whose shape
// is the node's value, so that TensorFlow evaluates the node.
func (f *fuzzer) build() {
	f.g = &graphdef.GraphDef{Library: &function_go_proto.FunctionDefLibrary{Function: []*function_go_proto.FunctionDef{
		{Signature: &op_def_go_proto.OpDef{Name: "f"}},
	}}}
	n := &graphdef.NodeDef{Name: "n", Op: f.op.GetName(), Attr: map[string]*graphdef.AttrValue{}}
	types := map[string]dtype.DataType{}
	same := f.anyType(nil)
	for _, a := range f.op.GetAttr() {
		allowed := a.GetAllowedValues().GetList().GetType()
		switch a.GetType() {
		case "type", "list(type)":
			types[a.GetName()] = f.anyType(allowed)
			if f.r.IntN(3) > 0 && (len(allowed) == 0 || contains(allowed, same)) {
				types[a.GetName()] = same
			}
		}
	}
	listLength := f.pick(0, 1, 2, 3, 4, 5)
	for _, a := range f.op.GetAttr() {
		if v := f.attr(a, types, listLength); v != nil {
			n.Attr[a.GetName()] = v
		}
	}
	known := f.r.IntN(3) // all inputs constant, none, some
	shape := f.shape()
	inputs := 0
	for _, arg := range f.op.GetInputArg() {
		count := 1
		if arg.GetNumberAttr() != "" {
			count = int(max(0, min(n.Attr[arg.GetNumberAttr()].GetI(), 8)))
		}
		dt := arg.GetType()
		if a := arg.GetTypeAttr(); a != "" {
			dt = types[a]
		}
		list := []dtype.DataType{}
		if a := arg.GetTypeListAttr(); a != "" {
			list = n.Attr[a].GetList().GetType()
			count = len(list)
		}
		for i := range count {
			if len(list) > 0 {
				dt = list[i]
			}
			dims := shape
			if f.r.IntN(2) == 0 {
				dims = f.shape()
			}
			n.Input = append(n.Input, f.input(inputs, dt, dims, known == 0 || known == 2 && f.r.IntN(2) == 0, arg.GetIsRef()))
			inputs++
		}
	}
	f.g.Node = append(f.g.Node, n)
	if verdict, _ := safety.Lookup(f.op.GetName()); known != 1 && len(f.op.GetOutputArg()) > 0 && verdict == safety.Load && f.r.IntN(2) == 0 {
		f.evaluate(types)
	}
}

func contains(list []dtype.DataType, t dtype.DataType) bool {
	for _, l := range list {
		if l == t {
			return true
		}
	}
	return false
}

func (f *fuzzer) pick(from ...int64) int64 { return from[f.r.IntN(len(from))] }

func (f *fuzzer) anyType(allowed []dtype.DataType) dtype.DataType {
	if len(allowed) == 0 {
		allowed = []dtype.DataType{dtype.Int32, dtype.Int64, dtype.Float32, dtype.Float32, dtype.Int32, dtype.String, dtype.Bool, dtype.Float64, dtype.Uint8, dtype.Float16, dtype.Complex64}
	}
	return allowed[f.r.IntN(len(allowed))]
}

// shape returns random dimensions; nil is an unknown rank, and -1 an unknown dimension.
func (f *fuzzer) shape() []int64 {
	rank := int(f.pick(-1, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 8))
	if rank < 0 {
		return nil
	}
	dims := make([]int64, rank)
	even := f.r.IntN(2) == 0
	for i := range dims {
		dims[i] = f.pick(-1, 0, 1, 1, 2, 2, 3, 4, 5, 7, 8, 16)
		if even {
			dims[i] = f.pick(1, 2, 2, 2, 3, 4)
		}
	}
	if !f.tame && f.r.IntN(12) == 0 && rank > 0 {
		dims[f.r.IntN(rank)] = f.pick(1<<31-1, 1<<31, 1<<32, 1<<40, 1<<61, 1<<62)
	}
	return dims
}

func (f *fuzzer) number() int64 {
	if f.tame || f.r.IntN(4) > 0 {
		return f.pick(0, 1, 1, 2, 2, 3, 4, 5, 8)
	}
	return f.pick(-1, -2, 6, 7, 9, 16, 64, 100, 1000, 1<<31-1, -1<<31, 1<<31, 1<<32, 1<<62, -1<<62, math.MaxInt64, math.MinInt64)
}

var words = []string{"", "a", "SAME", "VALID", "NHWC", "NCHW", "NDHWC", "ij,jk->ik", "...", "->", "a,b->", "ab,bc->ac", "Add", "%", "{}", "max", "min", "(", ".*", "UTF-8", "EXPLICIT", "a.b", "int32", "\xff", "local://", "bilinear", "CONSTANT", "NEAREST", "file:///nonexistent", "r", "-,-"}

func (f *fuzzer) text(a *op_def_go_proto.OpDef_AttrDef) []byte {
	if allowed := a.GetAllowedValues().GetList().GetS(); len(allowed) > 0 {
		return allowed[f.r.IntN(len(allowed))]
	}
	if v := a.GetDefaultValue().GetS(); len(v) > 0 && f.r.IntN(2) == 0 {
		return v
	}
	return []byte(words[f.r.IntN(len(words))])
}

// attr returns a value for an attribute, or nil for its default.
func (f *fuzzer) attr(a *op_def_go_proto.OpDef_AttrDef, types map[string]dtype.DataType, length int64) *graphdef.AttrValue {
	if f.r.IntN(5) == 0 {
		length = f.pick(0, 1, 2, 3, 4, 5, 6, 8)
	}
	if a.GetHasMinimum() && strings.HasPrefix(a.GetType(), "list") && length < a.GetMinimum() {
		length = a.GetMinimum()
	}
	list := &attr_value_go_proto.AttrValue_ListValue{}
	shape := func() *tensor_shape_go_proto.TensorShapeProto {
		dims := f.shape()
		p := nodedef.ShapeProto(dims)
		p.UnknownRank = dims == nil
		return p
	}
	switch a.GetType() {
	case "type":
		return nodedef.TypeAttr(types[a.GetName()])
	case "list(type)":
		for range length {
			t := types[a.GetName()]
			if f.r.IntN(4) == 0 {
				t = f.anyType(a.GetAllowedValues().GetList().GetType())
			}
			list.Type = append(list.Type, t)
		}
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: list}}
	}
	if a.GetDefaultValue() != nil && (f.r.IntN(3) == 0 || f.tame && f.r.IntN(2) == 0) {
		return nil
	}
	switch a.GetType() {
	case "bool":
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_B{B: f.r.IntN(2) == 0}}
	case "int":
		v := f.number()
		if a.GetHasMinimum() {
			v = max(v, a.GetMinimum())
		}
		if isCount(f.op, a.GetName()) {
			v = max(a.GetMinimum(), f.pick(0, 1, 2, 3, 4, 8))
		}
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_I{I: v}}
	case "float":
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_F{F: float32(f.number())}}
	case "string":
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_S{S: f.text(a)}}
	case "shape":
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_Shape{Shape: shape()}}
	case "tensor":
		return nodedef.TensorAttr(f.tensor(dtype.Int32, f.shape()))
	case "func":
		return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_Func{Func: &attr_value_go_proto.NameAttrList{Name: "f"}}}
	case "list(int)":
		for range length {
			list.I = append(list.I, f.number())
		}
	case "list(float)":
		for range length {
			list.F = append(list.F, float32(f.number()))
		}
	case "list(string)":
		for range length {
			list.S = append(list.S, f.text(a))
		}
	case "list(shape)":
		for range length {
			list.Shape = append(list.Shape, shape())
		}
	case "list(func)":
		for range length {
			list.Func = append(list.Func, &attr_value_go_proto.NameAttrList{Name: "f"})
		}
	}
	return &graphdef.AttrValue{Value: &attr_value_go_proto.AttrValue_List{List: list}}
}

func isCount(op *graphdef.OpDef, attr string) bool {
	for _, arg := range append(op.GetInputArg()[:len(op.GetInputArg()):len(op.GetInputArg())], op.GetOutputArg()...) {
		if arg.GetNumberAttr() == attr {
			return true
		}
	}
	return false
}

// tensor returns a small constant.
func (f *fuzzer) tensor(dt dtype.DataType, dims []int64) *tensor_go_proto.TensorProto {
	t := &tensor_go_proto.TensorProto{Dtype: dt}
	fixed := []int64{}
	count := int64(1)
	for _, d := range dims {
		if d < 0 {
			d = 1
		}
		if count*d > 1<<12 || d > 1<<12 {
			d = 1
		}
		fixed = append(fixed, d)
		count *= d
	}
	t.TensorShape = nodedef.ShapeProto(fixed)
	values := min(count, f.pick(1, count, count, count))
	for range values {
		v := f.number()
		switch dt {
		case dtype.Int64:
			t.Int64Val = append(t.Int64Val, v)
		case dtype.Uint64:
			t.Uint64Val = append(t.Uint64Val, uint64(v))
		case dtype.Uint32:
			t.Uint32Val = append(t.Uint32Val, uint32(v))
		case dtype.Float32:
			t.FloatVal = append(t.FloatVal, float32(v))
		case dtype.Float64:
			t.DoubleVal = append(t.DoubleVal, float64(v))
		case dtype.String:
			t.StringVal = append(t.StringVal, []byte(words[f.r.IntN(len(words))]))
		case dtype.Bool:
			t.BoolVal = append(t.BoolVal, v%2 == 0)
		case dtype.Complex64:
			t.ScomplexVal = append(t.ScomplexVal, float32(v), 0)
		case dtype.Complex128:
			t.DcomplexVal = append(t.DcomplexVal, float64(v), 0)
		case dtype.Float16, dtype.BFloat16:
			t.HalfVal = append(t.HalfVal, int32(v)&0xffff)
		default:
			t.IntVal = append(t.IntVal, int32(v))
		}
	}
	return t
}

// input adds an input: a constant, or a tensor of which only the shape is known.
func (f *fuzzer) input(i int, dt dtype.DataType, dims []int64, known, ref bool) string {
	name := fmt.Sprint("i", i)
	shape := nodedef.ShapeProto(dims)
	shape.UnknownRank = dims == nil
	n := &graphdef.NodeDef{Name: name, Op: "Placeholder", Attr: map[string]*graphdef.AttrValue{
		"dtype": nodedef.TypeAttr(dt), "shape": {Value: &attr_value_go_proto.AttrValue_Shape{Shape: shape}}}}
	switch {
	case ref:
		n.Op = "VariableV2"
	case dt == dtype.Resource && f.r.IntN(2) == 0:
		n.Op = "VarHandleOp"
		n.Attr["dtype"] = nodedef.TypeAttr(f.anyType(nil))
	case known && dt != dtype.Resource && dt != dtype.Variant:
		n.Op = "Const"
		delete(n.Attr, "shape")
		n.Attr["value"] = nodedef.TensorAttr(f.tensor(dt, dims))
	}
	f.g.Node = append(f.g.Node, n)
	return name
}

// evaluate adds nodes whose shapes depend on an output of the op, so that TensorFlow computes it.
func (f *fuzzer) evaluate(types map[string]dtype.DataType) {
	arg := f.op.GetOutputArg()[f.r.IntN(len(f.op.GetOutputArg()))]
	dt := arg.GetType()
	if a := arg.GetTypeAttr(); a != "" {
		dt = types[a]
	}
	if arg.GetTypeListAttr() != "" || arg.GetNumberAttr() != "" || arg.GetIsRef() || dt == dtype.Resource || dt == dtype.Variant {
		return
	}
	in := "n"
	position := 0
	for _, other := range f.op.GetOutputArg() {
		if other == arg {
			break
		}
		if other.GetTypeListAttr() != "" || other.GetNumberAttr() != "" {
			return
		}
		position++
	}
	if position > 0 {
		in = fmt.Sprint("n:", position)
	}
	add := func(name, op string, attr map[string]*graphdef.AttrValue, inputs ...string) string {
		f.g.Node = append(f.g.Node, &graphdef.NodeDef{Name: name, Op: op, Input: inputs, Attr: attr})
		return name
	}
	if dt == dtype.String {
		in, dt = add("length", "StringLength", nil, in), dtype.Int32
	}
	if dt != dtype.Int32 && dt != dtype.Int64 {
		in = add("cast", "Cast", map[string]*graphdef.AttrValue{"SrcT": nodedef.TypeAttr(dt), "DstT": nodedef.TypeAttr(dtype.Int32)}, in)
		dt = dtype.Int32
	}
	x := f.input(100, dtype.Float32, nil, false, false)
	add("reads", "Reshape", map[string]*graphdef.AttrValue{"T": nodedef.TypeAttr(dtype.Float32), "Tshape": nodedef.TypeAttr(dt)}, x, in)
}
