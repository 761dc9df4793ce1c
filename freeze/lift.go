package freeze

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	opdefpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/op_def_go_proto"
	"google.golang.org/protobuf/proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"

	"github.com/tfkeep/tfkeep/dtype"
	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// A function can name a variable itself, by a VarHandleOp in its body, instead of
// taking the handle as an argument. Only the graph holds weights, so such functions
// become functions that take the handle, and so do their callers, up to the graph. From
// there on they are like any other function.

// lifter turns handles that functions make into arguments.
type lifter struct {
	*library
	handles map[string][]*graphdef.NodeDef // function → the handles that it and the functions it calls make
	made    map[string]string              // function and handles → the copy that takes the handles
}

// liftHandles moves the making of handles from the functions to the graph.
func (l *library) liftHandles(b *body) {
	lift := &lifter{library: l, handles: map[string][]*graphdef.NodeDef{}, made: map[string]string{}}
	inGraph := map[string]string{} // variable → the node with its handle
	for _, n := range b.nodes {
		if n.Op == "VarHandleOp" && inGraph[variableOf(n)] == "" {
			inGraph[variableOf(n)] = n.Name
		}
	}
	lift.passHandles(b, func(handle *graphdef.NodeDef) string {
		v := variableOf(handle)
		if inGraph[v] == "" {
			n := proto.Clone(handle).(*graphdef.NodeDef)
			n.Input = nil
			n.Name = freeNode(b, handle)
			delete(n.Attr, "_class")
			b.add(n)
			inGraph[v] = n.Name
		}
		return inGraph[v]
	})
}

// variableOf identifies the variable that a handle stands for. A handle of which each run makes
// another one stands for its own.
func variableOf(handle *graphdef.NodeDef) string {
	return cmp.Or(nodedef.VariableID(handle), handle.Name)
}

func sharedName(handle *graphdef.NodeDef) string {
	if s := string(handle.Attr["shared_name"].GetS()); s != "" {
		return s
	}
	return handle.Name
}

// freeNode returns the name that the handle of a function gets in the graph: the name of
// the variable, if it is free.
func freeNode(b *body, handle *graphdef.NodeDef) string {
	name := sharedName(handle)
	for i := 1; b.has(name); i++ {
		name = fmt.Sprintf("%s_%d", sharedName(handle), i)
	}
	return name
}

// passHandles changes the calls in b so that they pass the handles that the called
// functions made themselves. tensorOf returns the tensor of b that holds a handle.
func (l *lifter) passHandles(b *body, tensorOf func(*graphdef.NodeDef) string) {
	for i := range len(b.nodes) { // not the nodes that tensorOf adds
		c := l.call(b.nodes[i])
		if c == nil {
			continue
		}
		var need []*graphdef.NodeDef // all branches of a call take the same
		for _, name := range c.functions {
			need = union(need, l.handlesOf(name))
		}
		if len(need) == 0 {
			continue
		}
		n := b.mutable(i)
		inputs := slices.Clone(nodedef.DataInputs(n))
		for _, handle := range need {
			inputs = append(inputs, tensorOf(handle))
		}
		n.Input = append(inputs, controlInputs(n)...)
		if c.byName {
			n.Op = l.taking(n.Op, need, false)
			continue
		}
		for _, attr := range c.attrs {
			for _, fn := range namesIn(n, attr) {
				fn.Name = l.taking(fn.Name, need, c.loop && attr == "body")
			}
		}
		addHandleTypes(n, c, len(need))
	}
}

// addHandleTypes adds the types of the new arguments to the attributes of a call and, for
// a loop, the shapes of its new results.
func addHandleTypes(n *graphdef.NodeDef, c *call, handles int) {
	if n.Attr[c.types].GetList() == nil {
		n.Attr[c.types] = &graphdef.AttrValue{Value: &attrpb.AttrValue_List{List: &attrpb.AttrValue_ListValue{}}}
	}
	types := n.Attr[c.types].GetList()
	shapes := n.Attr["output_shapes"].GetList()
	hasShapes := c.loop && len(shapes.GetShape()) > 0
	for range handles {
		types.Type = append(types.Type, dtype.Resource)
		if hasShapes {
			shapes.Shape = append(shapes.Shape, &tensor_shape_go_proto.TensorShapeProto{UnknownRank: true})
		}
	}
}

// union appends to list the handles of more whose variables it lacks.
func union(list, more []*graphdef.NodeDef) []*graphdef.NodeDef {
	for _, handle := range more {
		same := func(n *graphdef.NodeDef) bool { return variableOf(n) == variableOf(handle) }
		if !slices.ContainsFunc(list, same) {
			list = append(list, handle)
		}
	}
	return list
}

