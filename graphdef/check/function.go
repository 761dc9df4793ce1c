package check

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"github.com/tfkeep/tfkeep/graphdef"
	"github.com/tfkeep/tfkeep/internal/nodedef"
)

// checkLibrary checks the functions: their names, their bodies, and that no function
// calls itself.
func (c *checker) checkLibrary(g *graphdef.GraphDef) {
	for _, f := range g.GetLibrary().GetFunction() {
		name := f.GetSignature().GetName()
		switch {
		case name == "":
			c.addFault("", "a function has no name")
		case c.functions[name] != nil:
			c.addFault("", "function %q is defined twice", name)
		}
		c.functions[name] = f
	}
	for _, f := range g.GetLibrary().GetFunction() {
		c.function = f.GetSignature().GetName()
		c.checkBody(f)
	}
	c.function = ""
	if c.checkRecursion() {
		c.checkCalls(g)
	}
}

// checkBody checks a function's nodes. Their inputs are "arg", "node:output" or
// "node:output:i", and "^node".
func (c *checker) checkBody(f *function_go_proto.FunctionDef) {
	nodes := f.GetNodeDef()
	index := c.indexNames(nodes, isFirstInFunction)
	args := map[string]bool{}
	for _, arg := range f.GetSignature().GetInputArg() {
		args[arg.GetName()] = true
	}
	isKnown := func(input string) bool {
		source := nodedef.NodeName(input)
		_, ok := index[source]
		return ok || args[source]
	}
	for _, n := range nodes {
		op := c.definition(n)
		c.checkAttrs(n, op)
		c.checkInputCount(n, op)
		for _, input := range n.GetInput() {
			if !isKnown(input) {
				c.addFault(n.GetName(), "Unknown input node '%s'", input)
			} else if !hasValidPort(input) {
				c.addFault(n.GetName(), "malformed input %q", input)
			}
		}
	}
	for _, out := range slices.Sorted(maps.Keys(f.GetRet())) {
		if !isKnown(f.GetRet()[out]) {
			c.addFault("", "result %q comes from unknown node '%s'", out, f.GetRet()[out])
		}
	}
	c.checkCycles(nodes, index)
}

// hasValidPort reports whether the i of an input "node:output:i" is a number.
func hasValidPort(input string) bool {
	parts := strings.Split(input, ":")
	if len(parts) != 3 {
		return true
	}
	_, err := strconv.Atoi(parts[2])
	return err == nil
}

// checkRecursion finds functions that call themselves, directly or through others. It
// reports whether there are none.
func (c *checker) checkRecursion() bool {
	names := slices.Sorted(maps.Keys(c.functions))
	position := make(map[string]int, len(names))
	for i, name := range names {
		position[name] = i
	}
	calls := make([][]int, len(names))
	for i, name := range names {
		for _, callee := range c.callees(c.functions[name]) {
			calls[i] = append(calls[i], position[callee])
		}
	}
	sound := true
	for path, to := range cycles(calls) {
		sound = false
		c.addFault("", "function %q calls itself, through %q", names[to], names[path[len(path)-1]])
	}
	return sound
}

// callees returns the functions that f's nodes call, sorted: as their op, or by an
// attribute that names a function, such as a loop's body.
func (c *checker) callees(f *function_go_proto.FunctionDef) []string {
	called := map[string]bool{}
	use := func(name string) {
		if c.functions[name] != nil {
			called[name] = true
		}
	}
	for _, n := range f.GetNodeDef() {
		use(n.GetOp())
		for _, v := range n.GetAttr() {
			use(v.GetFunc().GetName())
			for _, fn := range v.GetList().GetFunc() {
				use(fn.GetName())
			}
		}
	}
	return slices.Sorted(maps.Keys(called))
}
