package savergraph

import (
	"slices"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// scope is a list of nodes that name each other: the graph, or a function as one call runs
// it. Models of TensorFlow 2 restore their variables in a function, which takes the handles
// of the variables as arguments.
type scope struct {
	list  []*graphdef.NodeDef
	nodes map[string]*graphdef.NodeDef

	// A function has these besides.
	fn     *function_go_proto.FunctionDef
	args   map[string]int // name of an argument → its position
	caller *scope
	call   *graphdef.NodeDef // in caller
}

func newScope(list []*graphdef.NodeDef) *scope {
	s := &scope{list: list, nodes: make(map[string]*graphdef.NodeDef, len(list))}
	for _, n := range list {
		s.nodes[n.GetName()] = n
	}
	return s
}

// function returns the name of the function, "" for the graph.
func (s *scope) function() string { return s.fn.GetSignature().GetName() }

// outermost returns the node of the graph by whose call the scope runs, "" for the graph.
func (s *scope) outermost() string {
	if s.caller == nil {
		return ""
	}
	for s.caller.caller != nil {
		s = s.caller
	}
	return s.call.GetName()
}

// tensor is one output of a node of a scope.
type tensor struct {
	scope *scope
	node  *graphdef.NodeDef // nil if there is no such node
	port  int
}

// tensor returns the tensor that an input of a node means. An argument of a function is
// what the caller passes.
func (s *scope) tensor(in string) tensor {
	for {
		if s.fn == nil {
			name, port := input(in)
			return tensor{s, s.nodes[name], port}
		}
		name, port := functionInput(in)
		position, isArg := s.args[name]
		if !isArg {
			return tensor{s, s.nodes[name], port}
		}
		passed := nodedef.DataInputs(s.call)
		if position >= len(passed) {
			return tensor{scope: s}
		}
		s, in = s.caller, passed[position]
	}
}

// behind returns the tensor that nodes of some operations pass on to t.
func (t tensor) behind(passes func(op string) bool) tensor {
	for hops := 0; hops < maxHops && passes(t.node.GetOp()) && len(nodedef.DataInputs(t.node)) > 0; hops++ {
		t = t.scope.tensor(t.node.Input[0])
	}
	return t
}

func isIdentity(op string) bool { return op == "Identity" }

// functionInput splits an input of a node of a function: "node:output:1", or "argument".
// The operations that this package follows have one output, or one list of outputs.
func functionInput(in string) (node string, output int) {
	parts := strings.Split(strings.TrimPrefix(in, "^"), ":")
	if i, err := strconv.Atoi(parts[len(parts)-1]); err == nil && len(parts) > 1 && i >= 0 {
		output = i
	}
	return parts[0], output
}

// maxDepth is how deep calls of functions are followed, and maxWork how many nodes of
// functions are looked at for each node of the graph and its library.
const (
	maxDepth = 8
	maxWork  = 16
)

// scopes returns the graph, and those of the wanted functions that it calls, once for each
// call. opaque are calls of wanted functions that cannot be followed: in a branch or a loop, or
// with arguments that are lists.
func (g *Graph) scopes(wanted map[string]bool) (scopes []*scope, opaque []tensor) {
	scopes = []*scope{g.scope}
	functions := nodedef.Functions(g.def)
	if len(functions) == 0 {
		return scopes, nil
	}
	budget := maxWork * len(g.list)
	for _, fn := range functions {
		budget += maxWork * len(fn.GetNodeDef())
	}
	var visit func(s *scope, depth int)
	visit = func(s *scope, depth int) {
		budget -= len(s.list)
		for _, n := range s.list {
			names := functionsOf(n, functions)
			if !slices.ContainsFunc(names, func(name string) bool { return wanted[name] }) {
				continue
			}
			fn := functions[names[0]]
			if !plainCall(n, fn) || depth == maxDepth || budget < 0 {
				opaque = append(opaque, tensor{scope: s, node: n})
				continue
			}
			called := newScope(fn.GetNodeDef())
			called.fn, called.caller, called.call = fn, s, n
			called.args = map[string]int{}
			for i, arg := range fn.GetSignature().GetInputArg() {
				called.args[arg.GetName()] = i
			}
			scopes = append(scopes, called)
			visit(called, depth+1)
		}
	}
	visit(g.scope, 0)
	return scopes, opaque
}

// plainCall reports whether n runs fn once, with an input for each argument.
func plainCall(n *graphdef.NodeDef, fn *function_go_proto.FunctionDef) bool {
	switch n.GetOp() {
	case "PartitionedCall", "StatefulPartitionedCall", fn.GetSignature().GetName():
	default:
		return false
	}
	for _, arg := range fn.GetSignature().GetInputArg() {
		if arg.GetNumberAttr() != "" || arg.GetTypeListAttr() != "" {
			return false
		}
	}
	return true
}

// functionsOf returns the names of the functions of the library that n may call.
func functionsOf(n *graphdef.NodeDef, functions map[string]*function_go_proto.FunctionDef) []string {
	var names []string
	if functions[n.GetOp()] != nil {
		names = append(names, n.GetOp())
	}
	for _, a := range n.GetAttr() {
		for _, f := range append(slices.Clone(a.GetList().GetFunc()), a.GetFunc()) {
			if functions[f.GetName()] != nil {
				names = append(names, f.GetName())
			}
		}
	}
	return names
}

// functionsWith returns the functions that have a node for which is is true, themselves or by
// the functions that they call.
func functionsWith(functions map[string]*function_go_proto.FunctionDef, is func(*graphdef.NodeDef) bool) map[string]bool {
	callers := map[string][]string{}
	found := map[string]bool{}
	var queue []string
	for name, fn := range functions {
		for _, n := range fn.GetNodeDef() {
			if is(n) && !found[name] {
				found[name] = true
				queue = append(queue, name)
			}
			for _, called := range functionsOf(n, functions) {
				callers[called] = append(callers[called], name)
			}
		}
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		for _, caller := range callers[name] {
			if !found[caller] {
				found[caller] = true
				queue = append(queue, caller)
			}
		}
	}
	return found
}