// handlesOf returns the handles that a function makes, itself or by its calls.
func (l *lifter) handlesOf(name string) []*graphdef.NodeDef {
	if known, ok := l.handles[name]; ok {
		return known
	}
	var found []*graphdef.NodeDef
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, n := range l.functions[name].GetNodeDef() {
			if n.Op == "VarHandleOp" {
				found = union(found, []*graphdef.NodeDef{n})
			} else if c := l.call(n); c != nil {
				for _, fn := range c.functions {
					visit(fn)
				}
			}
		}
	}
	visit(name)
	l.handles[name] = found
	return found
}

// taking returns the copy of a function that takes handles as its last arguments. The
// body of a loop returns them too.
func (l *lifter) taking(name string, handles []*graphdef.NodeDef, loopBody bool) string {
	fn := l.functions[name]
	if fn == nil {
		return name // an error where the call is followed
	}
	key := fmt.Sprintf("%s\x00%t", name, loopBody)
	for _, h := range handles {
		key += "\x00" + variableOf(h)
	}
	if made := l.made[key]; made != "" {
		return made
	}
	fn = proto.Clone(fn).(*function_go_proto.FunctionDef)
	fn.Signature.Name = l.freeName(name, "lifted")
	l.made[key] = fn.Signature.Name
	l.functions[fn.Signature.Name] = fn
	l.lifted[fn.Signature.Name] = name

	args := addHandleArguments(fn, handles, loopBody)
	takeHandles(fn, args)
	b := newOwnBody(fn)
	l.passHandles(b, func(handle *graphdef.NodeDef) string { return args[variableOf(handle)] })
	fn.NodeDef = b.nodes
	return fn.Signature.Name
}

// addHandleArguments adds an argument for each handle to a function, and one more
// result if it is the body of a loop. It returns the names of the arguments by variable.
func addHandleArguments(fn *function_go_proto.FunctionDef, handles []*graphdef.NodeDef, loopBody bool) map[string]string {
	taken := map[string]bool{}
	for _, arg := range slices.Concat(fn.Signature.InputArg, fn.Signature.OutputArg) {
		taken[arg.Name] = true
	}
	for _, n := range fn.NodeDef {
		taken[n.Name] = true
	}
	if loopBody && fn.Ret == nil {
		fn.Ret = map[string]string{}
	}
	args := map[string]string{}
	for i, h := range handles {
		arg := fmt.Sprintf("handle_%d", i)
		for taken[arg] || taken[arg+"_out"] {
			arg += "_"
		}
		args[variableOf(h)] = arg
		fn.Signature.InputArg = append(fn.Signature.InputArg, &opdefpb.OpDef_ArgDef{Name: arg, Type: dtype.Resource})
		if loopBody {
			fn.Signature.OutputArg = append(fn.Signature.OutputArg, &opdefpb.OpDef_ArgDef{Name: arg + "_out", Type: dtype.Resource})
			fn.Ret[arg+"_out"] = arg
		}
	}
	return args
}

// takeHandles replaces the VarHandleOps of a function by arguments. args has the names
// of the arguments by variable.
func takeHandles(fn *function_go_proto.FunctionDef, args map[string]string) {
	lifted := map[string]string{} // node → argument
	var kept []*graphdef.NodeDef
	for _, n := range fn.NodeDef {
		if n.Op == "VarHandleOp" {
			lifted[n.Name] = args[variableOf(n)]
		} else {
			kept = append(kept, n)
		}
	}
	fn.NodeDef = kept
	isLifted := func(node string) bool { return lifted[node] != "" }
	for _, n := range kept {
		n.Input = withoutHandles(n.Input, lifted)
		dropColocations(n, isLifted)
	}
	for name, result := range fn.Ret {
		if arg, ok := lifted[nodedef.NodeName(result)]; ok {
			fn.Ret[name] = arg
		}
	}
	maps.DeleteFunc(fn.ControlRet, func(_, node string) bool { return isLifted(node) })
	dropControlOutputs(fn)
}

// withoutHandles replaces the inputs that were handles by arguments. It removes control
// inputs from them: making a handle takes no time, so nothing has to wait for it.
func withoutHandles(inputs []string, lifted map[string]string) []string {
	kept := inputs[:0]
	for _, in := range inputs {
		arg, ok := lifted[nodedef.NodeName(in)]
		switch {
		case !ok:
			kept = append(kept, in)
		case !strings.HasPrefix(in, "^"):
			kept = append(kept, arg)
		}
	}
	return kept
}
