package freeze

import (
	"fmt"
	"strings"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	opdefpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	shapepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"google.golang.org/protobuf/proto"
)

// A function can name a variable itself, by a VarHandleOp in its body, instead
// of taking the handle as an argument. Only the graph holds weights, so such
// functions become ones that take the handle, all the way up to the graph;
// from there on they are like any other.

// lifter turns handles that functions make into arguments.
type lifter struct {
	*freezer
	handles map[string][]*nodepb.NodeDef // function → the handles that it and those it calls make
	made    map[string]string            // function and handles → the copy that takes them
}

// liftHandles has the graph make the handles that its functions make now.
func (f *freezer) liftHandles(b *body) {
	l := &lifter{freezer: f, handles: map[string][]*nodepb.NodeDef{}, made: map[string]string{}}
	inGraph := map[string]string{} // variable → the node with its handle
	for _, n := range b.nodes {
		if n.Op == "VarHandleOp" && inGraph[variableOf(n)] == "" {
			inGraph[variableOf(n)] = n.Name
		}
	}
	l.calls(b, func(h *nodepb.NodeDef) string {
		v := variableOf(h)
		if inGraph[v] == "" {
			n := proto.Clone(h).(*nodepb.NodeDef)
			n.Input = nil
			n.Name = freeNode(b, h)
			delete(n.Attr, "_class")
			b.index[n.Name], b.cloned[len(b.nodes)] = len(b.nodes), true
			b.nodes = append(b.nodes, n)
			inGraph[v] = n.Name
		}
		return inGraph[v]
	})
}

// variableOf identifies the variable that a handle stands for.
func variableOf(handle *nodepb.NodeDef) string {
	return string(handle.Attr["container"].GetS()) + "\x00" + sharedName(handle)
}

func sharedName(handle *nodepb.NodeDef) string {
	if s := string(handle.Attr["shared_name"].GetS()); s != "" {
		return s
	}
	return handle.Name
}

// freeNode is the name in the graph of a handle that a function made: that of
// the variable, if it is free.
func freeNode(b *body, handle *nodepb.NodeDef) string {
	name := sharedName(handle)
	for i := 1; ; i++ {
		if _, taken := b.index[name]; !taken {
			return name
		}
		name = fmt.Sprintf("%s_%d", sharedName(handle), i)
	}
}

// calls passes to the functions that b calls the handles that they make;
// handle gives the tensor of b that is one.
func (l *lifter) calls(b *body, handle func(*nodepb.NodeDef) string) {
	for i, calls := 0, len(b.nodes); i < calls; i++ {
		_, fns, _, ok := l.call(b.nodes[i], nil)
		if !ok {
			continue
		}
		var need []*nodepb.NodeDef // all branches take the same
		for _, name := range fns {
			need = union(need, l.makes(name))
		}
		if len(need) == 0 {
			continue
		}
		n := b.mutable(i)
		inputs := append([]string(nil), dataInputs(n)...)
		for _, h := range need {
			inputs = append(inputs, handle(h))
		}
		n.Input = append(inputs, controlInputs(n)...)
		c, isOp := callOps[n.Op]
		if !isOp {
			n.Op = l.taking(n.Op, need, false)
			continue
		}
		for _, a := range c.funcs {
			for _, fn := range append(n.Attr[a].GetList().GetFunc(), n.Attr[a].GetFunc()) {
				if fn != nil {
					fn.Name = l.taking(fn.Name, need, c.loop && a == "body")
				}
			}
		}
		if types := n.Attr[c.types].GetList(); types != nil {
			for range need {
				types.Type = append(types.Type, typespb.DataType_DT_RESOURCE)
			}
		} else {
			n.Attr[c.types] = resourceTypes(len(need))
		}
		if shapes := n.Attr["output_shapes"].GetList(); c.loop && len(shapes.GetShape()) > 0 {
			for range need {
				shapes.Shape = append(shapes.Shape, &shapepb.TensorShapeProto{UnknownRank: true})
			}
		}
	}
}

func resourceTypes(n int) *attrpb.AttrValue {
	list := &attrpb.AttrValue_ListValue{}
	for range n {
		list.Type = append(list.Type, typespb.DataType_DT_RESOURCE)
	}
	return &attrpb.AttrValue{Value: &attrpb.AttrValue_List{List: list}}
}

// union appends to list the handles of more whose variables it lacks.
func union(list, more []*nodepb.NodeDef) []*nodepb.NodeDef {
	for _, h := range more {
		have := false
		for _, k := range list {
			have = have || variableOf(k) == variableOf(h)
		}
		if !have {
			list = append(list, h)
		}
	}
	return list
}

// makes lists the handles that a function makes, itself or by its calls.
func (l *lifter) makes(name string) []*nodepb.NodeDef {
	if found, ok := l.handles[name]; ok {
		return found
	}
	var found []*nodepb.NodeDef
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, n := range l.library[name].GetNodeDef() {
			if n.Op == "VarHandleOp" {
				found = union(found, []*nodepb.NodeDef{n})
			} else if _, fns, _, ok := l.call(n, nil); ok {
				for _, fn := range fns {
					visit(fn)
				}
			}
		}
	}
	visit(name)
	l.handles[name] = found
	return found
}

