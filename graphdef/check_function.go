package graphdef

import (
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// library checks the functions: their names, their bodies, and that none calls
// itself, on which libtensorflow overflows its stack.
func (c *checker) library(g *GraphDef) {
	for _, f := range g.GetLibrary().GetFunction() {
		name := f.GetSignature().GetName()
		switch {
		case name == "":
			c.fault("", "a function has no name")
		case c.functions[name] != nil:
			c.fault("", "function %q is defined twice", name)
		}
		c.functions[name] = f
	}
	for _, f := range g.GetLibrary().GetFunction() {
		c.function = f.GetSignature().GetName()
		c.body(f)
	}
	c.function = ""
	c.recursion(g)
}

// body checks a function's nodes. Their inputs are "arg", "node:output" or
// "node:output:i", and "^node".
func (c *checker) body(f *FunctionDef) {
	nodes := f.GetNodeDef()
	index := c.index(nodes, letterDigitDotUnderscore)
	args := map[string]bool{}
	for _, arg := range f.GetSignature().GetInputArg() {
		args[arg.GetName()] = true
	}
	known := func(input string) bool {
		source := NodeName(input)
		if _, ok := index[source]; ok {
			return true
		}
		return args[source]
	}
	for _, n := range nodes {
		c.inputCount(n, c.definition(n))
		for _, input := range n.GetInput() {
			if !known(input) {
				c.fault(n.GetName(), "Unknown input node '%s'", input)
			} else if parts := strings.Split(input, ":"); len(parts) == 3 {
				if _, err := strconv.Atoi(parts[2]); err != nil {
					c.fault(n.GetName(), "malformed input %q", input)
				}
			}
		}
	}
	for _, out := range slices.Sorted(maps.Keys(f.GetRet())) {
		if !known(f.GetRet()[out]) {
			c.fault("", "result %q comes from unknown node '%s'", out, f.GetRet()[out])
		}
	}
	c.cycle(nodes, index)
}

// recursion finds functions that call themselves, directly or through others.
func (c *checker) recursion(g *GraphDef) {
	calls := map[string][]string{}
	for _, f := range g.GetLibrary().GetFunction() {
		calls[f.GetSignature().GetName()] = c.callees(f)
	}
	const (
		unseen = iota
		open
		done
	)
	state := map[string]int{}
	type step struct {
		name string
		next int
	}
	for _, start := range slices.Sorted(maps.Keys(calls)) {
		if state[start] != unseen {
			continue
		}
		state[start] = open
		stack := []step{{name: start}}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next == len(calls[top.name]) {
				state[top.name] = done
				stack = stack[:len(stack)-1]
				continue
			}
			callee := calls[top.name][top.next]
			top.next++
			switch state[callee] {
			case unseen:
				state[callee] = open
				stack = append(stack, step{name: callee})
			case open:
				c.fault("", "function %q calls itself, through %q", callee, top.name)
			}
		}
	}
}

// callees gives the functions that f's nodes call: as their op, or by an
// attribute that names a function (a body, a branch), sorted.
func (c *checker) callees(f *FunctionDef) []string {
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
	names := make([]string, 0, len(called))
	for name := range called {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
