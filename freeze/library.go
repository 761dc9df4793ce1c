package freeze

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	attrpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
)

// library is the function library of the graph, and the functions that freezing adds.
type library struct {
	functions map[string]*function_go_proto.FunctionDef // by name, lifted ones too
	lifted    map[string]string                         // function that takes handles as arguments → the function that it was made from
	frozen    []*function_go_proto.FunctionDef          // functions that take values instead of handles
	reserved  map[string]bool                           // names of the functions that freezing adds
	destroys  bool                                      // the graph or a function destroys resources
}

func newLibrary(def *graphdef.GraphDef) *library {
	l := &library{functions: map[string]*function_go_proto.FunctionDef{}, lifted: map[string]string{}, reserved: map[string]bool{}}
	for _, fn := range def.GetLibrary().GetFunction() {
		l.functions[fn.GetSignature().GetName()] = fn
		l.destroys = l.destroys || slices.ContainsFunc(fn.NodeDef, destroys)
	}
	l.destroys = l.destroys || slices.ContainsFunc(def.Node, destroys)
	return l
}

func destroys(n *graphdef.NodeDef) bool { return n.Op == "DestroyResourceOp" }

// runs reports whether is holds for a node, or, if the node calls functions, for a node that they
// run. unknown is the answer for a function that the library lacks.
func (l *library) runs(n *graphdef.NodeDef, unknown bool, is func(*graphdef.NodeDef) bool) bool {
	seen := map[string]bool{}
	var holds func(n *graphdef.NodeDef) bool
	holds = func(n *graphdef.NodeDef) bool {
		call := l.call(n)
		if call == nil {
			return is(n)
		}
		return slices.ContainsFunc(call.functions, func(name string) bool {
			if seen[name] {
				return false
			}
			seen[name] = true
			if l.functions[name] == nil {
				return unknown
			}
			return slices.ContainsFunc(l.functions[name].NodeDef, holds)
		})
	}
	return holds(n)
}

// freeName returns a new name for a function that is made of another one:
// NAME_frozen_0, NAME_frozen_1, …
func (l *library) freeName(name, suffix string) string {
	if origin := l.lifted[name]; origin != "" {
		name = origin
	}
	for i := 0; ; i++ {
		free := fmt.Sprintf("%s_%s_%d", name, suffix, i)
		if l.functions[free] == nil && !l.reserved[free] {
			l.reserved[free] = true
			return free
		}
	}
}

// call describes a node that calls functions.
type call struct {
	functions []string // the names of the functions that it may call
	callOp             // the zero value for a function that is called by its own name
	byName    bool     // the operation is the name of the function
}

// call describes n as a call. It returns nil if n calls no function.
func (l *library) call(n *graphdef.NodeDef) *call {
	op, ok := callOps[n.Op]
	if !ok {
		if l.functions[n.Op] == nil {
			return nil
		}
		return &call{functions: []string{n.Op}, byName: true}
	}
	c := &call{callOp: op}
	for _, fn := range c.names(n) {
		c.functions = append(c.functions, fn.Name)
	}
	return c
}

// names returns where the attributes of n name functions.
func (op callOp) names(n *graphdef.NodeDef) []*attrpb.NameAttrList {
	var names []*attrpb.NameAttrList
	for _, attr := range op.attrs {
		names = append(names, namesIn(n, attr)...)
	}
	return names
}

// namesIn returns where one attribute of n names functions: it has one name, or a list.
func namesIn(n *graphdef.NodeDef, attr string) []*attrpb.NameAttrList {
	names := slices.Clone(n.Attr[attr].GetList().GetFunc())
	if fn := n.Attr[attr].GetFunc(); fn != nil {
		names = append(names, fn)
	}
	return names
}

// arguments returns which arguments of the functions become values, given which inputs
// of the call do. References are read at the call, so they end there.
func (c *call) arguments(in map[int]carrier) map[int]carrier {
	args := map[int]carrier{}
	for i, carried := range in {
		if carried.resource && i >= c.first {
			args[i-c.first] = carried
		}
	}
	return args
}

// inUse returns the library of the frozen graph: the functions that b needs, those that
// freezing added last.
func (l *library) inUse(def *graphdef.GraphDef, b *body) *function_go_proto.FunctionDefLibrary {
	if def.Library == nil && len(l.frozen) == 0 {
		return nil
	}
	frozen := map[string]*function_go_proto.FunctionDef{}
	for _, fn := range l.frozen {
		frozen[fn.Signature.Name] = fn
	}
	gradients := map[string]string{}
	for _, g := range def.GetLibrary().GetGradient() {
		gradients[g.FunctionName] = g.GradientFunc
	}
	used := map[string]bool{}
	var queue []*graphdef.NodeDef
	use := func(name string) {
		for ; name != "" && !used[name]; name = gradients[name] {
			used[name] = true
			if fn := cmp.Or(frozen[name], l.functions[name]); fn != nil {
				queue = append(queue, fn.NodeDef...)
			}
		}
	}
	queue = append(queue, b.nodes...)
	for len(queue) > 0 {
		n := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		use(n.Op)
		for attr := range n.Attr {
			for _, fn := range namesIn(n, attr) {
				use(fn.Name)
			}
		}
	}
	lib := &function_go_proto.FunctionDefLibrary{}
	add := func(fn *function_go_proto.FunctionDef) {
		if used[fn.GetSignature().GetName()] {
			lib.Function = append(lib.Function, fn)
		}
	}
	for _, fn := range def.GetLibrary().GetFunction() {
		add(fn)
	}
	for _, name := range slices.Sorted(maps.Keys(l.lifted)) {
		add(l.functions[name])
	}
	for _, fn := range l.frozen {
		add(fn)
	}
	for _, g := range def.GetLibrary().GetGradient() {
		if used[g.FunctionName] {
			lib.Gradient = append(lib.Gradient, g)
		}
	}
	if len(lib.Function) == 0 {
		return nil
	}
	return lib
}

// dropControlOutputs removes the control outputs of a function that no longer have a
// node.
func dropControlOutputs(fn *function_go_proto.FunctionDef) {
	fn.Signature.ControlOutput = slices.DeleteFunc(fn.Signature.ControlOutput, func(name string) bool {
		_, ok := fn.ControlRet[name]
		return !ok
	})
}