// taking returns the copy of a function that takes the handles of need as its
// last arguments; the body of a loop returns them, too.
func (l *lifter) taking(name string, need []*nodepb.NodeDef, loopBody bool) string {
	fn := l.library[name]
	if fn == nil {
		return name // an error where the call is followed
	}
	key := fmt.Sprintf("%s\x00%t", name, loopBody)
	for _, h := range need {
		key += "\x00" + variableOf(h)
	}
	if made := l.made[key]; made != "" {
		return made
	}
	fn = proto.Clone(fn).(*functionpb.FunctionDef)
	fn.Signature.Name = l.freeName(name, "lifted")
	l.made[key] = fn.Signature.Name
	l.library[fn.Signature.Name] = fn
	l.lifted[fn.Signature.Name] = name

	taken := map[string]bool{}
	for _, a := range fn.Signature.InputArg {
		taken[a.Name] = true
	}
	for _, o := range fn.Signature.OutputArg {
		taken[o.Name] = true
	}
	for _, n := range fn.NodeDef {
		taken[n.Name] = true
	}
	args := map[string]string{} // variable → argument
	for i, h := range need {
		arg := fmt.Sprintf("handle_%d", i)
		for taken[arg] || taken[arg+"_out"] {
			arg += "_"
		}
		args[variableOf(h)] = arg
		fn.Signature.InputArg = append(fn.Signature.InputArg, &opdefpb.OpDef_ArgDef{Name: arg, Type: typespb.DataType_DT_RESOURCE})
		if loopBody {
			fn.Signature.OutputArg = append(fn.Signature.OutputArg, &opdefpb.OpDef_ArgDef{Name: arg + "_out", Type: typespb.DataType_DT_RESOURCE})
			if fn.Ret == nil {
				fn.Ret = map[string]string{}
			}
			fn.Ret[arg+"_out"] = arg
		}
	}
	takeHandles(fn, args)
	b := newBody(fn.NodeDef, fn)
	for i := range b.nodes {
		b.cloned[i] = true
	}
	l.calls(b, func(h *nodepb.NodeDef) string { return args[variableOf(h)] })
	fn.NodeDef = b.nodes
	return fn.Signature.Name
}

// takeHandles puts arguments in the place of the VarHandleOps of a function.
func takeHandles(fn *functionpb.FunctionDef, args map[string]string) {
	gone := map[string]string{} // node → argument
	var kept []*nodepb.NodeDef
	for _, n := range fn.NodeDef {
		if n.Op == "VarHandleOp" {
			gone[n.Name] = args[variableOf(n)]
		} else {
			kept = append(kept, n)
		}
	}
	fn.NodeDef = kept
	for _, n := range kept {
		inputs := n.Input[:0]
		for _, in := range n.Input {
			node, control := strings.CutPrefix(in, "^")
			node, _, _ = strings.Cut(node, ":")
			switch arg, lifted := gone[node]; {
			case !lifted:
				inputs = append(inputs, in)
			case !control: // making a handle takes no time: nothing waits for it
				inputs = append(inputs, arg)
			}
		}
		n.Input = inputs
		if list := n.Attr["_class"].GetList(); list != nil {
			classes := list.S[:0]
			for _, s := range list.S {
				if node, ok := strings.CutPrefix(string(s), colocated); !ok || gone[node] == "" {
					classes = append(classes, s)
				}
			}
			if list.S = classes; len(classes) == 0 {
				delete(n.Attr, "_class")
			}
		}
	}
	for name, r := range fn.Ret {
		node, _, _ := strings.Cut(r, ":")
		if arg, lifted := gone[node]; lifted {
			fn.Ret[name] = arg
		}
	}
	for name, node := range fn.ControlRet {
		if _, lifted := gone[node]; lifted {
			delete(fn.ControlRet, name)
		}
	}
	fn.Signature.ControlOutput = withoutControl(fn.Signature.ControlOutput, fn.ControlRet)
}

// liftedInUse lists the lifted functions that b or the copies still call,
// those whose variables were not all frozen.
func (f *freezer) liftedInUse(b *body) []*functionpb.FunctionDef {
	var used []*functionpb.FunctionDef
	seen := map[string]bool{}
	var visit func(nodes []*nodepb.NodeDef)
	visit = func(nodes []*nodepb.NodeDef) {
		for _, n := range nodes {
			_, fns, _, _ := f.call(n, nil)
			for _, name := range fns {
				if f.lifted[name] != "" && !seen[name] {
					seen[name] = true
					used = append(used, f.library[name])
					visit(f.library[name].NodeDef)
				}
			}
		}
	}
	if len(f.lifted) > 0 {
		visit(b.nodes)
		for _, fn := range f.copies {
			visit(fn.NodeDef)
		}
	}
	return used
}
