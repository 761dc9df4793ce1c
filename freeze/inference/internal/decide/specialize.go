package decide

import (
	"fmt"
	"slices"
	"strings"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// kept are the operations whose functions stay functions, and the first input that becomes
// an argument of them.
var kept = map[string]int{
	"If": 1, "StatelessIf": 1, "Case": 1, "StatelessCase": 1, "While": 0, "StatelessWhile": 0, "PartitionedCall": 0, "StatefulPartitionedCall": 0,
}

// specialize gives the calls that stay copies of their functions in which the constant
// arguments have decided what they can.
func (d *decider) specialize(b *body, callers []string) {
	e := newEvaluator(b)
	for i, n := range b.nodes {
		first, ok := kept[n.Op]
		if !ok {
			continue
		}
		args := map[int]*known{}
		for k := range data(n)[min(first, len(data(n))):] {
			if v := e.input(n, first+k).scalarOnly(); v != nil && canBeConst(v) {
				args[k] = v
			}
		}
		if strings.HasSuffix(n.Op, "While") {
			d.keepInvariants(n, args)
		}
		if len(args) == 0 {
			continue
		}
		attrs := map[string]*graphdef.AttrValue{}
		for name, a := range n.Attr {
			c := proto.Clone(a).(*graphdef.AttrValue)
			changed := false
			for _, fn := range functionsIn(c) {
				if name := d.copyOf(fn, args, callers); name != "" {
					fn.Name, changed = name, true
				}
			}
			if changed {
				attrs[name] = c
			}
		}
		if len(attrs) > 0 {
			n = b.mutable(i)
			for name, a := range attrs {
				n.Attr[name] = a
			}
		}
	}
}

// keepInvariants drops the arguments that the body of a loop does not pass on as they are.
func (d *decider) keepInvariants(n *graphdef.NodeDef, args map[int]*known) {
	fn := d.functions[n.Attr["body"].GetFunc().GetName()]
	var b *body
	if fn != nil {
		b = d.open(fn)
	}
	for k := range args {
		if b == nil || k >= len(b.rets) || k >= len(fn.Signature.InputArg) || !b.comesFrom(b.rets[k], fn.Signature.InputArg[k].Name) {
			delete(args, k)
		}
	}
}

// comesFrom reports whether a tensor is an argument, past Identity nodes.
func (b *body) comesFrom(t, arg string) bool {
	n := b.byName[parse(t).node]
	for hops := 0; n != nil && n.Op == "Identity" && len(n.Input) > 0 && hops < maxDepth; hops++ {
		n = b.byName[parse(n.Input[0]).node]
	}
	return n != nil && n.Op == argumentOp && n.Name == arg
}

// canBeConst reports whether a Const can be made of a known value here.
func canBeConst(k *known) bool {
	return k.dtype == dtype.Bool || k.dtype == dtype.Int32 || k.dtype == dtype.Int64 || k.dtype == dtype.Float32
}

func (k *known) node(name string) *graphdef.NodeDef {
	t := &tensorpb.TensorProto{Dtype: k.dtype, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}}
	switch k.dtype {
	case dtype.Bool:
		t.BoolVal = []bool{k.isTrue()}
	case dtype.Int32:
		t.IntVal = []int32{int32(k.value)}
	case dtype.Int64:
		t.Int64Val = []int64{int64(k.value)}
	default:
		t.FloatVal = []float32{float32(k.value)}
	}
	return nodedef.Const(name, t)
}

// copyOf returns the name of a copy of a function with constant arguments, "" if there is
// none or it would be the same.
func (d *decider) copyOf(call *attrpb.NameAttrList, args map[int]*known, callers []string) string {
	fn := d.functions[call.GetName()]
	if fn == nil || slices.Contains(callers, call.Name) {
		return ""
	}
	key := call.Name
	for k := range len(fn.Signature.InputArg) {
		if v := args[k]; v != nil {
			key += fmt.Sprintf(" %d=%v", k, v.value)
		}
	}
	if name, ok := d.copies[key]; ok {
		return name
	}
	d.copies[key] = ""
	b := d.open(fn)
	if b == nil {
		return ""
	}
	to := map[string]string{}
	for k, v := range args {
		if k >= len(fn.Signature.InputArg) || fn.Signature.InputArg[k].Type != v.dtype {
			return ""
		}
		arg := fn.Signature.InputArg[k].Name
		c := v.node(b.freeName(arg + "/known"))
		b.add(c)
		to[arg] = c.Name
	}
	rets := slices.Clone(b.rets)
	b.forward(to)
	copy(b.rets, rets) // a loop passes its arguments on
	effects, _ := d.effectsOf(fn)
	for _, e := range effects {
		b.keep[e] = true
	}
	d.decide(b, append(slices.Clone(callers), call.Name))
	name := call.Name + "_decided"
	for i := 1; d.functions[name] != nil; i++ {
		name = fmt.Sprintf("%s_decided_%d", call.Name, i)
	}
	made, ok := d.close(b, fn, name)
	if !ok {
		return ""
	}
	d.copies[key] = name
	d.functions[name] = made
	d.added = append(d.added, made)
	return name
}
