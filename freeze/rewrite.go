package freeze

import (
	"fmt"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// rewrite turns every node of b that a frozen variable reaches into one that
// works on values. keep names the nodes that must survive.
func (f *freezer) rewrite(b *body, reached flow, keep map[string]bool) error {
	var (
		dead    = map[string]bool{}
		added   []*nodepb.NodeDef
		renamed = map[string]string{} // function bodies: "node:arg" before → after
		uses    = b.dataConsumers()
	)
	for i := range b.nodes {
		n := b.nodes[i]
		in := b.frozenInputs(n, reached)
		if len(in) == 0 {
			continue
		}
		switch {
		case isWrite(n.Op):
			drop, err := f.rewriteWrite(b, i, in, uses[n.Name] > 0 || keep[n.Name], renamed)
			if err != nil {
				return err
			}
			if drop {
				dead[n.Name] = true
			}
			continue
		case passOps[n.Op].to != "":
			if err := f.rewritePass(b, i, in); err != nil {
				return err
			}
			continue
		case n.Op == "IdentityN":
			f.retype(b.mutable(i), "T", 0, in)
			continue
		}
		if args, fns, _, ok := f.call(n, in); ok {
			if err := f.rewriteCall(b, i, args, fns, reached); err != nil {
				return err
			}
			continue
		}
		extra, err := f.rewriteRead(b, i, in, renamed)
		if err != nil {
			return err
		}
		added = append(added, extra...)
	}
	for _, n := range added {
		if _, taken := b.index[n.Name]; taken {
			return &NodeError{Node: n.Name, Op: n.Op, Func: b.funcName(), Err: ErrUnsupported,
				Text: "the graph already has a node of this name, which freezing needs"}
		}
		b.index[n.Name] = len(b.nodes)
		b.cloned[len(b.nodes)] = true
		b.nodes = append(b.nodes, n)
	}
	b.rename(renamed)
	b.remove(dead)
	return nil
}

// rewriteRead handles the operations that take a handle and give a value.
func (f *freezer) rewriteRead(b *body, i int, in map[int]carrier, renamed map[string]string) (added []*nodepb.NodeDef, err error) {
	n := b.nodes[i]
	c := in[0]
	switch n.Op {
	case "ReadVariableOp":
		n = b.mutable(i)
		n.Op = "Identity"
		n.Attr = attrs(n, map[string]*attrpb.AttrValue{"T": typeAttr(c.dtype)})
		renamed[n.Name+":value"] = n.Name + ":output"
	case "ResourceGather":
		n = b.mutable(i)
		axis := n.Attr["batch_dims"].GetI()
		index := n.Attr["Tindices"].GetType()
		k := constNode(n.Name+"/axis", intTensor(index, axis))
		if src, _ := b.parseInput(n.Input[0]); !b.isConst(src.node) {
			// Inside a loop a constant must be told which frame it lives in.
			k.Input = []string{"^" + src.node}
		}
		set := map[string]*attrpb.AttrValue{"Tparams": typeAttr(c.dtype), "Tindices": typeAttr(index), "Taxis": typeAttr(index)}
		if axis != 0 {
			set["batch_dims"] = intAttr(axis)
		}
		n.Op = "GatherV2"
		n.Attr = attrs(n, set)
		axisInput := k.Name
		if b.fn != nil {
			axisInput += ":output:0"
		}
		n.Input = append(append(append([]string(nil), dataInputs(n)...), axisInput), controlInputs(n)...)
		added = append(added, k)
	case "ResourceGatherNd":
		n = b.mutable(i)
		n.Op = "GatherNd"
		n.Attr = attrs(n, map[string]*attrpb.AttrValue{"Tparams": typeAttr(c.dtype), "Tindices": typeAttr(n.Attr["Tindices"].GetType())})
	case "VariableShape":
		n = b.mutable(i)
		out := n.Attr["out_type"].GetType()
		if out == typespb.DataType_DT_INVALID {
			out = typespb.DataType_DT_INT32
		}
		n.Op = "Shape"
		n.Attr = attrs(n, map[string]*attrpb.AttrValue{"T": typeAttr(c.dtype), "out_type": typeAttr(out)})
	case "VarIsInitializedOp", "IsVariableInitialized":
		n = b.mutable(i)
		out := "is_initialized"
		n.Op = "Const"
		n.Input = controlInputs(n)
		t := &tensorpb.TensorProto{Dtype: typespb.DataType_DT_BOOL, TensorShape: &shapepb.TensorShapeProto{}, BoolVal: []bool{true}}
		n.Attr = attrs(n, map[string]*attrpb.AttrValue{"dtype": typeAttr(typespb.DataType_DT_BOOL), "value": tensorAttr(t)})
		renamed[n.Name+":"+out] = n.Name + ":output"
	default:
		for _, c := range in {
			if c.resource {
				return nil, &NodeError{Node: n.Name, Op: n.Op, Func: b.funcName(), Err: ErrUnsupported,
					Text: "takes the handle of a variable and has no counterpart for a value; put the variable on the denylist, or choose outputs that do not need the node"}
			}
		}

		return nil, nil // a reference is read like any value
	}
	f.report.Converted++
	return added, nil
}

// rewritePass handles the operations that hand a variable on.
func (f *freezer) rewritePass(b *body, i int, in map[int]carrier) error {
	n := b.nodes[i]
	p := passOps[n.Op]
	c, _ := anyOf(in)
	if !c.resource && !isRefOp(n.Op) {
		return nil
	}
	if c.resource && p.to == "Merge" && len(in) != len(dataInputs(n)) {
		return &NodeError{Node: n.Name, Op: n.Op, Func: b.funcName(), Err: ErrUnsupported,
			Text: "merges the handle of a frozen variable with one that stays a variable; freeze both or neither"}
	}
	n = b.mutable(i)
	n.Op = p.to
	n.Attr["T"] = typeAttr(c.dtype)
	forgetHandle(n)
	f.report.Converted++
	return nil
}

// rewriteCall points a call at copies of its functions that take values.
func (f *freezer) rewriteCall(b *body, i int, args map[int]carrier, fns []string, reached flow) error {
	if len(args) == 0 {
		return nil
	}
	n := b.mutable(i)
	c, isOp := callOps[n.Op]
	shift := 0
	if isOp {
		shift = c.first
	}
	byInput := map[int]carrier{}
	for k, v := range args {
		byInput[k+shift] = v
	}
	to := map[string]string{}
	for _, name := range fns {
		copyName, err := f.specialise(b, n, name, args)
		if err != nil {
			return err
		}
		to[name] = copyName
	}
	if !isOp { // called by its own name
		n.Op = to[n.Op]
		forgetHandle(n)
		f.report.Converted++
		return nil
	}
	f.retype(n, c.types, shift, byInput)
	for _, a := range c.funcs {
		v := n.Attr[a]
		if fn := v.GetFunc(); fn != nil {
			fn.Name = to[fn.Name]
		}
		for _, fn := range v.GetList().GetFunc() {
			fn.Name = to[fn.Name]
		}
	}
	if !c.loop {
		if v := n.Attr["Tout"].GetList(); v != nil {
			for k := range v.Type {
				if out, ok := reached[b.output(n.Name, "output", k)]; ok {
					v.Type[k] = out.dtype
				}
			}
		}
	}
	return nil
}

// retype changes the types of a list attribute at the positions of the
// inputs that became values; first is the input that the list starts at.
func (f *freezer) retype(n *nodepb.NodeDef, attr string, first int, in map[int]carrier) {
	list := n.Attr[attr].GetList().GetType()
	for i, c := range in {
		if k := i - first; c.resource && k >= 0 && k < len(list) {
			list[k] = c.dtype
		}
	}
	forgetHandle(n)
	f.report.Converted++
}

// rewriteWrite handles a node that changes a frozen variable; drop tells to take it out.
func (f *freezer) rewriteWrite(b *body, i int, in map[int]carrier, used bool, renamed map[string]string) (drop bool, err error) {
	n := b.nodes[i]
	target, ok := in[0]
	if !ok {
		for k, c := range in {
			if c.resource || isApply(n.Op) && k < 3 {
				return false, &NodeError{Node: n.Name, Op: n.Op, Func: b.funcName(), Err: ErrUnsupported,
					Text: "updates a variable that stays with the help of one that is frozen; freeze both or neither"}
			}
		}
		return false, nil // a frozen variable is merely read, to be written elsewhere
	}
	if !used {
		f.repaired(n.Name, b.funcName(), n.Op, "")
		return true, nil
	}
	to := writeOps[n.Op]
	if to == "" || target.resource {
		return false, &NodeError{Node: n.Name, Op: n.Op, Func: b.funcName(), Err: ErrUnsupported,
			Text: "changes a frozen variable, and its result is used; choose outputs that do not need the node, or put the variable on the denylist"}
	}
	n = b.mutable(i)
	f.repaired(n.Name, b.funcName(), n.Op, to)
	n.Op = to
	n.Attr = attrs(n, map[string]*attrpb.AttrValue{"T": typeAttr(target.dtype)})
	if to == "Identity" { // Assign: what is assigned is what comes out
		n.Input = append([]string{n.Input[1]}, controlInputs(n)...)
		renamed[n.Name+":output_ref"] = n.Name + ":output"
	} else {
		renamed[n.Name+":output_ref"] = n.Name + ":z"
	}
	return false, nil
}

func (f *freezer) repaired(node, fn, from, to string) {
	f.report.Repairs = append(f.report.Repairs, Repair{Node: node, Func: fn, From: from, To: to})
}

// rename follows the outputs of rewritten nodes whose argument has another
// name now; only functions name outputs so.
func (b *body) rename(renamed map[string]string) {
	if b.fn == nil || len(renamed) == 0 {
		return
	}
	follow := func(in string) (string, bool) {
		t, control := b.parseInput(in)
		if control || t.arg == "" {
			return in, false
		}
		to, ok := renamed[t.node+":"+t.arg]
		if !ok {
			return in, false
		}
		return fmt.Sprintf("%s:%d", to, t.idx), true
	}
	for i, n := range b.nodes {
		for k, in := range n.Input {
			if to, ok := follow(in); ok {
				b.mutable(i).Input[k] = to
			}
		}
	}
	for name, r := range b.fn.Ret {
		if to, ok := follow(r); ok {
			b.fn.Ret[name] = to
		}
	}
}

func (b *body) isConst(node string) bool {
	i, ok := b.index[node]
	return ok && (b.nodes[i].Op == "Const" || isVariable(b.nodes[i].Op))
}
